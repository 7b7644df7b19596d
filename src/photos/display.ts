import { interruptedError, UserError } from '../errors.ts';
import { WorkerProcess } from '../worker-process.ts';
import type { World } from '../world.ts';
import { type Faulty, faulty } from './fault.ts';
import type { RenderPhoto, RenderRequest, Rendition } from './render.ts';

export interface DisplayOptions {
  /** How long a photo may take before it is given up. Default: a minute. */
  readonly limitMs?: number;
}

const SCRIPT = new URL('./display-worker.js', import.meta.url);
/** So many photos at the most are decoded, and stand in memory at their full size, at once. */
const MAX_AT_ONCE = 4;
/**
 * The slowest decoder, that of HEIC, takes 0.09 s for a megapixel (measured at 48), so 4 s for the largest photos that
 * phones write; somebody waits.
 */
const LIMIT_MS = 60_000;
/** Time is counted in ticks rather than by the clock: while the whole process is suspended there are none. */
const TICKS = 20;
/** A decoder that nobody needed for so long ends, and gives its memory back. */
const IDLE_MS = 10_000;

/**
 * Renders photos in processes of their own, each one photo at a time, so that one that hangs or crashes a decoder
 * costs itself and nobody else's patience. Processes start with the first photos and keep nothing waiting: there is
 * nothing to close.
 * The promise rejects only when photos cannot be decoded at all: UserError `display_broken`; and once the world is
 * interrupted, for photos whose turn had not come: UserError `interrupted`.
 */
export function openDisplay(world: World, { limitMs = LIMIT_MS }: DisplayOptions = {}): RenderPhoto {
  const display = new Display(world, limitMs);
  return (request) => display.render(request);
}

interface Job {
  readonly request: RenderRequest;
  resolve(result: Rendition | Faulty): void;
  reject(error: Error): void;
}

class Display {
  readonly #world: World;
  readonly #limitMs: number;
  readonly #most: number;
  readonly #idle: Decoder[] = [];
  readonly #waiting: Job[] = [];
  #running = 0;

  constructor(world: World, limitMs: number) {
    this.#world = world;
    this.#limitMs = limitMs;
    this.#most = Math.min(world.cores, MAX_AT_ONCE);
  }

  render(request: RenderRequest): Promise<Rendition | Faulty> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#world.interrupted.addEventListener('abort', this.#giveUp, { once: true });
      this.#waiting.push({ request, resolve, reject });
      this.#dispatch();
    });
  }

  /** Thousands may wait, and would keep the process busy that somebody wants to end. */
  readonly #giveUp = (): void => {
    for (const { reject } of this.#waiting.splice(0)) reject(interruptedError());
  };

  #dispatch(): void {
    if (this.#world.interrupted.aborted) this.#giveUp();
    while (this.#running < this.#most) {
      const job = this.#waiting.shift();
      if (this.#waiting.length === 0) this.#world.interrupted.removeEventListener('abort', this.#giveUp);
      if (job === undefined) return;
      const decoder = this.#idle.pop() ?? new Decoder(this.#world, this.#limitMs);
      this.#running += 1;
      const free = (): void => {
        this.#running -= 1;
        if (decoder.isAlive) this.#rest(decoder);
        this.#dispatch();
      };
      decoder.render(job.request).finally(free).then(job.resolve, job.reject);
    }
  }

  #rest(decoder: Decoder): void {
    this.#idle.push(decoder);
    decoder.rest(IDLE_MS, () => this.#idle.splice(this.#idle.indexOf(decoder), 1));
  }
}

/** One process. */
class Decoder {
  readonly #process: WorkerProcess<ToDisplay, FromDisplay>;
  readonly #limitMs: number;
  #settle: ((outcome: Rendition | Faulty | Error) => void) | null = null;
  #ready = false;
  #rest: NodeJS.Timeout | undefined;
  isAlive = true;

  constructor(world: World, limitMs: number) {
    this.#limitMs = limitMs;
    this.#process = new WorkerProcess<ToDisplay, FromDisplay>(
      world,
      SCRIPT,
      {},
      {
        onMessage: (message) => this.#receive(message),
        onExit: (said) => {
          this.isAlive = false;
          // One that never was ready says nothing of the photo.
          this.#settle?.(this.#ready ? faulty('decoder_crashed', 'crashed the decoder') : broken(said || 'it ended'));
        },
      },
    );
  }

  render(request: RenderRequest): Promise<Rendition | Faulty> {
    clearTimeout(this.#rest);
    this.#process.hold();
    return new Promise((resolve, reject) => {
      let ticks = 0;
      const ticking = setInterval(() => {
        if (++ticks <= TICKS) return;
        this.#end();
        this.#settle?.(faulty('timed_out', `was not decoded within ${this.#limitMs / 1000} seconds`));
      }, this.#limitMs / TICKS);
      this.#settle = (outcome) => {
        clearInterval(ticking);
        this.#settle = null;
        this.#process.release();
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      this.#process.send(request);
    });
  }

  /** Waits for more to do, without keeping this process alive; `onEnd` is called when that took too long. */
  rest(patienceMs: number, onEnd: () => void): void {
    this.#rest = setTimeout(() => {
      onEnd();
      this.#end();
    }, patienceMs).unref();
  }

  #end(): void {
    this.isAlive = false;
    this.#process.abandon();
  }

  #receive(message: FromDisplay): void {
    if (message.kind === 'ready') this.#ready = true;
    else if (message.kind === 'rendered') this.#settle?.(message.result);
    else {
      this.#end();
      this.#settle?.(broken(message.message));
    }
  }
}

function broken(message: string): UserError {
  return new UserError('display_broken', `Photos cannot be decoded: ${message}`, {
    hint: 'Run "curate doctor" to see what is missing.',
  });
}

/** One at a time: the next is sent when the last was answered. */
export type ToDisplay = RenderRequest;

export type FromDisplay =
  /** The decoders are loaded. A request may be sent before. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'rendered'; readonly result: Rendition | Faulty }
  /** Nothing to do with a photo. */
  | { readonly kind: 'broken'; readonly message: string };
