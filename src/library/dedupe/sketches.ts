import { setImmediate as breathe } from 'node:timers/promises';
import { demandUninterrupted } from '../../interrupt.ts';
import { Blocks, ONE, type Packed, type PackedVectors, sharedIntegers } from './packed.ts';

/** Components of a sketch: a multiple of eight. Measured on photographs: of pairs below 0.85, one in 300 comes through (bench/README.md). */
export const SKETCH_WIDTH = 192;

/** What threads share of sketches, without a copy. */
export interface SharedSketches {
  readonly count: number;
  readonly data: SharedArrayBuffer;
  /** By vector, the length of what its sketch leaves out. */
  readonly rests: Float32Array<SharedArrayBuffer>;
  /** What rounding may add to a cosine beyond that bound. */
  readonly slack: number;
}

/** Short stand-ins for vectors: of two, the product of the sketches and that of the rests bound the cosine from above. */
export class Sketches implements Packed {
  readonly width = SKETCH_WIDTH;
  readonly shared: SharedSketches;
  readonly #data: Int16Array;

  constructor(shared: SharedSketches) {
    this.shared = shared;
    this.#data = new Int16Array(shared.data);
  }

  get count(): number {
    return this.shared.count;
  }

  get rests(): Float32Array {
    return this.shared.rests;
  }

  get slack(): number {
    return this.shared.slack;
  }

  slice(from: number, to: number): Int16Array {
    return this.#data.subarray(from * SKETCH_WIDTH, to * SKETCH_WIDTH);
  }
}

/** Vectors that the directions are found from. */
const SAMPLE = 768;
/** Times that the sample's products are applied, which makes the found directions the principal ones. */
const POWERS = 2;
/** Parts of a rounding step that the directions' second, finer half is kept in. */
const FINER = 2048;

/**
 * Sketches by the principal directions of a sample of the vectors (randomized range finder; Halko, Martinsson and Tropp,
 * "Finding Structure with Randomness", SIAM Review 2011). Whatever the directions, no pair can be missed: a vector is its
 * part along them and a rest at right angles, and rests of lengths r and s have a product of r * s at the most.
 */
export async function sketchesOf(vectors: PackedVectors, signal: AbortSignal): Promise<Sketches> {
  const { count, width: dim } = vectors;
  // Between steps of some milliseconds, so that Ctrl-C is heard.
  const pause = async (): Promise<void> => {
    await breathe();
    demandUninterrupted(signal);
  };
  const basis = await principalDirections(vectors, pause);
  const [coarse, fine] = [new Int16Array(SKETCH_WIDTH * dim), new Int16Array(SKETCH_WIDTH * dim)];
  for (const [k, direction] of basis.entries()) {
    for (let d = 0; d < dim; d += 1) {
      const exact = (direction[d] as number) * ONE;
      const whole = Math.round(exact);
      coarse[k * dim + d] = whole;
      fine[k * dim + d] = Math.round((exact - whole) * FINER);
    }
  }
  const [along, finer] = [new Blocks(dim), new Blocks(dim)];
  along.setRows(coarse);
  finer.setRows(fine);
  const data = sharedIntegers(count * SKETCH_WIDTH);
  const rests = new Float32Array(new SharedArrayBuffer(count * Float32Array.BYTES_PER_ELEMENT));
  let worst = 0;
  for (let first = 0; first < count; first += Blocks.columns) {
    const last = Math.min(first + Blocks.columns, count);
    const columns = vectors.slice(first, last);
    const [main, more] = [along.multiply(columns), finer.multiply(columns)];
    for (let j = first; j < last; j += 1) {
      const at = (j - first) * main.rows;
      let [kept, off] = [0, 0];
      for (let k = 0; k < SKETCH_WIDTH; k += 1) {
        const part = ((main.sums[at + k] as number) + (more.sums[at + k] as number) / FINER) / (ONE * ONE);
        const rounded = Math.round(part * ONE);
        data[j * SKETCH_WIDTH + k] = rounded;
        const its = rounded / ONE;
        kept += its * its - 2 * its * part;
        off += (part - its) ** 2;
      }
      rests[j] = Math.sqrt(Math.max(0, vectors.cosine(j, j) + kept));
      worst = Math.max(worst, Math.sqrt(off));
    }
    await pause();
  }
  // By Cauchy and Schwarz, twice; what is left is the error of single precision, and of the directions' fine half.
  return new Sketches({ count, data: data.buffer, rests, slack: 2 * worst + 2e-5 });
}

type Pause = () => Promise<void>;

/** Orthonormal directions that a sample of the vectors lies along most. */
async function principalDirections(vectors: PackedVectors, pause: Pause): Promise<Float64Array[]> {
  const { count, width: dim } = vectors;
  const size = Math.min(SAMPLE, count);
  const packed = new Int16Array(size * dim);
  for (let i = 0; i < size; i += 1) {
    const from = Math.floor((i * count) / size);
    packed.set(vectors.slice(from, from + 1), i * dim);
  }
  const gram = await gramOf(packed, dim, pause);
  let columns = Array.from({ length: SKETCH_WIDTH }, (_, k) => signs(size, k));
  for (let power = 0; power < POWERS; power += 1) {
    const products: Float64Array[] = [];
    for (const column of columns) {
      products.push(Float64Array.from(gram, (row) => dot(row, column)));
      await pause();
    }
    columns = await orthonormal(products, pause);
  }
  const sample = Array.from({ length: size }, (_, i) =>
    Float64Array.from(packed.subarray(i * dim, (i + 1) * dim), (value) => value / ONE),
  );
  const directions: Float64Array[] = [];
  for (const column of columns) {
    const direction = new Float64Array(dim);
    for (const [i, vector] of sample.entries()) add(direction, vector, column[i] as number);
    directions.push(direction);
    await pause();
  }
  return orthonormal(directions, pause);
}

/** The products of all with all. */
async function gramOf(packed: Int16Array, dim: number, pause: Pause): Promise<Float64Array[]> {
  const size = packed.length / dim;
  const blocks = new Blocks(dim);
  blocks.setRows(packed);
  const rows: Float64Array[] = [];
  for (let i = 0; i < size; i += 1) {
    const { sums } = blocks.multiply(packed.subarray(i * dim, (i + 1) * dim));
    rows.push(Float64Array.from(sums.subarray(0, size), (sum) => sum / (ONE * ONE)));
    await pause();
  }
  return rows;
}

/** Gram and Schmidt, twice, which is enough; what depends on those before it becomes nothing. */
async function orthonormal(vectors: readonly Float64Array[], pause: Pause): Promise<Float64Array[]> {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    const before = Math.sqrt(dot(vector, vector));
    for (let time = 0; time < 2; time += 1) for (const one of done) add(vector, one, -dot(vector, one));
    const length = Math.sqrt(dot(vector, vector));
    done.push(vector.map((value) => (length > before * 1e-6 ? value / length : 0)));
    await pause();
  }
  return done;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function add(to: Float64Array, vector: Float64Array, times: number): void {
  for (let i = 0; i < to.length; i += 1) to[i] = (to[i] as number) + (vector[i] as number) * times;
}

/** One and minus one at random, the same ones each time (Numerical Recipes' linear congruential generator). */
function signs(length: number, seed: number): Float64Array {
  let state = seed + 1;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >= 2 ** 31 ? 1 : -1;
  });
}
