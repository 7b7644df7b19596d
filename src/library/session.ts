import { join } from 'node:path';
import type { EmbedderOptions } from '../embedding/embedder.ts';
import type { Embedder, EmbeddingModel } from '../embedding/port.ts';
import type { Settings } from '../settings.ts';
import type { OnStoreEvent, StoreEvent } from '../store/events.ts';
import type { PhotoIndex, PhotoStore } from '../store/port.ts';
import type { World } from '../world.ts';
import { activeModel, rememberModel, storeKey } from './active-model.ts';
import { type Machine, onMachine, openMachine } from './machine.ts';
import { once } from './once.ts';

/**
 * The library in use: a command opens a session per run, a server keeps one for hours. Every part opens when it is
 * first asked for and is the same from then on. A part that failed to open is tried again by the next call.
 */
export interface Session {
  readonly settings: Settings;
  /** Where the store's libraries are on this machine. */
  readonly machine: Machine;
  /**
   * The model of the settings, else the index's own, else the default. Of an index on a server, which other machines
   * change, the store says what that is; of the embedded one this machine knows.
   * @throws UserError when it cannot be used.
   */
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

/** What opening a session is busy with, and the model that it takes because the index was made with it elsewhere. */
export type SessionEvent =
  | StoreEvent
  | { readonly kind: 'model'; readonly step: 'taken'; readonly model: string; readonly place: string };

export interface SessionOptions {
  /** After how long without a photo the worker of `embedder()` ends. */
  readonly idleMs?: number;
  /** Name of the library that is about to be indexed: its model is taken, though others may be of another. */
  readonly library?: string;
  /** Waits from the first call on for a server that this machine has indexed into: nobody sits and waits for an answer. */
  readonly patient?: boolean;
}

/** The store that the settings name; an embedded one of an older Milvus Lite is moved to this curate's first. */
export async function openStoreHere(
  world: World,
  settings: Settings,
  onEvent: OnStoreEvent,
  expected = false,
): Promise<PhotoStore> {
  const { openStore } = await import('../store/open.ts');
  if (settings.milvusUri === undefined) {
    const { moveToOwnEngine } = await import('../store/move-engine.ts');
    await moveToOwnEngine(world, settings, onEvent, async (source, target, onProgress) => {
      const { copyWholeStore } = await import('./copy/whole-store.ts');
      await copyWholeStore(source, target, world.interrupted, onProgress);
    });
  }
  return openStore(world, settings, onEvent, expected);
}

/** @param onEvent Told what opening the store is busy with, what a server is waited for, and which model is taken. */
export function openSession(
  world: World,
  settings: Settings,
  onEvent: (event: SessionEvent) => void,
  { idleMs = IDLE_MS, library, patient = false }: SessionOptions = {},
): Session {
  const shared = settings.milvusUri !== undefined && settings.model === undefined;
  const remembered = once(() =>
    activeModel(settings).catch((error: unknown) => {
      if (settings.model === undefined && !shared) throw error;
      return null;
    }),
  );
  const machine = openMachine(settings, async () => (await store.get()).identity());
  const known = once(async () => {
    const active = await remembered.get();
    return named(settings.model ?? active ?? undefined);
  });
  const model = once(() => (shared ? own() : known.get()));
  /** @throws UserError when it is not on this machine, or the server cannot be reached */
  const own = async (): Promise<EmbeddingModel> => {
    const [active, opened, { storedModel }] = await Promise.all([
      remembered.get(),
      store.get(),
      import('./stored-model.ts'),
    ]);
    const place = storeKey(settings);
    // By the first of the store's names, where this is another.
    const noted = active ?? (await activeModel(settings, await machine.place()).catch(() => null));
    const found = await storedModel(opened, settings, {
      remembered: noted,
      place,
      ...(library === undefined ? {} : { library }),
    });
    if (found === active || found === null) return known.get();
    const taken = await named(found);
    if (found !== noted) onEvent({ kind: 'model', step: 'taken', model: found, place });
    // Where nothing can be written now, the store is asked again next time.
    if (library === undefined) await rememberModel(settings, found).catch(() => undefined);
    return taken;
  };
  const store = once(async () => {
    const expected = patient && (await remembered.get()) !== null;
    return onMachine(await openStoreHere(world, settings, onEvent, expected), machine);
  });
  const index = once(async () => {
    // A model that cannot be used needs no store.
    const identity = await model.get();
    const opened = await store.get();
    return { store: opened, table: opened.table(identity) };
  });
  const named = async (id: string | undefined): Promise<EmbeddingModel> => {
    const { resolveModel } = await import('../embedding/models.ts');
    return resolveModel(world, settings, id);
  };
  const cacheDir = join(settings.paths.cache, 'models');
  const openEmbedder = async (options: EmbedderOptions = {}, other?: string): Promise<Embedder> => {
    const [{ openEmbedder: open }, identity] = await Promise.all([
      import('../embedding/embedder.ts'),
      other === undefined ? model.get() : named(other),
    ]);
    return open(world, identity, { cacheDir, ...options });
  };
  const embedder = once(async () => {
    const options = { jobs: 1, threads: world.cores, eager: true, idleMs, patienceMs: PATIENCE_MS };
    if (!shared || (await remembered.get()) === null) return openEmbedder(options);
    // What is remembered is right but for once in a while: the worker starts while the server is asked.
    const { openEmbedder: open } = await import('../embedding/embedder.ts');
    const likely = await known.get().catch(() => null);
    const early = likely === null ? null : open(world, likely, { cacheDir, ...options });
    const right = await model.get().catch(async (error: unknown) => {
      await (await early)?.close();
      throw error;
    });
    if (early !== null && likely?.sha256 === right.sha256) return early;
    await (await early)?.close();
    return openEmbedder(options);
  });
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
