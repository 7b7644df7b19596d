import { realpath } from 'node:fs/promises';
import type { EmbeddedPhoto, Embedder } from '../embedding/port.ts';
import { UserError } from '../errors.ts';
import type { Hit, Library, PhotoFilter, PhotoIndex, PhotoStore } from '../store/port.ts';
import { isMounted, isThere, photoFile } from './paths.ts';
import { byCosine, fetchNearest, type Nearest, nearest, type RankedHit, type Ranker, rank } from './ranking/ranker.ts';

/** What is searched for: a direction, and which of the photos may answer. */
export interface SearchRequest {
  /** Unit length: one photo's vector, or the mean direction of several. */
  readonly vector: Float32Array;
  readonly k: number;
  readonly minScore?: number;
  readonly filter?: PhotoFilter;
  /** Whether to compare every vector, also where the store has an approximate index. */
  readonly exact?: boolean;
  /** Absolute files left out of the results: the query photos themselves, for instance. */
  readonly without?: readonly string[];
  /** Null or absent: by cosine alone. */
  readonly ranker?: Ranker | null;
}

export interface FoundPhoto extends RankedHit {
  /** Absolute native path. */
  readonly file: string;
  readonly libraryName: string;
  /** False while the drive it is on is away, when its file is gone, and when it is not mounted. */
  readonly available: boolean;
  /** False where this machine does not have its library: `file` then is NAME:/path/in/the/library. */
  readonly mounted: boolean;
}

/** The `k` photos nearest to a vector by cosine similarity, best first as the ranker has it. */
export async function searchVector({ store, table }: PhotoIndex, request: SearchRequest): Promise<FoundPhoto[]> {
  const { vector, k, filter, minScore = -1, exact = false, ranker = null } = request;
  const without = await realFiles(request.without ?? []);
  const options = { k, minScore, exact, ...(filter === undefined ? {} : { filter }) };
  const searching: Promise<Nearest> =
    ranker === null
      ? nearest(table, vector, { ...options, k: k + without.size }).then((far) => ({ near: [], far }))
      : fetchNearest(table, vector, options, without.size);
  const [{ near, far }, recent] = await Promise.all([searching, store.libraries({ recent: false })]);
  const place = locator(await librariesOf(store, [...near, ...far], recent), without);
  const located = { near: near.flatMap((hit) => place(hit)), far: far.flatMap((hit) => place(hit)) };
  const ordered = ranker === null ? located.far.map(byCosine) : rank(vector, located, ranker);
  const wanted = ordered.filter(({ score }) => score >= minScore).slice(0, k);
  return withAvailability(wanted);
}

/** Where hits lie on this machine, in their order: the first `k` that are not left out (absolute files). */
export async function locateHits(
  store: PhotoStore,
  hits: readonly RankedHit[],
  { k, without = [] }: Pick<SearchRequest, 'k' | 'without'>,
): Promise<FoundPhoto[]> {
  const recent = await store.libraries({ recent: false });
  const place = locator(await librariesOf(store, hits, recent), await realFiles(without));
  return withAvailability(hits.flatMap((hit) => place(hit)).slice(0, k));
}

/** A library put in the last seconds may be missing in `recent`. */
async function librariesOf(
  store: PhotoStore,
  hits: readonly Hit[],
  recent: readonly Library[],
): Promise<readonly Library[]> {
  const known = new Set(recent.map(({ id }) => id));
  return hits.every(({ library }) => known.has(library)) ? recent : await store.libraries();
}

function withAvailability(photos: readonly Omit<FoundPhoto, 'available'>[]): Promise<FoundPhoto[]> {
  return Promise.all(
    photos.map(async (photo) => ({ ...photo, available: photo.mounted && (await isThere(photo.file)) })),
  );
}

/** Every query photo read and embedded once, in the order given. @throws UserError when one cannot be read. */
export function embedQueries(
  embedder: Embedder,
  files: readonly string[],
  onEmbedded: (done: number, total: number) => void = () => undefined,
): Promise<EmbeddedPhoto[]> {
  let done = 0;
  return Promise.all(
    files.map(async (file) => {
      const photo = await embedQuery(embedder, file);
      done += 1;
      onEmbedded(done, files.length);
      return photo;
    }),
  );
}

async function embedQuery(embedder: Embedder, file: string): Promise<EmbeddedPhoto> {
  const result = await embedder.embed({ file });
  if (result.kind === 'embedded') return result.photo;
  if (result.kind === 'known') throw new Error('the embedder found a hash that it was not given');
  throw unusableQuery(file, result.fault.reason);
}

/** @param reason a clause: "is damaged" */
export function unusableQuery(file: string, reason: string, hint = 'Name another photo.'): UserError {
  return new UserError('query_unreadable', `The query photo ${file} cannot be used: it ${reason}.`, { hint });
}

async function realFiles(files: readonly string[]): Promise<Set<string>> {
  return new Set(await Promise.all(files.map((file) => realpath(file).catch(() => file))));
}

/** Where a hit lies on this machine; nothing for one that is left out, and where its library is not known. */
function locator(libraries: readonly Library[], without: ReadonlySet<string>) {
  const byId = new Map(libraries.map((library) => [library.id, library]));
  return <T extends Hit>(hit: T): (T & Pick<FoundPhoto, 'file' | 'libraryName' | 'mounted'>)[] => {
    const library = byId.get(hit.library);
    if (library === undefined) return [];
    const file = photoFile(library, hit.path);
    return without.has(file) ? [] : [{ ...hit, file, libraryName: library.name, mounted: isMounted(library) }];
  };
}
