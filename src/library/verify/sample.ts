import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { UserError } from '../../errors.ts';
import { exists } from '../../files/exists.ts';
import type { PhotoFilter, PhotoIndex, PhotoRecord, PhotoTable, StoredPhoto } from '../../store/port.ts';
import { onceEach } from '../once.ts';
import { photoFile } from '../paths.ts';
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

/** Rows read at a time. */
const PAGE = 500;

/**
 * Up to `size` photos below `folder` (absolute; null means everywhere), the same ones for the same index and seed. They
 * follow each other in order of id, from where the seed says: ids are hashes, so that what is next to each other there
 * has nothing else in common, and of an index of any size few rows are read.
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
  const filter = folder === null ? {} : { within: await partsBelow(libraries, folder) };
  const byId = new Map(libraries.map((library) => [library.id, library]));
  const isThere = onceEach(exists);
  let isEmpty = true;
  for await (const photo of roundFrom(table, createHash('sha256').update(String(seed)).digest('hex'), filter)) {
    const library = byId.get(photo.library);
    if (library === undefined) continue;
    isEmpty = false;
    const file = photoFile(library, photo.path);
    if (!(await isThere(library.root))) leftOut.away += 1;
    else if (!(await isUnchanged(file, photo))) leftOut.changed += 1;
    else if (photos.push({ photo, file }) === size) break;
  }
  if (isEmpty) throw folder === null ? nothingIndexed() : notIndexed(folder);
  return { photos, leftOut };
}

/** All rows in order of id, from `start` on and round. */
async function* roundFrom(table: PhotoTable, start: string, filter: PhotoFilter): AsyncGenerator<PhotoRecord> {
  yield* table.all({ filter, after: start, page: PAGE });
  for await (const photo of table.all({ filter, page: PAGE })) {
    if (photo.id > start) return;
    yield photo;
  }
}

function nothingIndexed(): UserError {
  return new UserError('nothing_indexed', 'Nothing is indexed yet.', {
    hint: 'Index a folder first: curate index FOLDER',
  });
}

async function isUnchanged(file: string, { size, mtimeMs }: StoredPhoto): Promise<boolean> {
  return stat(file).then(
    (found) => found.size === size && Math.round(found.mtimeMs) === mtimeMs,
    () => false,
  );
}
