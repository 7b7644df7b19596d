import { join } from 'node:path';
import type { EmbedderOptions } from '../embedding/embedder.ts';
import type { Embedder, EmbeddingModel } from '../embedding/port.ts';
import { activeModel } from '../library/active-model.ts';
import type { Settings } from '../settings.ts';
import type { PhotoStore, PhotoTable } from '../store/port.ts';
import type { Context } from './command.ts';

/** What the verbs that look things up work with. */
export interface OpenLibrary {
  readonly settings: Settings;
  readonly model: EmbeddingModel;
  /** This machine has not indexed into this store yet. */
  readonly isNew: boolean;
  /** Opening since the verb began; awaited where it is first needed. */
  readonly store: Promise<PhotoStore>;
  /** The model's own table of it. */
  readonly table: Promise<PhotoTable>;
  openEmbedder(options?: EmbedderOptions): Promise<Embedder>;
  close(): Promise<void>;
}

interface OpenFlags {
  readonly model?: string | undefined;
}

/** Under which name the model of an index is remembered: one per store. */
export function storeKey(settings: Settings): string {
  return settings.milvusUri ?? 'lite';
}

/** Held by an index run. */
export function indexLock(settings: Settings): string {
  return join(settings.paths.data, 'index.lock');
}

/** Opens the store, in the background, and finds the model: the flag's, else the setting's, else the index's own. */
export async function openLibrary(context: Context, flags: OpenFlags): Promise<OpenLibrary> {
  const { world } = context;
  const settings = context.settings({ model: flags.model });
  const [{ resolveModel }, { openStore }, { storeScreen }] = await Promise.all([
    import('../embedding/models.ts'),
    import('../store/open.ts'),
    import('../output/store-events.ts'),
  ]);
  const active = await activeModel(settings.paths.data, storeKey(settings)).catch((error: unknown) => {
    if (settings.model === undefined) throw error;
    return null;
  });
  const model = await resolveModel(world, settings, settings.model ?? active ?? undefined);
  const store = openStore(world, settings, storeScreen(world));
  const table = store.then((opened) => opened.table(model));
  // Whoever awaits them first reports the failure; until then it must not count as unhandled.
  table.catch(() => undefined);
  return {
    settings,
    model,
    isNew: active === null,
    store,
    table,
    openEmbedder: async (options = {}) => {
      const { openEmbedder } = await import('../embedding/embedder.ts');
      return openEmbedder(world, model, { cacheDir: join(settings.paths.cache, 'models'), ...options });
    },
    close: async () => {
      await (await store.catch(() => null))?.close();
    },
  };
}
