import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { GRAM_KERNEL } from './gram-kernel.ts';

/** See wasm/gram.ts; addresses in bytes. */
interface GramKernel extends KernelMemory {
  gram(rows: number, count: number, dim: number, output: number): void;
}

const FLOAT_BYTES = 4;

let kernel: GramKernel | undefined;

/** The products of all pairs of some vectors: that of `i` and `j`, and of `j` and `i`, at [i * stride + j]. */
export interface Gram {
  readonly products: Float32Array;
  readonly stride: number;
}

/**
 * In WebAssembly: in a process that ranks once, loops in JavaScript end before they are compiled well.
 *
 * @param vectors number of vectors
 * @param write writes vector `i` into `row`, which is all zeros
 */
export function gramMatrix(vectors: number, dim: number, write: (i: number, row: Float32Array) => void): Gram {
  const n = fours(vectors);
  const width = fours(dim);
  kernel ??= instantiate<GramKernel>(GRAM_KERNEL);
  const arena = new Arena();
  const rows = arena.reserve(n * width * FLOAT_BYTES);
  const output = arena.reserve(n * n * FLOAT_BYTES);
  const { buffer } = arena.open(kernel);
  new Float32Array(buffer, rows, n * width).fill(0);
  for (let i = 0; i < vectors; i += 1) write(i, new Float32Array(buffer, rows + i * width * FLOAT_BYTES, dim));
  kernel.gram(rows, n, width, output);
  const products = new Float32Array(buffer, output, n * n).slice();
  for (let i = 1; i < vectors; i += 1) {
    for (let j = 0; j < i; j += 1) products[i * n + j] = products[j * n + i] as number;
  }
  return { products, stride: n };
}

/** The kernel takes four at a time. */
function fours(count: number): number {
  return Math.ceil(count / 4) * 4;
}
