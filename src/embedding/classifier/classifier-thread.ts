import { Worker } from 'node:worker_threads';
import type { ClassifierParts } from './classifier.ts';

/** Where no more than so many are asked about, they are done before a thread would be at work on them. */
const WORTH_A_THREAD = 150;
/** Requests that a thread has at a time: one that it is at, and one for when that is done. */
const AT_ONCE = 2;

const SCRIPT = new URL('./classifier-worker.js', import.meta.url);

/**
 * A classifier in a thread of its own, for whoever has other things to do meanwhile; it starts once many vectors were asked
 * about.
 */
export class ClassifierThread {
  readonly #parts: ClassifierParts;
  /** Of the requests under way, the oldest first. */
  readonly #waiting: ((shares: Float32Array | null) => void)[] = [];
  #asked = 0;
  #worker: Worker | null = null;
  #state: 'starting' | 'ready' | 'ended' = 'starting';

  constructor(parts: ClassifierParts) {
    this.#parts = parts;
  }

  /** As the classifier has them; null, and nothing done, while the thread starts or has enough to do, and once it ended. */
  async probabilities(vectors: readonly Float32Array[]): Promise<readonly Float32Array[] | null> {
    this.#asked += vectors.length;
    if (this.#asked < WORTH_A_THREAD) return null;
    this.#worker ??= this.#start();
    if (this.#state !== 'ready' || this.#waiting.length >= AT_ONCE) return null;
    const { dim, classes } = this.#parts.shape;
    const packed = new Float32Array(vectors.length * dim);
    for (const [i, vector] of vectors.entries()) packed.set(vector, i * dim);
    this.#worker.postMessage(packed, [packed.buffer]);
    const shares = await new Promise<Float32Array | null>((resolve) => this.#waiting.push(resolve));
    return shares && vectors.map((_, i) => shares.subarray(i * classes, (i + 1) * classes));
  }

  end(): void {
    void this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(SCRIPT, { workerData: this.#parts, execArgv: [] });
    worker.unref();
    worker.on('message', (shares: Float32Array | null) => {
      if (shares === null) this.#state = 'ready';
      else this.#waiting.shift()?.(shares);
    });
    // Whoever asks does without it then.
    const ended = (): void => {
      this.#state = 'ended';
      for (const resolve of this.#waiting.splice(0)) resolve(null);
    };
    worker.on('error', ended);
    worker.on('exit', ended);
    return worker;
  }
}
