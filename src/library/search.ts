import { realpath, stat } from 'node:fs/promises';
import type { Embedder } from '../embedding/port.ts';
import { UserError } from '../errors.ts';
import type { Hit, Library, PhotoFilter, PhotoStore } from '../store/port.ts';
import { photoFile } from './scope.ts';

export interface SearchRequest {
  /** Absolute files; with several, their mean direction is searched for. */
  readonly queries: readonly string[];
  readonly k: number;
  readonly minScore?: number;
  readonly filter?: PhotoFilter;
  /** Keeps the query photos themselves among the results. */
  readonly includeSelf?: boolean;
}

export interface FoundPhoto extends Hit {
  /** Absolute native path. */
  readonly file: string;
  readonly libraryName: string;
  /** False while the drive it is on is away, and when its file is gone. */
  readonly available: boolean;
}

/** The `k` photos most like the queries, by cosine similarity, best first. @throws UserError when a query cannot be read. */
export async function searchPhotos(
  deps: { readonly embedder: Embedder; readonly store: Promise<PhotoStore> },
  request: SearchRequest,
): Promise<FoundPhoto[]> {
  // The store opens while the queries are being embedded: neither waits for the other.
  const [vector, store] = await Promise.all([embedQueries(deps.embedder, request.queries), deps.store]);
  const selves = request.includeSelf ? new Set<string>() : await realFiles(request.queries);
  const { k, filter, minScore } = request;
  const [hits, libraries] = await Promise.all([
    store.search(vector, {
      // Room for the queries themselves, which are left out afterwards.
      k: k + selves.size,
      ...(filter === undefined ? {} : { filter }),
      ...(minScore === undefined ? {} : { minScore }),
    }),
    store.libraries(),
  ]);
  return await present(hits, libraries, selves, k);
}

/** The mean direction of the queries' unit vectors, itself of unit length. */
async function embedQueries(embedder: Embedder, files: readonly string[]): Promise<Float32Array> {
  const vectors = await Promise.all(files.map((file) => embedQuery(embedder, file)));
  const mean = new Float32Array(embedder.model.dim);
  for (const vector of vectors) for (let i = 0; i < mean.length; i += 1) mean[i] = (mean[i] ?? 0) + (vector[i] ?? 0);
  const length = Math.hypot(...mean) || 1;
  return mean.map((value) => value / length);
}

async function embedQuery(embedder: Embedder, file: string): Promise<Float32Array> {
  const result = await embedder.embed({ file });
  if (result.kind === 'embedded') return result.photo.vector;
  if (result.kind === 'known') throw new Error('the embedder found a hash that it was not given');
  throw unusableQuery(file, result.fault.reason);
}

/** @param reason a clause: "is damaged" */
export function unusableQuery(file: string, reason: string): UserError {
  return new UserError('query_unreadable', `The query photo ${file} cannot be used: it ${reason}.`, {
    hint: 'Name another photo.',
  });
}

async function realFiles(files: readonly string[]): Promise<Set<string>> {
  return new Set(await Promise.all(files.map((file) => realpath(file).catch(() => file))));
}

async function present(
  hits: readonly Hit[],
  libraries: readonly Library[],
  selves: ReadonlySet<string>,
  k: number,
): Promise<FoundPhoto[]> {
  const byId = new Map(libraries.map((library) => [library.id, library]));
  const located = hits.flatMap((hit) => {
    const library = byId.get(hit.library);
    return library === undefined ? [] : [{ ...hit, file: photoFile(library, hit.path), libraryName: library.name }];
  });
  const wanted = located.filter(({ file }) => !selves.has(file)).slice(0, k);
  return await Promise.all(wanted.map(async (photo) => ({ ...photo, available: await isThere(photo.file) })));
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
