import { setImmediate as breathe } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../errors.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import { Graph, PairList, type Pairs } from './graph.ts';
import { Blocks, type PackedVectors } from './packed.ts';
import { type Block, PairFinder } from './pairs.ts';
import type { Compared } from './pairs-worker.ts';
import { SKETCH_WIDTH, type Sketches, sketchesOf } from './sketches.ts';

/** Twelve bytes each. */
const MOST_PAIRS = 20_000_000;
/** Fewer vectors are multiplied with each other before they would be sketched. */
const WORTH_SKETCHING = 6_000;
/** Fewer are compared before threads would be at work. */
const WORTH_THREADS = 4_000;
/** Columns of a block: few enough that one takes a part of a second, whatever is done with it. */
const SPAN = 2048;

interface NeighbourDeps {
  readonly signal: AbortSignal;
  /** Told of the share of the pairs that were looked at, 0 to 1. */
  onProgress?(share: number): void;
  /** From how many vectors on they are sketched. */
  readonly sketchFrom?: number;
  /** Threads that may be at work at once; one is this one. */
  readonly threads?: number;
}

/**
 * Every pair of unit vectors with a cosine of `threshold` or more, none left out, always in the same order. One blocked
 * matrix product over half of the pairs, by sketches first where there are many. Beside the vectors, some megabytes a
 * thread, 400 bytes a sketch and twelve a pair.
 * @throws UserError `interrupted`, `too_many_alike`
 */
export async function neighbours(
  vectors: PackedVectors,
  threshold: number,
  { signal, onProgress = () => undefined, sketchFrom = WORTH_SKETCHING, threads = 1 }: NeighbourDeps,
): Promise<Graph> {
  const { count, width } = vectors;
  demandUninterrupted(signal);
  onProgress(0);
  const sketches = count < sketchFrom || width < 2 * SKETCH_WIDTH ? null : await sketchesOf(vectors, signal);
  const blocks = blocksOf(count);
  const whole = blocks.reduce((sum, block) => sum + sizeOf(block), 0);
  const pairs = new PairList();
  /** Of blocks that were done before one that comes before them. */
  const early = new Map<number, Pairs>();
  let [next, written, done] = [0, 0, 0];
  const lanes =
    threads === 1 || count < WORTH_THREADS
      ? [hereLane(new PairFinder(vectors, sketches, threshold))]
      : Array.from({ length: threads }, () => threadLane({ vectors, sketches, threshold }));
  const stop = (): void => {
    for (const lane of lanes) lane.end();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(
      lanes.map(async (lane) => {
        for (let at = next++; at < blocks.length; at = next++) {
          const block = blocks[at] as Block;
          const found = await lane.find(block).catch((error: unknown) => {
            demandUninterrupted(signal);
            throw error;
          });
          demandUninterrupted(signal);
          early.set(at, found);
          for (let its = early.get(written); its !== undefined; its = early.get(written)) {
            pairs.addAll(its);
            early.delete(written);
            written += 1;
          }
          if (pairs.count > MOST_PAIRS) throw tooMany();
          done += sizeOf(block);
          onProgress(done / whole);
        }
      }),
    );
    return new Graph(count, pairs);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Half of the pairs: every vector with itself and those behind it. */
function blocksOf(count: number): Block[] {
  const blocks: Block[] = [];
  for (let from = 0; from < count; from += Blocks.rows) {
    const to = Math.min(from + Blocks.rows, count);
    for (let first = from; first < count; first += SPAN) {
      blocks.push({ from, to, first, last: Math.min(first + SPAN, count) });
    }
  }
  return blocks;
}

function sizeOf({ from, to, first, last }: Block): number {
  return (to - from) * (last - first);
}

/** One block at a time is looked through. */
interface Lane {
  find(block: Block): Promise<Pairs>;
  end(): void;
}

function hereLane(finder: PairFinder): Lane {
  return {
    find: async (block) => {
      const found = finder.find(block);
      await breathe();
      return found;
    },
    end: () => undefined,
  };
}

const SCRIPT = new URL('./pairs-worker.js', import.meta.url);

function threadLane({
  vectors,
  sketches,
  threshold,
}: {
  readonly vectors: PackedVectors;
  readonly sketches: Sketches | null;
  readonly threshold: number;
}): Lane {
  const workerData: Compared = { vectors: vectors.shared, sketches: sketches?.shared ?? null, threshold };
  const worker = new Worker(SCRIPT, { workerData, execArgv: [] });
  let over: Error | null = null;
  let settle: (pairs: Pairs) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const ended = (error: Error): void => {
    over ??= error;
    fail(over);
  };
  worker.on('message', (pairs: Pairs) => settle(pairs));
  worker.on('error', ended);
  worker.on('exit', () => ended(new Error('a thread that compares vectors ended')));
  return {
    find: (block) =>
      new Promise((resolve, reject) => {
        [settle, fail] = [resolve, reject];
        if (over !== null) reject(over);
        else worker.postMessage(block);
      }),
    end: () => void worker.terminate(),
  };
}

function tooMany(): UserError {
  return new UserError('too_many_alike', `More than ${MOST_PAIRS.toLocaleString('en-US')} pairs of photos are alike.`, {
    hint: 'Look at a folder at a time: curate dedupe FOLDER',
  });
}
