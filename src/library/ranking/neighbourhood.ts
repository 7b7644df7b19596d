import { rootCosine } from '../../embedding/vector.ts';
import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { RERANK_KERNEL } from './rerank-kernel.ts';
import type { RankingStatistics } from './statistics.ts';

/** See wasm/rerank.ts; addresses in bytes. */
interface RerankKernel extends KernelMemory {
  roots(vector: number, dim: number, output: number): void;
  rootCosines(roots: number, rows: number, count: number, dim: number, output: number): void;
  standardize(rows: number, count: number, dim: number, mean: number, inverse: number): void;
  gram(rows: number, count: number, dim: number, output: number): void;
  agreements(
    products: number,
    count: number,
    stride: number,
    neighbours: number,
    weights: number,
    places: number,
    along: number,
    output: number,
  ): void;
}

const FLOAT_BYTES = 4;
const DOUBLE_BYTES = 8;
/** Neighbours that each photo's features are averaged with. */
const NEIGHBOURS = 10;
/** Further than this the kernel's root cosines are not from those of float64; a thousand times what was seen. */
const ROUNDING = 1e-4;

// In WebAssembly: in a process that ranks once, loops in JavaScript end before they are compiled well.
let kernel: RerankKernel | undefined;
const kernelOf = (): RerankKernel => {
  kernel ??= instantiate<RerankKernel>(RERANK_KERNEL);
  return kernel;
};

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
 * @param vectors unit vectors of the nearest photos, some hundred at most; the cost grows with their square
 * @param statistics of the model's features; null leaves them as they are
 * @param neighbours k, at least 1
 */
export function agreements(
  query: Float32Array,
  vectors: readonly Float32Array[],
  statistics: RankingStatistics | null,
  neighbours = NEIGHBOURS,
): Float64Array {
  const { standardize, gram, agreements: agree } = kernelOf();
  const count = vectors.length + 1;
  const stride = fours(count);
  const dim = fours(query.length);
  const arena = new Arena();
  const mean = arena.reserve(dim * FLOAT_BYTES);
  const inverse = arena.reserve(dim * DOUBLE_BYTES);
  const rows = arena.reserve(stride * dim * FLOAT_BYTES);
  const products = arena.reserve(stride * stride * FLOAT_BYTES);
  const weights = arena.reserve(count * (neighbours + 1) * DOUBLE_BYTES);
  const places = arena.reserve(count * (neighbours + 1) * FLOAT_BYTES);
  const along = arena.reserve(count * DOUBLE_BYTES);
  const output = arena.reserve(count * DOUBLE_BYTES);
  const { buffer } = arena.open(kernelOf());
  writeRows(buffer, rows, [query, ...vectors], { dim, most: stride });
  if (statistics !== null) {
    // The statistics have the vectors' dimension; what is beside it stays 0.
    const [means, inverses] = [new Float32Array(buffer, mean, dim), new Float64Array(buffer, inverse, dim)];
    means.fill(0, query.length);
    means.set(statistics.mean);
    inverses.fill(0, query.length);
    inverses.set(statistics.inverse);
    standardize(rows, count, dim, mean, inverse);
  }
  gram(rows, stride, dim, products);
  agree(products, count, stride, neighbours, weights, places, along, output);
  return new Float64Array(buffer, output, count).slice(1);
}

/** Of each vector, whether its root cosine with another (see `rootCosine`) is at least `least`. */
export function rootCosinesReach(
  vector: Float32Array,
  others: readonly Float32Array[],
  least: number,
): readonly boolean[] {
  const dim = fours(vector.length);
  const arena = new Arena();
  const asked = arena.reserve(dim * FLOAT_BYTES);
  const roots = arena.reserve(dim * FLOAT_BYTES);
  const rows = arena.reserve(others.length * dim * FLOAT_BYTES);
  const output = arena.reserve(others.length * FLOAT_BYTES);
  const { buffer } = arena.open(kernelOf());
  writeRows(buffer, asked, [vector], { dim, most: 1 });
  writeRows(buffer, rows, others, { dim, most: others.length });
  kernelOf().roots(asked, dim, roots);
  kernelOf().rootCosines(roots, rows, others.length, dim, output);
  const likenesses = new Float32Array(buffer, output, others.length);
  return others.map((other, i) => {
    const likeness = likenesses[i] as number;
    return Math.abs(likeness - least) > ROUNDING ? likeness > least : rootCosine(vector, other) >= least;
  });
}

/** Writes vectors as the kernel takes them: `most` rows of `dim`, zeros behind what there is. */
function writeRows(
  buffer: ArrayBufferLike,
  at: number,
  vectors: readonly Float32Array[],
  { dim, most }: { readonly dim: number; readonly most: number },
): void {
  const all = new Float32Array(buffer, at, most * dim);
  vectors.forEach((vector, i) => {
    all.set(vector, i * dim);
    all.fill(0, i * dim + vector.length, (i + 1) * dim);
  });
  all.fill(0, vectors.length * dim);
}

/** The kernel takes four at a time. */
function fours(count: number): number {
  return Math.ceil(count / 4) * 4;
}
