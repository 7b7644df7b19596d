import * as sdk from '@zilliz/milvus2-sdk-node';
import { openLine } from '../../src/store/milvus/client.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { storeContract } from './contract.ts';

const which = process.env['DEV_STORE'] ?? 'lite';
const endpoint =
  which === 'lite'
    ? { kind: 'lite' as const, address: 'unix:/tmp/milvus-team/a.sock', token: 'secret', place: 'the embedded store' }
    : { kind: 'server' as const, address: 'unix:/tmp/milvus-team/m.sock', token: 'root:Milvus', place: 'm.sock' };
storeContract(
  `dev ${which}`,
  async () => ({
    open: async (model) => milvusStore(openLine(sdk, endpoint, null), model),
    close: async () => undefined,
  }),
  { timeout: 120_000, runs: 5 },
);
