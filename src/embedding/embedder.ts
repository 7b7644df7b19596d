import { UserError } from '../errors.ts';
import { type Faulty, faulty } from '../photos/fault.ts';
import { WorkerProcess } from '../worker-process.ts';
import type { World } from '../world.ts';
import type { Device } from './device.ts';
import type { Embedder, EmbeddingModel, EmbedRequest, EmbedResult, StageTimings } from './port.ts';
import type { Answer, FromWorker, OpenWorker, ToWorker } from './protocol.ts';

export interface EmbedderOptions {
  /** Worker processes, each of which uses one processor. Default: all this process may use. */
  readonly jobs?: number;
  /** Threads of a worker's model: for whoever waits for a single photo. Default: 1. */
  readonly threads?: number;
  /** Decode every pixel, as the reference does, rather than a size that is large enough. */
  readonly exact?: boolean;
  /** Run at the lowest priority. */
  readonly gentle?: boolean;
  /** Start the workers at once rather than with the first photos: for whoever knows that photos will come. */
  readonly eager?: boolean;
  /** Where inference runs (default: the processor). */
  readonly device?: Device;
  /** Told once when the device asked for is not used, and why. */
  readonly onFallback?: (reason: string) => void;
  /** Told of every photo, for measuring. */
  readonly onTimings?: (timings: StageTimings) => void;
  /** How long a worker may work without a sign of life before it is ended. Default: ten minutes. */
  readonly patienceMs?: number;
  /** A worker without work for this long ends, and its memory is free; the next photo starts another. Default: never. */
  readonly idleMs?: number;
}

const SCRIPT = new URL('./worker.js', import.meta.url);
const WORKER_ENV = {
  // Threads for file reads and for sharp's decoding.
  UV_THREADPOOL_SIZE: '4',
  // ONNX Runtime 1.30 otherwise keeps a device id and a queue of events for Microsoft in the home folder.
  ORT_DISABLE_TELEMETRY: '1',
};
/** Photos a worker holds: one it works on, and others that are being read meanwhile. */
const PER_WORKER = 3;
/**
 * No decoder has a time-out of its own. The slowest, that of HEIC, takes 0.09 s for a megapixel (measured at 48), so 23 s
 * for the largest photo that is decoded at all: this leaves room for a machine 25 times as slow or as busy.
 */
const PATIENCE_MS = 600_000;
/**
 * Silence is counted in ticks rather than by the clock: while the whole process is suspended there are none, so a
 * laptop that wakes up does not find all its workers overdue.
 */
const PATIENCE_TICKS = 20;
/** Workers that die before a photo was sent to them say that it is not the photos that kill them. */
const MAX_FALSE_STARTS = 3;

/** Opens an embedder; its workers start when there is work for them, or at once. `cacheDir` is for optimised models. */
export async function openEmbedder(
  world: World,
  model: EmbeddingModel,
  options: EmbedderOptions & { cacheDir: string },
): Promise<Embedder> {
  const { cacheDir, jobs = world.cores, threads = 1, exact = false, gentle = false, eager = false } = options;
  const { device = 'cpu' } = options;
  const open: OpenWorker = { kind: 'open', model, exact, gentle, device, threads, cacheDir };
  const pool = new WorkerPool(world, open, jobs, options);
  if (eager) pool.start();
  return pool;
}

interface Job {
  readonly id: number;
  readonly request: EmbedRequest;
  /** It was in flight when a worker died, and is tried by itself to see whether it was the cause. */
  alone: boolean;
  resolve(result: EmbedResult): void;
  reject(error: unknown): void;
}

class Worker {
  process: WorkerProcess<ToWorker, FromWorker> | null = null;
  ready = false;
  /** Ticks since it last sent something, or was idle. */
  silence = 0;
  readonly jobs = new Map<number, Job>();
  ending: NodeJS.Timeout | undefined;
}

