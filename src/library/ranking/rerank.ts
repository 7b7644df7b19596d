import { type Gram, gramMatrix } from './gram.ts';
import type { RankingStatistics } from './statistics.ts';

/** How many of the nearest by cosine are reranked. */
export const NEIGHBOURHOOD = 100;
/** Neighbours that each photo's features are averaged with. */
const NEIGHBOURS = 10;

/**
 * How far the photos nearest to a query agree with it, in [-1, 1]: the cosine of features that were averaged with those of
 * their own neighbours, so that a photo counts for as much as its surroundings look like the query's. Local feature
 * augmentation: alpha query expansion (Radenović, Tolias, Chum 2018, "Fine-tuning CNN image retrieval with no human
 * annotation") for the query, the same for the database side (Arandjelović and Zisserman 2012), among these photos only.
 *
 *     y_i = unit((x_i - mean) / scale)                 x_0 is the query
 *     a_i = unit(y_i + sum over the k nearest j of max(y_i . y_j, 0)^3 y_j)
 *     agreement of i = a_0 . a_i
 *
 * @param query unit vector
 * @param vectors unit vectors of the nearest photos, {@link NEIGHBOURHOOD} at most; the cost grows with their square
 * @param statistics of the model's features; null leaves them as they are
 */
export function agreements(
  query: Float32Array,
  vectors: readonly Float32Array[],
  statistics: RankingStatistics | null,
  neighbours = NEIGHBOURS,
): Float64Array {
  const photos = [query, ...vectors];
  const gram = gramMatrix(photos.length, query.length, (i, row) => standardize(photos[i] ?? query, statistics, row));
  const weights = photos.map((_, i) => weightsOf(i, gram, neighbours));
  // a_i is a weighted sum of the y, so that products of the a follow from those of the y.
  const product = (one: readonly Weight[], other: readonly Weight[]): number => {
    let sum = 0;
    for (const a of one) for (const b of other) sum += a.weight * b.weight * gram.of(a.at, b.at);
    return sum;
  };
  const [ofQuery = [], ...ofPhotos] = weights;
  const length = product(ofQuery, ofQuery);
  return Float64Array.from(ofPhotos, (ofPhoto) => {
    const lengths = Math.sqrt(length * product(ofPhoto, ofPhoto));
    return lengths > 0 ? product(ofQuery, ofPhoto) / lengths : 0;
  });
}

interface Weight {
  readonly at: number;
  readonly weight: number;
}

/** What a_i is summed up from: y_i itself and its nearest; of two as near, the first. */
function weightsOf(i: number, gram: Gram, neighbours: number): Weight[] {
  const nearest: Weight[] = [];
  for (let at = 0; at < gram.n; at += 1) {
    const weight = gram.of(i, at) ** 3;
    if (at === i || weight <= 0) continue;
    let place = nearest.length;
    while (place > 0 && (nearest[place - 1] as Weight).weight < weight) place -= 1;
    if (place < neighbours) nearest.splice(place, 0, { at, weight });
    if (nearest.length > neighbours) nearest.pop();
  }
  return [{ at: i, weight: 1 }, ...nearest];
}

/** To unit length, into `row`; all zeros for a vector that is the mean itself. */
function standardize(vector: Float32Array, statistics: RankingStatistics | null, row: Float32Array): void {
  if (statistics === null) {
    row.set(vector);
    return;
  }
  const { mean, scale } = statistics;
  let squares = 0;
  for (let i = 0; i < row.length; i += 1) {
    // The statistics have the vectors' dimension.
    const value = ((vector[i] as number) - (mean[i] as number)) / (scale[i] as number);
    row[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares) || 1;
  for (let i = 0; i < row.length; i += 1) row[i] = (row[i] as number) / length;
}

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

export type Ranked<T extends Rankable> = T & {
  /** Null beyond the neighbourhood. */
  readonly agreement: number | null;
  readonly rankedBy: RankedBy;
};

/**
 * Reranks hits: near-duplicates of the query first, in plain order, or, where there are none, the nearest by cosine; then
 * the neighbourhood by agreement, then the rest in plain order. Ties keep the order given.
 *
 * The nearest keeps its place because a copy too altered to be told as one, such as a thumbnail, is nearest to its own photo
 * far more often than it agrees with it most: it has lost what its surroundings have in common.
 *
 * @param hits best first by cosine
 * @param isNearDuplicate of the query
 */
export function rerank<T extends Rankable>(
  query: Float32Array,
  hits: readonly T[],
  statistics: RankingStatistics | null,
  isNearDuplicate: (hit: T) => boolean,
): Ranked<T>[] {
  const near = hits.slice(0, NEIGHBOURHOOD);
  const agreement = agreements(
    query,
    near.map(({ vector }) => vector),
    statistics,
  );
  const ranked = near.map((hit, i) => ({ ...hit, agreement: agreement[i] ?? null }));
  const copies = ranked.filter(isNearDuplicate);
  const first = copies.length > 0 ? copies : ranked.slice(0, 1);
  const others = ranked.filter((hit) => !first.includes(hit));
  const firstBy = copies.length > 0 ? 'near-duplicate' : 'nearest';
  return [
    ...first.map((hit) => ({ ...hit, rankedBy: firstBy }) as const),
    ...others
      .sort((a, b) => (b.agreement ?? 0) - (a.agreement ?? 0))
      .map((hit) => ({ ...hit, rankedBy: 'agreement' }) as const),
    ...hits.slice(NEIGHBOURHOOD).map((hit): Ranked<T> => ({ ...hit, agreement: null, rankedBy: 'cosine' })),
  ];
}
