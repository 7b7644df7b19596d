import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { PAIRS_KERNEL } from './pairs-kernel.ts';

/** What 1 is as a component. */
export const ONE = 32767;
/** The kernel reads so many components at a time. */
const STEP = 8;

/** Many short or long vectors of one width, in 16-bit integers. */
export interface Packed {
  readonly count: number;
  /** Components of each, a multiple of eight. */
  readonly width: number;
  /** The components of the vectors `from` to `to` (exclusive), one after the other. */
  slice(from: number, to: number): Int16Array;
}

/** What threads share of packed vectors, without a copy. */
export interface SharedVectors {
  readonly dim: number;
  readonly count: number;
  readonly data: SharedArrayBuffer;
}

/** Unit vectors as 16-bit integers: half of what float32 takes, and a cosine of two is off by 0.0001 at the most. */
export class PackedVectors implements Packed {
  /** Components of each, a multiple of eight: behind the vector's own stand zeros. */
  readonly width: number;
  readonly #dim: number;
  #data: Int16Array<SharedArrayBuffer>;
  #count = 0;

  /** @param expected How many there will be, roughly: more only cost a copy. */
  constructor(dim: number, expected: number) {
    this.#dim = dim;
    this.width = Math.ceil(dim / STEP) * STEP;
    this.#data = sharedIntegers(Math.max(1, expected) * this.width);
  }

  static of({ dim, count, data }: SharedVectors): PackedVectors {
    const vectors = new PackedVectors(dim, 0);
    vectors.#data = new Int16Array(data);
    vectors.#count = count;
    return vectors;
  }

  get count(): number {
    return this.#count;
  }

  get shared(): SharedVectors {
    return { dim: this.#dim, count: this.#count, data: this.#data.buffer };
  }

  /** @throws RangeError for a vector of another length */
  add(vector: Float32Array): void {
    if (vector.length !== this.#dim) throw new RangeError(`a vector of ${vector.length}, expected ${this.#dim}`);
    const from = this.#count * this.width;
    if (from === this.#data.length) {
      const larger = sharedIntegers(this.#data.length * 2);
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
    const data = this.#data;
    const [a, b] = [i * this.width, j * this.width];
    let sum = 0;
    for (let d = 0; d < this.width; d += 1) sum += (data[a + d] as number) * (data[b + d] as number);
    return sum / (ONE * ONE);
  }
}

/** Zeros that threads can share. */
export function sharedIntegers(count: number): Int16Array<SharedArrayBuffer> {
  return new Int16Array(new SharedArrayBuffer(count * Int16Array.BYTES_PER_ELEMENT));
}

/** See wasm/pairs.ts; addresses in bytes. */
interface PairsKernel extends KernelMemory {
  products(columns: number, count: number, rows: number, rowCount: number, width: number, output: number): void;
  reaching(
    sums: number,
    count: number,
    rowCount: number,
    columnRests: number,
    rowRests: number,
    least: number,
    output: number,
  ): number;
  productsAt(
    places: number,
    count: number,
    rowCount: number,
    columns: number,
    rows: number,
    width: number,
    output: number,
  ): void;
}

/** Vectors that go through the kernel at a time: even, and few enough to stay in the processor's cache. */
const COLUMNS = 32;
/** Rows that they are multiplied with before the next come: a multiple of four. */
const ROWS = 1024;

/** Carries blocks of vectors into a kernel's memory, and what comes of their products out. */
export class Blocks {
  static readonly rows = ROWS;
  static readonly columns = COLUMNS;
  readonly #width: number;
  readonly #kernel = instantiate<PairsKernel>(PAIRS_KERNEL);
  readonly #at: Readonly<Record<'rows' | 'columns' | 'rowRests' | 'columnRests' | 'sums' | 'found', number>>;
  #rowCount = 0;
  #count = 0;

  constructor(width: number) {
    this.#width = width;
    const arena = new Arena();
    this.#at = {
      rows: arena.reserve(ROWS * width * 2),
      columns: arena.reserve(COLUMNS * width * 2),
      rowRests: arena.reserve(ROWS * 4),
      columnRests: arena.reserve(COLUMNS * 4),
      sums: arena.reserve(COLUMNS * ROWS * 4),
      found: arena.reserve(COLUMNS * ROWS * 4),
    };
    arena.open(this.#kernel);
  }

  setRows(vectors: Int16Array): void {
    new Int16Array(this.#kernel.memory.buffer, this.#at.rows, ROWS * this.#width).set(vectors);
    // The kernel takes four at a time; behind the last ones stands whatever was there before.
    this.#rowCount = Math.ceil(vectors.length / this.#width / 4) * 4;
  }

  /**
   * The products of these with the rows, as integers: [column][row], good until the next call.
   * @returns them, and how many rows stand beside each other, which may be up to three more than there are
   */
  multiply(columns: Int16Array): { readonly sums: Int32Array; readonly rows: number } {
    const { buffer } = this.#kernel.memory;
    const { columns: at, rows, sums } = this.#at;
    new Int16Array(buffer, at, COLUMNS * this.#width).set(columns);
    this.#count = Math.ceil(columns.length / this.#width / 2) * 2;
    this.#kernel.products(at, this.#count, rows, this.#rowCount, this.#width, sums);
    return { sums: new Int32Array(buffer, sums, COLUMNS * ROWS), rows: this.#rowCount };
  }

  /**
   * Some of the products of these with the rows alone, as integers, good until the next call.
   * @param places As `reaching` gives them, of as many rows
   */
  multiplyAt(columns: Int16Array, places: Uint32Array): Int32Array {
    const { buffer } = this.#kernel.memory;
    const { columns: at, rows, sums, found } = this.#at;
    new Int16Array(buffer, at, COLUMNS * this.#width).set(columns);
    new Uint32Array(buffer, found, places.length).set(places);
    this.#kernel.productsAt(found, places.length, this.#rowCount, at, rows, this.#width, sums);
    return new Int32Array(buffer, sums, places.length);
  }

  /**
   * Which of the last products, each with the product of what its two vectors have beyond their components, reach a
   * cosine.
   * @param rests In parts of 1
   * @returns their places in `sums`, good until the next call
   */
  reaching(least: number, rests: { readonly rows: Float32Array; readonly columns: Float32Array }): Uint32Array {
    const { buffer } = this.#kernel.memory;
    const { sums, rowRests, columnRests, found } = this.#at;
    const put = (at: number, values: Float32Array): void => {
      const into = new Float32Array(buffer, at, values.length);
      for (let i = 0; i < values.length; i += 1) into[i] = (values[i] as number) * ONE;
    };
    put(rowRests, rests.rows);
    put(columnRests, rests.columns);
    const count = this.#kernel.reaching(
      sums,
      this.#count,
      this.#rowCount,
      columnRests,
      rowRests,
      least * ONE * ONE,
      found,
    );
    return new Uint32Array(buffer, found, count);
  }
}
