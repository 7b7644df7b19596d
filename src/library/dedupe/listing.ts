import { rootsOf } from '../../embedding/vector.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import type { Library, PhotoFilter, PhotoRecord } from '../../store/port.ts';
import { photoFile } from '../paths.ts';
import { partsBelow } from '../photo-filter.ts';
import { Graph, PairList } from './graph.ts';
import { neighbours } from './neighbours.ts';
import { PackedVectors } from './packed.ts';
import type { DedupeDeps, Places } from './request.ts';
import type { Kind } from './stars.ts';

/** A photo as the index knows it. */
export interface ListedPhoto {
  /** Absolute native path. */
  readonly file: string;
  readonly record: PhotoRecord;
  /** Photos with the same bytes share a content. */
  readonly content: number;
}

export interface Listing {
  readonly photos: readonly ListedPhoto[];
  /** Which contents are alike by their vectors. */
  readonly graph: Graph;
  /** Of the libraries: absolute folders. */
  readonly roots: readonly string[];
}

/** Reads the photos from the index and finds which contents are alike; vectors are only read where they are needed. */
export async function listPhotos(
  { session, signal, threads = 1, onEvent }: DedupeDeps,
  { folders, against }: Places,
  kinds: readonly Kind[],
): Promise<Listing> {
  const [{ store, table }, model] = await Promise.all([session.index(), session.model()]);
  const libraries = await store.libraries();
  const filter = await filterOf(libraries, against === null ? folders : [against, ...folders], folders.length === 0);
  const total = await table.count();
  const onlyBytes = kinds.every((kind) => kind === 'identical');
  const byId = new Map(libraries.map((library) => [library.id, library]));
  const contents = new Map<string, number>();
  const vectors = new PackedVectors(model.dim, onlyBytes ? 0 : total);
  const photos: ListedPhoto[] = [];
  let read = 0;
  const add = (record: PhotoRecord): boolean => {
    read += 1;
    if (read % 1000 === 0) onEvent({ kind: 'listing', done: read, total: Math.max(read, total) });
    const library = byId.get(record.library);
    if (library === undefined) return false;
    const known = contents.get(record.sha256);
    const content = known ?? contents.size;
    contents.set(record.sha256, content);
    photos.push({ file: photoFile(library, record.path), record, content });
    return known === undefined;
  };
  const options = filter === null ? {} : { filter };
  if (onlyBytes) {
    for await (const record of table.all(options)) {
      demandUninterrupted(signal);
      add(record);
    }
  } else {
    for await (const { vector, ...record } of table.all({ ...options, vectors: true })) {
      demandUninterrupted(signal);
      if (add(record)) vectors.add(rootsOf(vector));
    }
  }
  const { burst, nearDuplicate } = model.thresholds;
  const graph = onlyBytes
    ? new Graph(contents.size, new PairList())
    : await neighbours(vectors, Math.min(burst, nearDuplicate), {
        signal,
        threads,
        onProgress: (share) => onEvent({ kind: 'comparing', share }),
      });
  return { photos, graph, roots: libraries.map(({ root }) => root) };
}

/** @param everywhere Whether what is compared against a folder is everything else. */
async function filterOf(
  libraries: readonly Library[],
  folders: readonly string[],
  everywhere: boolean,
): Promise<PhotoFilter | null> {
  const parts = await Promise.all(folders.map((folder) => partsBelow(libraries, folder)));
  return everywhere ? null : { within: parts.flat() };
}