class WorkerPool implements Embedder {
  readonly model: EmbeddingModel;
  readonly capacity: number;
  readonly #world: World;
  readonly #open: OpenWorker;
  readonly #listeners: Pick<EmbedderOptions, 'onTimings' | 'onFallback'>;
  readonly #workers: readonly Worker[];
  readonly #queue: Job[] = [];
  readonly #patienceMs: number;
  readonly #idleMs: number | null;
  readonly #ticking: NodeJS.Timeout;
  #ended: Promise<unknown> = Promise.resolve();
  #nextId = 0;
  #falseStarts = 0;
  #fellBack = false;
  #failure: Error | null = null;

  constructor(
    world: World,
    open: OpenWorker,
    jobs: number,
    options: Pick<EmbedderOptions, 'onTimings' | 'onFallback' | 'patienceMs' | 'idleMs'>,
  ) {
    this.model = open.model;
    this.capacity = jobs * PER_WORKER;
    this.#world = world;
    this.#open = open;
    this.#listeners = options;
    this.#workers = Array.from({ length: jobs }, () => new Worker());
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#idleMs = options.idleMs ?? null;
    this.#ticking = setInterval(() => this.#tick(), this.#patienceMs / PATIENCE_TICKS).unref();
  }

  start(): void {
    for (const worker of this.#workers) worker.process ??= this.#start(worker);
  }

  embed(request: EmbedRequest): Promise<EmbedResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ id: this.#nextId++, request, alone: false, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#ticking);
    this.#fail(new UserError('embedder_closed', 'Embedding was stopped.'));
    for (const { ending } of this.#workers) clearTimeout(ending);
    // One that has its model leaves nothing half written, and takes longer to put itself in order than to be ended.
    const end = ({ process, ready }: Worker): Promise<void> | undefined => (ready ? process?.end() : process?.close());
    await Promise.all([this.#ended, ...this.#workers.map(end)]);
  }

  /** Hands waiting photos to the workers with the least to do. */
  #dispatch(): void {
    if (this.#failure !== null) {
      this.#fail(this.#failure);
      return;
    }
    for (let job = this.#queue[0]; job !== undefined; job = this.#queue[0]) {
      const worker = this.#workerFor(job);
      if (worker === null) return;
      this.#queue.shift();
      if (worker.jobs.size === 0) worker.silence = 0;
      clearTimeout(worker.ending);
      worker.jobs.set(job.id, job);
      worker.process ??= this.#start(worker);
      if (worker.ready || !job.alone) worker.process.send(embedMessage(job));
    }
  }

  #workerFor(job: Job): Worker | null {
    const room = (worker: Worker): boolean =>
      job.alone
        ? worker.jobs.size === 0
        : worker.jobs.size < PER_WORKER && ![...worker.jobs.values()].some(({ alone }) => alone);
    const free = this.#workers.filter(room);
    // Idle ones first, and of those one that runs already: a single photo starts a single worker.
    const load = ({ jobs, process }: Worker): number => jobs.size + (process === null ? 0.5 : 0);
    return free.reduce<Worker | null>((best, worker) => (best && load(best) <= load(worker) ? best : worker), null);
  }

  #start(worker: Worker): WorkerProcess<ToWorker, FromWorker> {
    worker.ready = false;
    this.#endWhenIdle(worker);
    const started: WorkerProcess<ToWorker, FromWorker> = new WorkerProcess(this.#world, SCRIPT, WORKER_ENV, {
      // One that was ended for having nothing to do is not lost, and another may be in its place.
      onMessage: (message: FromWorker) => {
        if (worker.process === started) this.#receive(worker, message);
      },
      onExit: (said) => {
        if (worker.process === started) this.#lost(worker, faulty('decoder_crashed', 'crashed the decoder'), said);
      },
    });
    started.send(this.#open);
    return started;
  }

