import { realpath } from 'node:fs/promises';
import type { EmbeddedPhoto, Embedder, PhotoFault } from '../embedding/port.ts';
import { UserError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import type { Hit, Library, PhotoFilter, PhotoIndex, PhotoStore, PhotoTable, SeenRows } from '../store/port.ts';
import { inside, isMounted, photoFile } from './paths.ts';
import { fetchNearest, type Nearest, nearest, type Ranker, rank } from './ranking/ranker.ts';
import { byCosine, type RankedBy } from './ranking/rerank.ts';

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
  /** The store's libraries, where several searches share what one was told; else the store is asked. */
  readonly libraries?: () => Promise<readonly Library[]>;
  /** What other searches of the same run found. */
  readonly seen?: SeenRows;
  /** Whether a file is there now; asked of each that is found. */
  readonly isThere?: (file: string) => Promise<boolean>;
}

export interface FoundPhoto extends Hit, Partial<RankedHit> {
  readonly rankedBy: RankedBy;
  /** Absolute native path. */
  readonly file: string;
  readonly libraryName: string;
  /** False while the drive it is on is away, when its file is gone, and when it is not mounted. */
  readonly available: boolean;
  /** False where this machine does not have its library: `file` then is NAME:/path/in/the/library. */
  readonly mounted: boolean;
}

/** Beside the score of a photo that was ranked by words. */
export interface RankedHit {
  /** Of the words that are wanted, what the photo shows least of: that word's share. */
  readonly leastShare: number;
}

/** The `k` photos nearest to a vector by cosine similarity, best first as the ranker has it. */
export async function searchVector({ store, table }: PhotoIndex, request: SearchRequest): Promise<FoundPhoto[]> {
  const { vector, k, filter, minScore = -1, exact = false, ranker = null } = request;
  const libraries = request.libraries ?? (() => store.libraries({ recent: false }));
  const without = await realFiles(request.without ?? []);
  const options = { k, minScore, exact, ...(filter === undefined ? {} : { filter }) };
  const searching: Promise<Nearest> =
    ranker === null
      ? nearest(table, vector, { ...options, k: k + without.size }).then((far) => ({ near: [], far }))
      : fetchNearest(table, vector, { ...options, seen: request.seen }, without.size);
  const [{ near, far }, recent] = await Promise.all([searching, libraries()]);
  const { stands, place } = locator(await librariesOf(store, [...near, ...far], recent), without);
  const standing = { near: near.filter(stands), far: far.filter(stands) };
  const ordered = ranker === null ? standing.far.map(byCosine) : rank(vector, standing, ranker);
  const wanted = ordered.filter(({ hit }) => hit.score >= minScore).slice(0, k);
  return withAvailability(
    wanted.map(({ hit, rankedBy }) => place({ ...hit, rankedBy })),
    request.isThere,
  );
}

/** The vectors of photos that were found, by their ids; those that left the index meanwhile have none. */
export async function vectorsOf(
  table: Pick<PhotoTable, 'rows'>,
  found: readonly Pick<FoundPhoto, 'id'>[],
): Promise<Map<string, Float32Array>> {
  const ids = found.map(({ id }) => id);
  const rows = await table.rows(ids, { recent: false });
  return new Map(rows.map(({ id, vector }) => [id, vector]));
}

/** Where photos ranked by words lie on this machine, in their order: the first `k` that are not left out (absolute files). */
export async function locateHits(
  store: PhotoStore,
  hits: readonly (Hit & RankedHit)[],
  {
    k,
    without = [],
    libraries = () => store.libraries({ recent: false }),
    isThere,
  }: Pick<SearchRequest, 'k' | 'without' | 'libraries' | 'isThere'>,
): Promise<FoundPhoto[]> {
  const recent = await libraries();
  const { stands, place } = locator(await librariesOf(store, hits, recent), await realFiles(without));
  const wanted = hits.filter(stands).slice(0, k);
  return withAvailability(
    wanted.map((hit) => place({ ...hit, rankedBy: 'words' })),
    isThere,
  );
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

function withAvailability(
  photos: readonly Omit<FoundPhoto, 'available'>[],
  isThere: (file: string) => Promise<boolean> = exists,
): Promise<FoundPhoto[]> {
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
  throw unusableQuery(file, result.fault);
}

/** @param hint what else may have been meant by a name */
export function unusableQuery(
  file: string,
  { code, reason }: Pick<PhotoFault, 'code' | 'reason'>,
  hint = code === 'not_found' ? 'Check the spelling, or connect the drive it is on.' : 'Name another photo.',
): UserError {
  return new UserError('query_unreadable', `The query photo ${file} cannot be used: it ${reason}.`, { hint });
}

async function realFiles(files: readonly string[]): Promise<Set<string>> {
  return new Set(await Promise.all(files.map((file) => realpath(file).catch(() => file))));
}

/** Which hits stand, those of known libraries that are not left out (absolute files), and where they lie on this machine. */
function locator(libraries: readonly Library[], without: ReadonlySet<string>) {
  const byId = new Map(libraries.map((library) => [library.id, library]));
  const leftOut = new Set(
    libraries.flatMap((library) =>
      [...without].flatMap((file) => {
        const path = inside(library.root, file);
        return path !== null && photoFile(library, path) === file ? [rowOf(library.id, path)] : [];
      }),
    ),
  );
  return {
    stands: ({ library, path }: Hit): boolean => byId.has(library) && !leftOut.has(rowOf(library, path)),
    place: <T extends Hit>(hit: T): T & Pick<FoundPhoto, 'file' | 'libraryName' | 'mounted'> => {
      // It stands, so that its library is known.
      const library = byId.get(hit.library) as Library;
      const file = photoFile(library, hit.path);
      return { ...hit, file, libraryName: library.name, mounted: isMounted(library) };
    },
  };
}

const rowOf = (library: string, path: string): string => `${library}\0${path}`;
