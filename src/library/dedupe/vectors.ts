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