  /** Ends a worker once it has had nothing to do for long. */
  #endWhenIdle(worker: Worker): void {
    if (this.#idleMs === null || worker.jobs.size > 0) return;
    clearTimeout(worker.ending);
    worker.ending = setTimeout(() => {
      const { process } = worker;
      worker.process = null;
      this.#ended = Promise.all([this.#ended, process?.close()]);
    }, this.#idleMs).unref();
  }

  #receive(worker: Worker, message: FromWorker): void {
    worker.silence = 0;
    if (message.kind === 'broken') {
      this.#fail(broken(this.model, message.message));
      return;
    }
    if (message.kind === 'ready') {
      worker.ready = true;
      this.#falseStarts = 0;
      this.#tellFallback(message.fallback);
      // One that is tried alone has waited for this: from now on a crash is its own.
      for (const job of worker.jobs.values()) if (job.alone) worker.process?.send(embedMessage(job));
      return;
    }
    const job = worker.jobs.get(message.id);
    if (message.kind === 'question') {
      const { process } = worker;
      const { id, sha256 } = message;
      void answerOf(job?.request, sha256).then((answer) => process?.send({ kind: 'answer', id, answer }));
      return;
    }
    worker.jobs.delete(message.id);
    this.#listeners.onTimings?.(message.timings);
    job?.resolve(message.result);
    this.#dispatch();
    this.#endWhenIdle(worker);
  }

  #tellFallback(reason: string | null): void {
    if (reason === null || this.#fellBack) return;
    this.#fellBack = true;
    this.#listeners.onFallback?.(reason);
  }

  /** Ends workers that hang, in a decoder or on a drive that does not answer. */
  #tick(): void {
    for (const worker of this.#workers) {
      if (worker.jobs.size === 0 || ++worker.silence <= PATIENCE_TICKS) continue;
      worker.process?.abandon();
      // What hangs by itself in a worker that had opened its model is sure to be the cause.
      const [only, ...others] = worker.jobs.values();
      if (worker.ready && only !== undefined && others.length === 0) only.alone = true;
      const seconds = this.#patienceMs / 1000;
      const waited = `within ${seconds < 120 ? `${seconds} seconds` : `${seconds / 60} minutes`}`;
      this.#lost(worker, faulty('timed_out', `was not decoded ${waited}`), `it did not answer ${waited}`);
    }
  }

  /** A worker is gone; `fault` is its photo's where it is certain which one it was. */
  #lost(worker: Worker, fault: Faulty, said: string): void {
    const jobs = [...worker.jobs.values()];
    worker.process = null;
    worker.jobs.clear();
    const [only] = jobs;
    if (worker.ready && only?.alone) {
      only.resolve(fault);
    } else {
      if (only?.alone) this.#falseStarts += 1;
      // Any of them may be the cause. Tried alone, in a worker that is ready, it is found and the others are not lost.
      for (const job of jobs) job.alone = true;
      this.#queue.unshift(...jobs);
    }
    if (this.#falseStarts >= MAX_FALSE_STARTS) this.#fail(broken(this.model, said || 'the worker process died'));
    else this.#dispatch();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const jobs = [...this.#queue.splice(0), ...this.#workers.flatMap((worker) => [...worker.jobs.values()])];
    for (const worker of this.#workers) worker.jobs.clear();
    for (const job of jobs) job.reject(this.#failure);
  }
}

/** What cannot be told is not known: it is embedded. */
async function answerOf(request: EmbedRequest | undefined, sha256: string): Promise<Answer> {
  try {
    if (!(await request?.isKnown?.(sha256))) return 'unknown';
    return (await request?.isStale?.(sha256)) ? 'stale' : 'known';
  } catch {
    return 'unknown';
  }
}

function embedMessage({ id, request }: Job): ToWorker {
  return { kind: 'embed', id, file: request.file, ask: request.isKnown !== undefined };
}

function broken(model: EmbeddingModel, message: string): UserError {
  return new UserError('model_broken', `The model ${model.id} (${model.file}) cannot be run: ${message}`, {
    hint: 'Run "curate doctor" to check it.',
  });
}
