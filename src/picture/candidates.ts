import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Candidate } from '../casting/candidate.ts';
import type { Embedder } from '../embedding/port.ts';
import { toUnitLength } from '../embedding/vector.ts';
import { agreements } from '../library/ranking/neighbourhood.ts';
import type { RankingStatistics } from '../library/ranking/statistics.ts';
import { embedQueries, type FoundPhoto, vectorsOf } from '../library/vector-search.ts';
import type { PhotoIndex } from '../store/port.ts';
import type { Unused } from './plan.ts';
import type { PrivateGuard } from './private-guard.ts';

/** The photo that candidates are to be like. */
type Query = Pick<Candidate, 'file' | 'sha256' | 'vector'>;

interface CandidateRequest {
  /** Null where words are searched for. */
  readonly query: Query | null;
  /** The best photos, best first, and their scores. */
  readonly search: (k: number) => Promise<readonly FoundPhoto[]>;
  /** How many to look at, best first. */
  readonly k: number;
  readonly guard: PrivateGuard;
  /** Of the model's features; null when nobody has measured them. */
  readonly statistics: RankingStatistics | null;
  /** Photos (absolute) that are no candidates: the query, sent or not, and those that are sent in any case. */
  readonly besides: readonly string[];
}

export interface Candidates {
  readonly candidates: readonly Candidate[];
  /** Private ones and those whose drive is away. */
  readonly excluded: readonly Unused[];
  /** Contents (sha256) that are private somewhere in the library, and where: a copy elsewhere shows the same. */
  readonly privateContents: ReadonlyMap<string, string>;
  /** Whether the library has no more to offer. */
  readonly exhausted: boolean;
}

/** What a search finds (a copy of the query is no candidate), with what casting needs of it, sorted out by who may be sent. */
export async function findCandidates(
  index: PhotoIndex,
  { query, search, k, guard, statistics, besides }: CandidateRequest,
): Promise<Candidates> {
  // The query's own row is among them: it tells whether its content is private elsewhere.
  const found = await search(k);
  const privateContents = new Map<string, string>();
  const why = new Map<FoundPhoto, string>();
  for (const photo of found) {
    if (guard.privateBy(photo.file) === null) continue;
    why.set(photo, 'private');
    privateContents.set(photo.sha256, photo.file);
  }
  const others = new Set(await Promise.all(besides.map((file) => realpath(file).catch(() => file))));
  for (const photo of found) {
    if (why.has(photo) || others.has(photo.file)) continue;
    if (privateContents.has(photo.sha256) && !guard.isAllowed(photo.file))
      why.set(photo, 'private: the same photo is private elsewhere');
    else if (query !== null && photo.sha256 === query.sha256) why.set(photo, `copy of ${basename(query.file)}`);
    else if (!photo.available)
      why.set(photo, photo.mounted ? 'not there; its drive may be away' : 'not on this machine');
  }
  const vectors = await vectorsOf(index.table, found);
  // The query itself is no surroundings of its own.
  const around = found.flatMap((photo) => {
    const vector = vectors.get(photo.id);
    return vector === undefined || photo.sha256 === query?.sha256 ? [] : [{ photo, vector }];
  });
  const centre = query === null ? centreOf(around) : query.vector;
  const agreement =
    statistics === null || centre === null
      ? null
      : agreements(
          centre,
          around.map(({ vector }) => vector),
          statistics,
        );
  return {
    candidates: around.flatMap(({ photo, vector }, i) =>
      why.has(photo) || others.has(photo.file) ? [] : [{ ...photo, vector, agreement: agreement?.[i] ?? null }],
    ),
    excluded: found.flatMap((photo) => {
      const reason = why.get(photo);
      return reason === undefined ? [] : [{ file: photo.file, score: photo.score, reason }];
    }),
    privateContents,
    exhausted: found.length < k,
  };
}

/** Photos that show a word best: where they lie, the others are expected to be. */
const BEST = 3;

/** The mean of the best, each by its share; null where there are none. */
function centreOf(
  found: readonly { readonly photo: FoundPhoto; readonly vector: Float32Array }[],
): Float32Array | null {
  const best = found.slice(0, BEST).filter(({ photo }) => photo.score > 0);
  const [first] = best;
  if (first === undefined) return null;
  const sum = first.vector.map((_, i) =>
    best.reduce((all, { photo, vector }) => all + photo.score * (vector[i] ?? 0), 0),
  );
  return toUnitLength(sum);
}

/** What casting needs of photos that were named, each read and embedded once. @throws UserError when one cannot be read */
export async function describe(
  embedder: Embedder,
  files: readonly string[],
): Promise<ReadonlyMap<string, Omit<Candidate, 'score' | 'agreement'>>> {
  const distinct = [...new Set(files)];
  const photos = await embedQueries(embedder, distinct);
  return new Map(distinct.flatMap((file, i) => (photos[i] === undefined ? [] : [[file, { ...photos[i], file }]])));
}
