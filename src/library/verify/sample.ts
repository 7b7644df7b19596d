import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { UserError } from '../../errors.ts';
import type { Library, PhotoIndex, PhotoTable, StoredPhoto } from '../../store/port.ts';
import { isBelow, isThere, photoFile } from '../paths.ts';
import { notIndexed, partsBelow } from '../photo-filter.ts';

/** An indexed photo whose file is as it was when it was indexed. */
export interface SampledPhoto {
  readonly photo: StoredPhoto;
  /** Absolute native path. */
  readonly file: string;
}

/** Photos that were passed over, by why. */
export interface LeftOut {
  /** Their drive is away. */
  readonly away: number;
  /** Removed or edited since they were indexed. */
  readonly changed: number;
  /** Their file is there, but cannot be read. */
  readonly unreadable: number;
}

export interface Sample {
  readonly photos: readonly SampledPhoto[];
  readonly leftOut: Pick<LeftOut, 'away' | 'changed'>;
}

/**
 * Up to `size` photos below `folder` (absolute; null means everywhere), the same ones for the same index and seed.
 * @throws UserError when nothing is indexed there.
 */
export async function takeSample(
  { store, table }: PhotoIndex,
  folder: string | null,
  { size, seed }: { readonly size: number; readonly seed: number },
): Promise<Sample> {
  const leftOut = { away: 0, changed: 0 };
  const photos: SampledPhoto[] = [];
  const libraries = await store.libraries();
  const roots = new Map<string, Promise<boolean>>();
  for (const { library, photo } of shuffled(await photosBelow(table, libraries, folder), seed)) {
    if (photos.length === size) break;
    const present = roots.get(library.id) ?? isThere(library.root);
    roots.set(library.id, present);
    const file = photoFile(library, photo.path);
    if (!(await present)) leftOut.away += 1;
    else if (await isUnchanged(file, photo)) photos.push({ photo, file });
    else leftOut.changed += 1;
  }
  return { photos, leftOut };
}

interface Indexed {
  readonly library: Library;
  readonly photo: StoredPhoto;
}

async function photosBelow(
  table: PhotoTable,
  libraries: readonly Library[],
  folder: string | null,
): Promise<Indexed[]> {
  const parts = folder === null ? null : await partsBelow(libraries, folder);
  const indexed: Indexed[] = [];
  for (const library of libraries) {
    const places = parts?.filter((part) => part.library === library.id).map((part) => part.folder) ?? [''];
    if (places.length === 0) continue;
    for await (const photo of table.photos(library.id)) {
      if (places.some((place) => isBelow(photo.path, place))) indexed.push({ library, photo });
    }
  }
  if (indexed.length > 0) return indexed;
  if (folder === null) {
    throw new UserError('nothing_indexed', 'Nothing is indexed yet.', {
      hint: 'Index a folder first: curate index FOLDER',
    });
  }
  throw notIndexed(folder);
}

/** In an order that depends on the seed and the photos alone, so that a rebuilt index gives the same sample. */
function shuffled(indexed: readonly Indexed[], seed: number): Indexed[] {
  const keyed = indexed.map((entry) => {
    const { sha256, path } = entry.photo;
    return { entry, key: createHash('sha256').update(`${seed}\0${sha256}\0${path}`).digest('hex') };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ entry }) => entry);
}

async function isUnchanged(file: string, { size, mtimeMs }: StoredPhoto): Promise<boolean> {
  return stat(file).then(
    (found) => found.size === size && Math.round(found.mtimeMs) === mtimeMs,
    () => false,
  );
}
