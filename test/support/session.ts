import type { Embedder } from '../../src/embedding/port.ts';
import { openMachine } from '../../src/library/machine.ts';
import type { Session } from '../../src/library/session.ts';
import { loadSettings } from '../../src/settings.ts';
import type { MemoryStore } from './memory-store.ts';
import { testWorld } from './world.ts';

interface Parts {
  /** For config, data and cache. */
  readonly home: string;
  readonly store: MemoryStore;
  readonly embedder: Embedder;
  /** As named by a flag or the environment. */
  readonly model?: string;
}

/** A session over the store in memory and an embedder that is open. */
export function memorySession({ home, store, embedder, model }: Parts): Session {
  const world = testWorld({ env: { CURATE_HOME: home, MILVUS_URI: 'http://127.0.0.1:1' } });
  const settings = loadSettings(world, { model });
  const used = embedder.model;
  return {
    settings,
    machine: openMachine(settings),
    model: async () => used,
    isNew: async () => false,
    store: async () => store,
    index: async () => ({ store, table: store.table(used) }),
    embedder: async () => embedder,
    openEmbedder: async () => embedder,
    close: async () => undefined,
  };
}
