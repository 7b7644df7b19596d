import { PairList, type Pairs } from './graph.ts';
import { Blocks, ONE, type PackedVectors } from './packed.ts';
import type { Sketches } from './sketches.ts';

/** Where sketches propose more of a block than this, the whole block is multiplied sooner than each pair by itself. */
const MANY = (Blocks.rows * Blocks.columns) / 2;

/** Vectors that are compared with others: rows `from` to `to`, at most `Blocks.rows`, with `first` to `last` (both exclusive). */
export interface Block {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Finds the pairs of a block whose cosine reaches a threshold, each once, the lower row first. Sketches propose, whose
 * products bound the cosines from above, so that whatever they pass over lies below the threshold; the vectors decide.
 */
export class PairFinder {
  readonly #vectors: PackedVectors;
  readonly #threshold: number;
  readonly #blocks: Blocks;
  readonly #none = { rows: new Float32Array(Blocks.rows), columns: new Float32Array(Blocks.columns) };
  readonly #proposals: Blocks | null;
  #sketches: Sketches | null;
  #seen = 0;
  #crowded = 0;
  #rows = { from: 0, to: 0, areSet: false };
  #pairs = new PairList();

  constructor(vectors: PackedVectors, sketches: Sketches | null, threshold: number) {
    this.#vectors = vectors;
    this.#threshold = threshold;
    this.#blocks = new Blocks(vectors.width);
    this.#sketches = sketches;
    this.#proposals = sketches === null ? null : new Blocks(sketches.width);
  }

  find({ from, to, first: begin, last: end }: Block): Pairs {
    this.#pairs = new PairList();
    this.#rows = { from, to, areSet: false };
    if (this.#sketches !== null) this.#proposals?.setRows(this.#sketches.slice(from, to));
    for (let first = begin; first < end; first += Blocks.columns) {
      const last = Math.min(first + Blocks.columns, end);
      if (this.#sketches === null || this.#proposals === null) this.#decideAll(first, last);
      else this.#propose(first, last, { sketches: this.#sketches, proposals: this.#proposals });
    }
    // Of vectors that lie along no few directions sketches tell too little.
    if (this.#crowded > this.#seen / 2) this.#sketches = null;
    return this.#pairs.all;
  }

  #propose(
    first: number,
    last: number,
    { sketches, proposals }: { readonly sketches: Sketches; readonly proposals: Blocks },
  ): void {
    const { from, to } = this.#rows;
    proposals.multiply(sketches.slice(first, last));
    const rests = { rows: sketches.rests.subarray(from, to), columns: sketches.rests.subarray(first, last) };
    const found = proposals.reaching(this.#threshold - sketches.slack, rests);
    this.#seen += 1;
    if (found.length > MANY) {
      this.#crowded += 1;
      this.#decideAll(first, last);
    } else if (found.length > 0) {
      const sums = this.#withRows().multiplyAt(this.#vectors.slice(first, last), found);
      this.#decide(first, last, found, (at) => sums[at] as number);
    }
  }

  /** All pairs of the rows with the vectors `first` to `last`. */
  #decideAll(first: number, last: number): void {
    const blocks = this.#withRows();
    const { sums } = blocks.multiply(this.#vectors.slice(first, last));
    // A little less, as the kernel compares in single precision.
    const found = blocks.reaching(this.#threshold - 1e-6, this.#none);
    this.#decide(first, last, found, (_, place) => sums[place] as number);
  }

  /** The vectors of the rows are only carried into the kernel where one of them is needed. */
  #withRows(): Blocks {
    const { from, to, areSet } = this.#rows;
    if (!areSet) this.#blocks.setRows(this.#vectors.slice(from, to));
    this.#rows.areSet = true;
    return this.#blocks;
  }

  #decide(first: number, last: number, places: Uint32Array, sumAt: (at: number, place: number) => number): void {
    const { from, to } = this.#rows;
    const rows = Math.ceil((to - from) / 4) * 4;
    for (let at = 0; at < places.length; at += 1) {
      const place = places[at] as number;
      const [i, j] = [from + (place % rows), first + Math.floor(place / rows)];
      const score = sumAt(at, place) / (ONE * ONE);
      // What lies past the end of the rows or columns is none.
      if (score >= this.#threshold && i < to && i < j && j < last) this.#pairs.add(i, j, Math.min(1, score));
    }
  }
}
