import { join } from 'node:path';
import type { EmbedderOptions } from '../embedding/embedder.ts';
import type { Embedder, EmbeddingModel } from '../embedding/port.ts';
import type { Settings } from '../settings.ts';
import type { OnStoreEvent } from '../store/events.ts';
import type { PhotoIndex, PhotoStore } from '../store/port.ts';
import type { World } from '../world.ts';
import { activeModel } from './active-model.ts';
import { type Machine, onMachine, openMachine } from './machine.ts';

/**
 * The library in use: a command opens a session per run, a server keeps one for hours. Every part opens when it is
 * first asked for and is the same from then on. A part that failed to open is tried again by the next call.
 */
export interface Session {
  readonly settings: Settings;
  /** Where the store's libraries are on this machine. */
  readonly machine: Machine;
  /** The model of the settings, else the index's own, else the default. @throws UserError when it cannot be used. */
  model(): Promise<EmbeddingModel>;
  /** Whether this machine has not indexed into this store yet. */
  isNew(): Promise<boolean>;
  /** Called early, it opens while other work continues. @throws UserError when it cannot be opened. */
  store(): Promise<PhotoStore>;
  /** The store and the table of `model()`. */
  index(): Promise<PhotoIndex>;
  /**
   * One worker process for single photos, which starts at once, ends when idle and starts again when needed; whoever
   * uses it leaves it open.
   */
  embedder(): Promise<Embedder>;
  /** An embedder for a long run of photos; whoever opens it closes it. @param other id of a model in place of `model()` */
  openEmbedder(options?: EmbedderOptions, other?: string): Promise<Embedder>;
  /** Closes what was opened. */
  close(): Promise<void>;
}

/** How long a single photo may take: somebody waits for it. */
const PATIENCE_MS = 60_000;
/** A worker holds some 0.2 GB while its model is open. */
const IDLE_MS = 300_000;

/**
 * @param onEvent Told what setting up and starting the embedded store is busy with, and what a server is waited for.
 * @param idleMs After how long without a photo the worker of `embedder()` ends.
 */
export function openSession(
  world: World,
  settings: Settings,
  onEvent: OnStoreEvent,
  { idleMs = IDLE_MS }: { readonly idleMs?: number } = {},
): Session {
  const remembered = once(() =>
    activeModel(settings).catch((error: unknown) => {
      if (settings.model === undefined) throw error;
      return null;
    }),
  );
  const machine = openMachine(settings);
  const model = once(async () => {
    const [{ resolveModel }, active] = await Promise.all([import('../embedding/models.ts'), remembered.get()]);
    return resolveModel(world, settings, settings.model ?? active ?? undefined);
  });
  const store = once(async () => {
    const { openStore } = await import('../store/open.ts');
    return onMachine(await openStore(world, settings, onEvent), machine);
  });
  const index = once(async () => {
    // A model that cannot be used needs no store.
    const identity = await model.get();
    const opened = await store.get();
    return { store: opened, table: opened.table(identity) };
  });
  const named = async (id: string): Promise<EmbeddingModel> => {
    const { resolveModel } = await import('../embedding/models.ts');
    return resolveModel(world, settings, id);
  };
  const openEmbedder = async (options: EmbedderOptions = {}, other?: string): Promise<Embedder> => {
    const [{ openEmbedder: open }, identity] = await Promise.all([
      import('../embedding/embedder.ts'),
      other === undefined ? model.get() : named(other),
    ]);
    return open(world, identity, { cacheDir: join(settings.paths.cache, 'models'), ...options });
  };
  const embedder = once(() => openEmbedder({ jobs: 1, eager: true, idleMs, patienceMs: PATIENCE_MS }));
  return {
    settings,
    machine,
    model: model.get,
    isNew: async () => (await remembered.get()) === null,
    store: store.get,
    index: index.get,
    embedder: embedder.get,
    openEmbedder,
    close: async () => {
      await Promise.all([embedder, store].map(async (part) => (await part.opened())?.close()));
    },
  };
}

interface Once<T> {
  get(): Promise<T>;
  /** What is open or being opened; null when nothing is. */
  opened(): Promise<T | null>;
}

function once<T>(open: () => Promise<T>): Once<T> {
  let opening: Promise<T> | null = null;
  return {
    get: () => {
      if (opening !== null) return opening;
      const attempt = open();
      opening = attempt;
      // Whoever awaits it reports the failure; until then it must not count as unhandled.
      attempt.catch(() => {
        opening = null;
      });
      return attempt;
    },
    opened: async () => (await opening?.catch(() => null)) ?? null,
  };
}
