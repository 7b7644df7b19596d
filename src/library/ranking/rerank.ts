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
  const photos = [query, ...vectors].map((vector) => standardized(vector, statistics));
  const n = photos.length;
  const gram = gramMatrix(photos);
  const weights = photos.map((_, i) => weightsOf(i, gram, n, neighbours));
  // a_i is a weighted sum of the y, so that products of the a follow from those of the y.
  const first = weights[0] ?? [];
  const towardsQuery = Float64Array.from({ length: n }, (_, j) => weightedSum(first, gram, n, j));
  const product = (i: number, towards: (j: number) => number): number =>
    (weights[i] ?? []).reduce((sum, { at, weight }) => sum + weight * towards(at), 0);
  const lengths = photos.map((_, i) => Math.sqrt(product(i, (j) => weightedSum(weights[i] ?? [], gram, n, j))));
  return Float64Array.from(vectors, (_, i) => {
    const length = (lengths[0] ?? 0) * (lengths[i + 1] ?? 0);
    return length > 0 ? product(i + 1, (j) => towardsQuery[j] ?? 0) / length : 0;
  });
}

interface Weight {
  readonly at: number;
  readonly weight: number;
}

function weightedSum(weights: readonly Weight[], gram: Float64Array, n: number, j: number): number {
  return weights.reduce((sum, { at, weight }) => sum + weight * (gram[at * n + j] ?? 0), 0);
}

/** What a_i is summed up from: y_i itself and its nearest. */
function weightsOf(i: number, gram: Float64Array, n: number, neighbours: number): Weight[] {
  const row = gram.subarray(i * n, (i + 1) * n);
  const nearest = Array.from(row.keys())
    .filter((j) => j !== i && (row[j] ?? 0) > 0)
    .sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0))
    .slice(0, neighbours);
  return [{ at: i, weight: 1 }, ...nearest.map((at) => ({ at, weight: (row[at] ?? 0) ** 3 }))];
}

/** [n, n] in rows: the products of all pairs. Four at a time, as one sum alone would wait for each of its additions. */
function gramMatrix(vectors: readonly Float64Array[]): Float64Array {
  const n = vectors.length;
  const gram = new Float64Array(n * n);
  const put = (i: number, j: number, product: number): void => {
    if (j >= n) return;
    gram[i * n + j] = product;
    gram[j * n + i] = product;
  };
  vectors.forEach((x, i) => {
    for (let j = i; j < n; j += 4) {
      // Beyond the last one x itself, for nothing.
      const [a, b, c, d] = [vectors[j] ?? x, vectors[j + 1] ?? x, vectors[j + 2] ?? x, vectors[j + 3] ?? x];
      let [xa, xb, xc, xd] = [0, 0, 0, 0];
      for (let at = 0; at < x.length; at += 1) {
        // All of one dimension.
        const value = x[at] as number;
        xa += value * (a[at] as number);
        xb += value * (b[at] as number);
        xc += value * (c[at] as number);
        xd += value * (d[at] as number);
      }
      put(i, j, xa);
      put(i, j + 1, xb);
      put(i, j + 2, xc);
      put(i, j + 3, xd);
    }
  });
  return gram;
}

/** Unit length; all zeros for a vector that is the mean itself. */
function standardized(vector: Float32Array, statistics: RankingStatistics | null): Float64Array {
  const result = Float64Array.from(vector);
  if (statistics === null) return result;
  const { mean, scale } = statistics;
  let squares = 0;
  for (let i = 0; i < result.length; i += 1) {
    // The statistics have the vectors' dimension.
    const value = ((vector[i] as number) - (mean[i] as number)) / (scale[i] as number);
    result[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares) || 1;
  for (let i = 0; i < result.length; i += 1) result[i] = (result[i] as number) / length;
  return result;
}

export interface Rankable {
  /** Cosine similarity to the query. */
  readonly score: number;
  /** Unit length. */
  readonly vector: Float32Array;
}

/** Why a photo has its rank: it is nearly the query itself, or by agreement, beyond the neighbourhood by cosine, or by words. */
export type RankedBy = 'near-duplicate' | 'agreement' | 'cosine' | 'words';

export type Ranked<T extends Rankable> = T & {
  /** Null beyond the neighbourhood. */
  readonly agreement: number | null;
  readonly rankedBy: RankedBy;
};

/**
 * Reranks hits: near-duplicates of the query first, in plain order, then the neighbourhood by agreement, then the
 * rest in plain order. Ties keep the order given.
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
  const ranked = near.map((hit, i): Ranked<T> => {
    const rankedBy = isNearDuplicate(hit) ? 'near-duplicate' : 'agreement';
    return { ...hit, agreement: agreement[i] ?? null, rankedBy };
  });
  const copies = ranked.filter(({ rankedBy }) => rankedBy === 'near-duplicate');
  const others = ranked.filter(({ rankedBy }) => rankedBy === 'agreement');
  return [
    ...copies,
    ...others.sort((a, b) => (b.agreement ?? 0) - (a.agreement ?? 0)),
    ...hits.slice(NEIGHBOURHOOD).map((hit): Ranked<T> => ({ ...hit, agreement: null, rankedBy: 'cosine' })),
  ];
}
