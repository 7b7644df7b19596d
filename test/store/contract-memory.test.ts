import { MemoryStore } from '../support/memory-store.ts';
import { storeContract } from './contract.ts';

storeContract('the store in memory that other tests use', async () => new MemoryStore(), {
  timeout: 10_000,
  runs: 100,
});
