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
  const count = vectors.length + 1;
  const write = standardizer(statistics);
  const gram = gramMatrix(count, query.length, (i, row) => write(vectors[i - 1] ?? query, row));
  const sums = weightedSums(count, gram, neighbours);
  const length = product(0, 0, sums, gram);
  return Float64Array.from(vectors, (_, i) => {
    const lengths = Math.sqrt(length * product(i + 1, i + 1, sums, gram));
    return lengths > 0 ? product(0, i + 1, sums, gram) / lengths : 0;
  });
}

/**
 * What each a_i is summed up from: y_i itself and its nearest, the first of two as near. Of a_i the places and weights
 * stand from i * room on, `sizes[i]` of them. In typed arrays, since a search goes through them but once.
 */
interface WeightedSums {
  readonly room: number;
  readonly sizes: Int32Array;
  readonly places: Int32Array;
  readonly weights: Float64Array;
}

function weightedSums(count: number, { products, stride }: Gram, neighbours: number): WeightedSums {
  // One more, which goes again.
  const room = neighbours + 2;
  const sizes = new Int32Array(count);
  const places = new Int32Array(count * room);
  const weights = new Float64Array(count * room);
  for (let i = 0; i < count; i += 1) {
    const first = i * room;
    places[first] = i;
    weights[first] = 1;
    let end = first + 1;
    for (let at = 0; at < count; at += 1) {
      const likeness = products[i * stride + at] as number;
      if (at === i || likeness <= 0) continue;
      const weight = likeness ** 3;
      let place = end;
      while (place > first + 1 && (weights[place - 1] as number) < weight) place -= 1;
      if (weight <= 0 || place > first + neighbours) continue;
      weights.copyWithin(place + 1, place, end);
      places.copyWithin(place + 1, place, end);
      weights[place] = weight;
      places[place] = at;
      end = Math.min(end + 1, first + 1 + neighbours);
    }
    sizes[i] = end - first;
  }
  return { room, sizes, places, weights };
}

/** a_i . a_j: a weighted sum of the products of the y. */
function product(i: number, j: number, { room, sizes, places, weights }: WeightedSums, gram: Gram): number {
  const { products, stride } = gram;
  let sum = 0;
  for (let a = i * room; a < i * room + (sizes[i] as number); a += 1) {
    const row = (places[a] as number) * stride;
    for (let b = j * room; b < j * room + (sizes[j] as number); b += 1) {
      sum += (weights[a] as number) * (weights[b] as number) * (products[row + (places[b] as number)] as number);
    }
  }
  return sum;
}

/** Writes a vector, standardized and of unit length, into a row; all zeros for a vector that is the mean itself. */
function standardizer(statistics: RankingStatistics | null): (vector: Float32Array, row: Float32Array) => void {
  if (statistics === null) return (vector, row) => row.set(vector);
  const { mean, scale } = statistics;
  // The statistics have the vectors' dimension. To multiply takes a fraction of the time that dividing does.
  const inverse = Float64Array.from(scale, (value) => 1 / value);
  return (vector, row) => {
    let squares = 0;
    for (let i = 0; i < row.length; i += 1) {
      const value = ((vector[i] as number) - (mean[i] as number)) * (inverse[i] as number);
      row[i] = value;
      squares += value * value;
    }
    const factor = 1 / (Math.sqrt(squares) || 1);
    for (let i = 0; i < row.length; i += 1) row[i] = (row[i] as number) * factor;
  };
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
