import { setImmediate as breathe } from 'node:timers/promises';
import { UserError } from '../../errors.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import { Graph, PairList } from './graph.ts';
import { SKETCH_WIDTH, type Sketches, sketchesOf } from './sketches.ts';
import { Blocks, ONE, type PackedVectors } from './vectors.ts';

/** Twelve bytes each. */
const MOST_PAIRS = 20_000_000;
/** Fewer vectors are multiplied with each other before they would be sketched. */
const WORTH_SKETCHING = 12_000;
/** Where sketches propose more of a block than this, the whole block is multiplied sooner than pair after pair. */
const MANY = Blocks.rows * Blocks.columns * 0.01;

interface NeighbourDeps {
  readonly signal: AbortSignal;
  /** Told of the share of the pairs that were looked at, 0 to 1. */
  onProgress?(share: number): void;
  /** From how many vectors on they are sketched. */
  readonly sketchFrom?: number;
}

/**
 * Every pair of unit vectors with a cosine of `threshold` or more, none left out. One blocked matrix product over half of
 * the pairs: of many vectors, sketches propose, whose products bound the cosines from above, so that whatever they pass
 * over lies below the threshold; the vectors decide. Beside the vectors, some megabytes, 400 bytes a sketch and twelve a
 * pair.
 * @throws UserError `interrupted`, `too_many_alike`
 */
export async function neighbours(
  vectors: PackedVectors,
  threshold: number,
  { signal, onProgress = () => undefined, sketchFrom = WORTH_SKETCHING }: NeighbourDeps,
): Promise<Graph> {
  const { count, width } = vectors;
  const pairs = new PairList();
  const exact = new ExactBlocks(vectors, threshold, pairs);
  let sketches = count < sketchFrom || width < 2 * SKETCH_WIDTH ? null : await sketchesOf(vectors, signal);
  const proposals = sketches === null ? null : new Blocks(sketches.width);
  const whole = (count * (count + Blocks.rows)) / 2;
  let done = 0;
  let [blocks, crowded] = [0, 0];
  for (let from = 0; from < count; from += Blocks.rows) {
    const to = Math.min(from + Blocks.rows, count);
    exact.setRows(from, to);
    if (sketches !== null) proposals?.setRows(sketches.slice(from, to));
    for (let first = from; first < count; first += Blocks.columns) {
      const last = Math.min(first + Blocks.columns, count);
      if (sketches === null || proposals === null) exact.decideAll(first, last);
      else {
        const { rows } = proposals.multiply(sketches.slice(first, last));
        const found = proposals.reaching(threshold - sketches.slack, restsOf(sketches, { from, to, first, last }));
        blocks += 1;
        if (found.length > MANY) {
          crowded += 1;
          exact.decideAll(first, last);
        } else for (const place of found) exact.decide(from + (place % rows), first + Math.floor(place / rows), last);
      }
    }
    if (pairs.count > MOST_PAIRS) throw tooMany();
    // Of vectors that lie along no few directions sketches tell too little.
    if (crowded > blocks / 2) sketches = null;
    done += (to - from) * (count - from);
    onProgress(Math.min(1, done / whole));
    await breathe();
    demandUninterrupted(signal);
  }
  return new Graph(count, pairs);
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

function restsOf({ rests }: Sketches, { from, to, first, last }: Block) {
  return { rows: rests.subarray(from, to), columns: rests.subarray(first, last) };
}

function tooMany(): UserError {
  return new UserError('too_many_alike', `More than ${MOST_PAIRS.toLocaleString('en-US')} pairs of photos are alike.`, {
    hint: 'Look at a folder at a time: curate dedupe FOLDER',
  });
}

/** Decides on pairs by the vectors themselves, and adds those that reach the threshold: each once, the lower row first. */
class ExactBlocks {
  readonly #vectors: PackedVectors;
  readonly #threshold: number;
  readonly #pairs: PairList;
  readonly #blocks: Blocks;
  readonly #none = { rows: new Float32Array(Blocks.rows), columns: new Float32Array(Blocks.columns) };
  #rows = { from: 0, to: 0, areSet: false };

  constructor(vectors: PackedVectors, threshold: number, pairs: PairList) {
    this.#vectors = vectors;
    this.#threshold = threshold;
    this.#pairs = pairs;
    this.#blocks = new Blocks(vectors.width);
  }

  setRows(from: number, to: number): void {
    this.#rows = { from, to, areSet: false };
  }

  /** Of one pair. @param last Columns from here on are none */
  decide(i: number, j: number, last: number): void {
    if (i < this.#rows.to && i < j && j < last) this.#add(i, j, this.#vectors.cosine(i, j));
  }

  /** Of all pairs of the rows with the vectors `first` to `last`. */
  decideAll(first: number, last: number): void {
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
