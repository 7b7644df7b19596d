import { setImmediate as breathe } from 'node:timers/promises';
import { LOGITS_KERNEL } from '../../embedding/classifier/logits-kernel.ts';
import { UserError } from '../../errors.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { Graph, PairList } from './graph.ts';

/** What 1 is as a component. */
export const ONE = 32767;
/** The kernel reads so many components at a time. */
const STEP = 8;

/** Unit vectors as 16-bit integers: half of what float32 takes, and a cosine of two is off by 0.0001 at the most. */
export class PackedVectors {
  /** Components of each, a multiple of eight: behind the vector's own stand zeros. */
  readonly width: number;
  readonly #dim: number;
  #data: Int16Array;
  #count = 0;

  /** @param expected How many there will be, roughly: more only cost a copy. */
  constructor(dim: number, expected: number) {
    this.#dim = dim;
    this.width = Math.ceil(dim / STEP) * STEP;
    this.#data = new Int16Array(Math.max(1, expected) * this.width);
  }

  get count(): number {
    return this.#count;
  }

  /** @throws RangeError for a vector of another length */
  add(vector: Float32Array): void {
    if (vector.length !== this.#dim) throw new RangeError(`a vector of ${vector.length}, expected ${this.#dim}`);
    const from = this.#count * this.width;
    if (from === this.#data.length) {
      const larger = new Int16Array(this.#data.length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    for (let d = 0; d < this.#dim; d += 1) this.#data[from + d] = Math.round((vector[d] ?? 0) * ONE);
    this.#count += 1;
  }

  /** The components of the vectors `from` to `to` (exclusive), one after the other. */
  slice(from: number, to: number): Int16Array {
    return this.#data.subarray(from * this.width, to * this.width);
  }

  /** The cosine of two of them. */
  cosine(i: number, j: number): number {
    const a = this.slice(i, i + 1);
    const b = this.slice(j, j + 1);
    let sum = 0;
    for (let d = 0; d < a.length; d += 1) sum += (a[d] as number) * (b[d] as number);
    return sum / (ONE * ONE);
  }
}

/** See wasm/logits.ts; addresses in bytes. */
interface ProductsKernel extends KernelMemory {
  products(vectors: number, count: number, rows: number, classes: number, dim: number, output: number): void;
}

/** Vectors that go through the kernel at a time: even, and few enough to stay in the processor's cache. */
const COLUMNS = 32;
/** Rows that they are multiplied with before the next come: a multiple of four. */
const ROWS = 1024;
/** What 8 bits hold. */
const LARGEST = 127;
/** How far a product may be off because a vector has 16 bits: half a step a component (Cauchy and Schwarz). */
const ROUNDING = 0.5 / ONE;
/** Twelve bytes each. */
const MOST_PAIRS = 20_000_000;

interface NeighbourDeps {
  readonly signal: AbortSignal;
  /** Told of the share of the pairs that were looked at, 0 to 1. */
  onProgress?(share: number): void;
}

/**
 * Every pair of unit vectors with a cosine of `threshold` or more, none left out. One blocked matrix product: 8-bit
 * copies of the vectors propose, and since a copy's distance from its vector bounds its error, whatever they pass over
 * lies below the threshold; the 16-bit vectors decide. Beside the vectors, some megabytes and twelve bytes a pair.
 * @throws UserError `interrupted`, `too_many_alike`
 */
export async function neighbours(
  vectors: PackedVectors,
  threshold: number,
  { signal, onProgress = () => undefined }: NeighbourDeps,
): Promise<Graph> {
  const { count, width } = vectors;
  const blocks = new Blocks(vectors);
  const pairs = new PairList();
  const slack = Math.sqrt(width) * ROUNDING;
  const whole = (count * (count + ROWS)) / 2;
  let done = 0;
  for (let from = 0; from < count; from += ROWS) {
    const to = Math.min(from + ROWS, count);
    const { scales, errors } = blocks.setRows(from, to);
    for (let first = from; first < count; first += COLUMNS) {
      const last = Math.min(first + COLUMNS, count);
      const products = blocks.multiply(first, last, to - from);
      for (let j = first; j < last; j += 1) {
        const at = (j - first) * blocks.rows(to - from);
        const end = Math.min(to, j);
        for (let i = from; i < end; i += 1) {
          const row = i - from;
          const proposed = (products[at + row] as number) * (scales[row] as number);
          if (proposed < threshold - (errors[row] as number) - slack) continue;
          const score = vectors.cosine(i, j);
          if (score >= threshold) pairs.add(i, j, Math.min(1, score));
        }
      }
    }
    if (pairs.count > MOST_PAIRS) throw tooMany();
    done += (to - from) * (count - from);
    onProgress(Math.min(1, done / whole));
    await breathe();
    demandUninterrupted(signal);
  }
  return new Graph(count, pairs);
}

function tooMany(): UserError {
  return new UserError('too_many_alike', `More than ${MOST_PAIRS.toLocaleString('en-US')} pairs of photos are alike.`, {
    hint: 'Look at a folder at a time: curate dedupe FOLDER',
  });
}

/** Carries blocks of vectors into the kernel's memory and their products out. */
class Blocks {
  readonly #vectors: PackedVectors;
  readonly #kernel = instantiate<ProductsKernel>(LOGITS_KERNEL);
  readonly #at: { readonly rows: number; readonly columns: number; readonly output: number };

  constructor(vectors: PackedVectors) {
    this.#vectors = vectors;
    const arena = new Arena();
    this.#at = {
      rows: arena.reserve(ROWS * vectors.width),
      columns: arena.reserve(COLUMNS * vectors.width * 2),
      output: arena.reserve(COLUMNS * ROWS * 4),
    };
    arena.open(this.#kernel);
  }

  /** So many rows the kernel multiplies, for it takes four at a time. */
  rows(count: number): number {
    return Math.ceil(count / 4) * 4;
  }

  /** Makes 8-bit copies. @returns for each what a product is multiplied with, and how far it can be from the truth */
  setRows(from: number, to: number): { readonly scales: Float64Array; readonly errors: Float64Array } {
    const { width } = this.#vectors;
    const rows = new Int8Array(this.#kernel.memory.buffer, this.#at.rows, ROWS * width);
    const values = this.#vectors.slice(from, to);
    const scales = new Float64Array(to - from);
    const errors = new Float64Array(to - from);
    for (let row = 0; row < to - from; row += 1) {
      const start = row * width;
      let largest = 1;
      for (let d = start; d < start + width; d += 1) largest = Math.max(largest, Math.abs(values[d] as number));
      const step = largest / LARGEST;
      let squares = 0;
      for (let d = start; d < start + width; d += 1) {
        const value = values[d] as number;
        const rounded = Math.round(value / step);
        rows[d] = rounded;
        squares += (value - rounded * step) ** 2;
      }
      scales[row] = step / ONE / ONE;
      errors[row] = Math.sqrt(squares) / ONE;
    }
    return { scales, errors };
  }

  /** Products of the vectors `first` to `last` with the rows: [vector][rows], good until the next call. */
  multiply(first: number, last: number, rows: number): Int32Array {
    const { width } = this.#vectors;
    const { buffer } = this.#kernel.memory;
    new Int16Array(buffer, this.#at.columns, COLUMNS * width).set(this.#vectors.slice(first, last));
    // Behind an odd last one, whatever was there before.
    const count = last - first + ((last - first) % 2);
    this.#kernel.products(this.#at.columns, count, this.#at.rows, this.rows(rows), width, this.#at.output);
    return new Int32Array(buffer, this.#at.output, COLUMNS * ROWS);
  }
}
