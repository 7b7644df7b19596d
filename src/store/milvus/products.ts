import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { PRODUCTS_KERNEL } from './products-kernel.ts';

/** See wasm/products.ts; addresses in bytes. */
interface ProductsKernel extends KernelMemory {
  products(vector: number, rows: number, count: number, dim: number, output: number): void;
}

const FLOAT_BYTES = 4;
const DOUBLE_BYTES = 8;
/** Rows that are multiplied at a time: the kernel's memory has room for no more of them. */
const BLOCK = 128;

// In WebAssembly: a search ends before a loop in JavaScript is compiled well, in which the first hundred products take as long
// as thousands of later ones.
let kernel: ProductsKernel | undefined;

/** Inner products of a vector with others of its dimension, summed in float64. */
export function productsOf(vector: Float32Array, others: readonly ArrayLike<number>[]): number[] {
  kernel ??= instantiate<ProductsKernel>(PRODUCTS_KERNEL);
  // The kernel takes four at a time; zeros behind what there is change no sum.
  const dim = Math.ceil(vector.length / 4) * 4;
  const arena = new Arena();
  const at = arena.reserve(dim * FLOAT_BYTES);
  const rows = arena.reserve(BLOCK * dim * FLOAT_BYTES);
  const output = arena.reserve(BLOCK * DOUBLE_BYTES);
  const { buffer } = arena.open(kernel);
  const write = (values: ArrayLike<number>, to: number): void => {
    const row = new Float32Array(buffer, to, dim);
    row.set(values);
    row.fill(0, values.length);
  };
  write(vector, at);
  const found: number[] = [];
  for (let from = 0; from < others.length; from += BLOCK) {
    const block = others.slice(from, from + BLOCK);
    for (const [i, other] of block.entries()) write(other, rows + i * dim * FLOAT_BYTES);
    kernel.products(at, rows, block.length, dim, output);
    found.push(...new Float64Array(buffer, output, block.length));
  }
  return found;
}
