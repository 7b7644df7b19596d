import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import type { Namespace } from '../store/milvus/endpoint.ts';
import type { IndexedModel, ModelIdentity, PhotoStore } from '../store/port.ts';
import { type LibraryState, listLibraries } from './libraries.ts';
import type { Session } from './session.ts';

/** What is indexed, with which model, in which store, and how much space it takes. */
export interface Status {
  readonly model: ModelIdentity;
  readonly store: { readonly kind: PhotoStore['kind']; readonly uri: string | null } & Namespace;
  readonly libraries: readonly LibraryState[];
  readonly models: readonly IndexedModel[];
  /** Bytes of everything in curate's own folders. */
  readonly sizes: { readonly dataBytes: number; readonly cacheBytes: number };
  readonly folders: { readonly data: string; readonly cache: string };
  /** Folders of these that could not be listed: what is in them is not counted. */
  readonly unlisted: readonly string[];
}

/** @param now milliseconds since 1970 */
export async function statusOf(session: Session, now: number): Promise<Status> {
  const { settings } = session;
  const { data, cache } = settings.paths;
  const [index, model] = await Promise.all([session.index(), session.model()]);
  const unlisted: string[] = [];
  return {
    model,
    store: {
      kind: index.store.kind,
      uri: settings.milvusUri ?? null,
      ...(settings.database === undefined ? {} : { database: settings.database }),
      ...(settings.prefix === undefined ? {} : { prefix: settings.prefix }),
    },
    libraries: await listLibraries(index, now),
    models: await index.store.models(),
    sizes: { dataBytes: await folderBytes(data, unlisted), cacheBytes: await folderBytes(cache, unlisted) },
    folders: { data, cache },
    unlisted,
  };
}

/**
 * Of all files below; 0 when there is no such folder. What vanishes meanwhile does not count.
 * @param unlisted gathers the folders that could not be listed
 */
export async function folderBytes(folder: string, unlisted: string[]): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') unlisted.push(folder);
    return [];
  });
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return folderBytes(path, unlisted);
      return lstat(path).then(
        ({ size }) => size,
        () => 0,
      );
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
