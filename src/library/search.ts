import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import type { EmbeddedPhoto, Embedder } from '../embedding/port.ts';
import { UserError } from '../errors.ts';
import { unlessInterrupted } from '../interrupt.ts';
import type { Hit, Library, PhotoFilter, PhotoIndex } from '../store/port.ts';
import { demandStore, explainEmptiness } from './emptiness.ts';
import { filterFor, type Restriction } from './photo-filter.ts';
import {
  byCosine,
  fetchNearest,
  type Nearest,
  type RankedHit,
  type Ranker,
  rank,
  rankerOf,
  type SearchOrder,
} from './ranking/ranker.ts';
import { photoFile } from './scope.ts';
import type { Session } from './session.ts';

/** A search by photos, in a person's terms. */
export interface PhotoSearch extends Restriction {
  /** Absolute files. */
  readonly photos: readonly string[];
  readonly k: number;
  readonly minScore?: number;
  /** Whether the query photos may be among the results. */
  readonly includeSelf?: boolean;
  /** `rerank` unless given. */
  readonly order?: SearchOrder;
}

interface SearchDeps {
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Told of each query photo that was embedded. */
  onEmbedded?(done: number, total: number): void;
}

/**
 * The photos most like the query photos, taken together by the mean direction of their vectors.
 * @throws UserError when a query photo cannot be used, a folder is not indexed, or nothing is there to search, and
 * `interrupted`.
 */
export async function searchByPhotos(deps: SearchDeps, search: PhotoSearch): Promise<FoundPhoto[]> {
  const { session, signal, onEmbedded = () => undefined } = deps;
  const { photos, k, minScore, includeSelf = false, order = 'rerank', ...restriction } = search;
  const missing = photos.find((file) => !existsSync(file));
  // A slip of the hand must not set up a store first.
  if (missing !== undefined) throw unusableQuery(missing, 'does not exist');
  await demandStore(session);
  const work = async (): Promise<FoundPhoto[]> => {
    // The store opens while the queries are being embedded: neither waits for the other.
    const opening = session.index();
    const embedder = await session.embedder();
    const filter = await filterFor(async () => (await opening).store, restriction);
    const [embedded, index, ranker] = await Promise.all([
      embedQueries(embedder, photos, onEmbedded),
      opening,
      order === 'cosine' ? null : rankerOf(embedder.model),
    ]);
    const found = await searchVector(index, {
      vector: meanDirection(embedded.map(({ vector }) => vector)),
      k,
      without: includeSelf ? [] : photos,
      ranker,
      ...(filter === null ? {} : { filter }),
      ...(minScore === undefined ? {} : { minScore }),
    });
    if (found.length === 0) await explainEmptiness(session);
    return found;
  };
  return unlessInterrupted(signal, work());
}

/** What is searched for: a direction, and which of the photos may answer. */
export interface SearchRequest {
  /** Unit length: one photo's vector, or the mean direction of several. */
  readonly vector: Float32Array;
  readonly k: number;
  readonly minScore?: number;
  readonly filter?: PhotoFilter;
  /** Absolute files left out of the results: the query photos themselves, for instance. */
  readonly without?: readonly string[];
  /** Null or absent: by cosine alone. */
  readonly ranker?: Ranker | null;
}

export interface FoundPhoto extends RankedHit {
  /** Absolute native path. */
  readonly file: string;
  readonly libraryName: string;
  /** False while the drive it is on is away, and when its file is gone. */
  readonly available: boolean;
}

/** The `k` photos nearest to a vector by cosine similarity, best first as the ranker has it. */
export async function searchVector({ store, table }: PhotoIndex, request: SearchRequest): Promise<FoundPhoto[]> {
  const { vector, k, filter, minScore = -1, ranker = null } = request;
  const without = await realFiles(request.without ?? []);
  const options = { k, ...(filter === undefined ? {} : { filter }) };
  const searching: Promise<Nearest> =
    ranker === null
      ? table.search(vector, { ...options, k: k + without.size, minScore }).then((far) => ({ near: [], far }))
      : fetchNearest(table, vector, options, without.size);
  const [{ near, far }, recent] = await Promise.all([searching, store.libraries({ recent: false })]);
  // A library put in the last seconds may be missing there.
  const known = new Set(recent.map(({ id }) => id));
  const libraries = [...near, ...far].every(({ library }) => known.has(library)) ? recent : await store.libraries();
  const place = locator(libraries, without);
  const located = { near: near.flatMap((hit) => place(hit)), far: far.flatMap((hit) => place(hit)) };
  const ordered = ranker === null ? located.far.map(byCosine) : rank(vector, located, ranker);
  const wanted = ordered.filter(({ score }) => score >= minScore).slice(0, k);
  return await Promise.all(wanted.map(async (photo) => ({ ...photo, available: await isThere(photo.file) })));
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

/** The mean direction of unit vectors, itself of unit length. */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (let i = 0; i < mean.length; i += 1) mean[i] = (mean[i] ?? 0) + (vector[i] ?? 0);
  const length = Math.hypot(...mean) || 1;
  return mean.map((value) => value / length);
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

/** Where a hit lies on this machine; nothing for one that is left out, and where its library is not known. */
function locator(libraries: readonly Library[], without: ReadonlySet<string>) {
  const byId = new Map(libraries.map((library) => [library.id, library]));
  return <T extends Hit>(hit: T): (T & Pick<FoundPhoto, 'file' | 'libraryName'>)[] => {
    const library = byId.get(hit.library);
    if (library === undefined) return [];
    const file = photoFile(library, hit.path);
    return without.has(file) ? [] : [{ ...hit, file, libraryName: library.name }];
  };
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
