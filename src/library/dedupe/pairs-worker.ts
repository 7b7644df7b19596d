import { parentPort, workerData } from 'node:worker_threads';
import { PackedVectors, type SharedVectors } from './packed.ts';
import { type Block, PairFinder } from './pairs.ts';
import { type SharedSketches, Sketches } from './sketches.ts';

/** What a thread is started with. */
export interface Compared {
  readonly vectors: SharedVectors;
  readonly sketches: SharedSketches | null;
  readonly threshold: number;
}

const { vectors, sketches, threshold }: Compared = workerData;
const finder = new PairFinder(PackedVectors.of(vectors), sketches && new Sketches(sketches), threshold);
parentPort?.on('message', (block: Block) => {
  const pairs = finder.find(block);
  parentPort?.postMessage(pairs, [pairs.first.buffer, pairs.second.buffer, pairs.scores.buffer] as ArrayBuffer[]);
});
