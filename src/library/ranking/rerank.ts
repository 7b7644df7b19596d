import { agreements } from './neighbourhood.ts';
import type { RankingStatistics } from './statistics.ts';

/** How many of the nearest by cosine are reranked. */
export const NEIGHBOURHOOD = 100;

export interface Rankable {
  /** Cosine similarity to the query. */
  readonly score: number;
  /** Unit length. */
  readonly vector: Float32Array;
}

/**
 * Why a photo has its rank: it is nearly the query itself, or the nearest of all, or by agreement, beyond the neighbourhood
 * by cosine, or by words.
 */
export type RankedBy = 'near-duplicate' | 'nearest' | 'agreement' | 'cosine' | 'words';

/** A hit beside its rank rather than a copy with it: of a hundred that are ranked few are shown. */
export interface Ranked<T> {
  readonly hit: T;
  /** Null beyond the neighbourhood. */
  readonly agreement: number | null;
  readonly rankedBy: RankedBy;
}

/**
 * Reranks hits: near-duplicates of the query first, in plain order, or, where there are none, the nearest by cosine; then
 * the neighbourhood by agreement, then the rest in plain order. Ties keep the order given.
 *
 * The nearest keeps its place because a copy too altered to be told as one, such as a thumbnail, is nearest to its own photo
 * far more often than it agrees with it most: it has lost what its surroundings have in common.
 *
 * @param hits best first by cosine
 * @param areNearDuplicates of the query, each of some hits
 */
export function rerank<T extends Rankable>(
  query: Float32Array,
  hits: readonly T[],
  statistics: RankingStatistics | null,
  areNearDuplicates: (hits: readonly T[]) => readonly boolean[],
): Ranked<T>[] {
  const near = hits.slice(0, NEIGHBOURHOOD);
  const agreement = agreements(
    query,
    near.map(({ vector }) => vector),
    statistics,
  );
  const copies = areNearDuplicates(near);
  const anyCopy = copies.includes(true);
  const isFirst = (i: number): boolean => (anyCopy ? copies[i] === true : i === 0);
  const ranked = near.map((hit, i): Ranked<T> => {
    const rankedBy = !isFirst(i) ? 'agreement' : anyCopy ? 'near-duplicate' : 'nearest';
    return { hit, agreement: agreement[i] ?? null, rankedBy };
  });
  return [
    ...ranked.filter((_, i) => isFirst(i)),
    ...ranked.filter((_, i) => !isFirst(i)).sort((a, b) => (b.agreement ?? 0) - (a.agreement ?? 0)),
    ...hits.slice(NEIGHBOURHOOD).map(byCosine),
  ];
}

/** A hit that has its rank by cosine alone. */
export function byCosine<T>(hit: T): Ranked<T> {
  return { hit, agreement: null, rankedBy: 'cosine' };
}
