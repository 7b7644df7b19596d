import { PairList, type Pairs } from './graph.ts';
import { Blocks, ONE, type PackedVectors } from './packed.ts';
import type { Sketches } from './sketches.ts';

/** Where sketches propose more of a block than this, the whole block is multiplied sooner than pair after pair. */
const MANY = Blocks.rows * Blocks.columns * 0.01;

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
    const { rows } = proposals.multiply(sketches.slice(first, last));
    const rests = { rows: sketches.rests.subarray(from, to), columns: sketches.rests.subarray(first, last) };
    const found = proposals.reaching(this.#threshold - sketches.slack, rests);
    this.#seen += 1;
    if (found.length > MANY) {
      this.#crowded += 1;
      this.#decideAll(first, last);
      return;
    }
    for (const place of found) {
      const [i, j] = [from + (place % rows), first + Math.floor(place / rows)];
      // What lies past the end of the rows or columns is none.
      if (i < to && i < j && j < last) this.#add(i, j, this.#vectors.cosine(i, j));
    }
  }

  /** All pairs of the rows with the vectors `first` to `last`. */
  #decideAll(first: number, last: number): void {
    const { from, to, areSet } = this.#rows;
    if (!areSet) this.#blocks.setRows(this.#vectors.slice(from, to));
    this.#rows.areSet = true;
    const { sums, rows } = this.#blocks.multiply(this.#vectors.slice(first, last));
    // A little less, as the kernel compares in single precision.
    for (const place of this.#blocks.reaching(this.#threshold - 1e-6, this.#none)) {
      const [i, j] = [from + (place % rows), first + Math.floor(place / rows)];
      if (i < to && i < j && j < last) this.#add(i, j, (sums[place] as number) / (ONE * ONE));
    }
  }

  #add(i: number, j: number, score: number): void {
    if (score >= this.#threshold) this.#pairs.add(i, j, Math.min(1, score));
  }
}
