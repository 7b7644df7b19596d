import type { Embedder } from '../../src/embedding/port.ts';
import { onMachine, openMachine } from '../../src/library/machine.ts';
import type { Session } from '../../src/library/session.ts';
import { loadSettings } from '../../src/settings.ts';
import type { PhotoStore } from '../../src/store/port.ts';
import { HashEmbedder } from './hash-embedder.ts';
import { MemoryStore } from './memory-store.ts';
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

/** A place for an index, as a machine whose notes are in `home` sees it. */
export function placeIn(home: string, uri: string, store: PhotoStore): Session {
  const settings = loadSettings(testWorld({ env: { CURATE_HOME: home, MILVUS_URI: uri } }));
  const machine = openMachine(settings);
  const plain = memorySession({ home, store: new MemoryStore(), embedder: new HashEmbedder() });
  return { ...plain, settings, machine, store: async () => onMachine(store, machine) };
}
