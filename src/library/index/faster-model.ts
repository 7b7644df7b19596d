import type { Embedder, StageTimings } from '../../embedding/port.ts';
import { messageOf } from '../../errors.ts';

/** What a faster model would save of a first run. */
export interface FasterModel {
  /** Its id. */
  readonly model: string;
  /** Of the whole run. */
  readonly photos: number;
  /** What the whole run takes as it is. */
  readonly seconds: number;
  /** Null where it could not be measured. */
  readonly measured: Saving | null;
  /** Why it was not measured; null when it was. */
  readonly reason: string | null;
}

interface Saving {
  /** Of whole photos, from file to vector. */
  readonly timesAsFast: number;
  /** Of what is still to be done, when everything starts again with the faster model. */
  readonly savesSeconds: number;
}

interface FasterModelDeps {
  /** The id of the faster model. */
  readonly model: string;
  /** Workers of the run. */
  readonly jobs: number;
  /** A clock in milliseconds. */
  elapsed(): number;
  /** Opens the faster model with one worker. */
  open(onTimings: (timings: StageTimings) => void): Promise<Embedder>;
  onFound(found: FasterModel): void;
}

/** A shorter run is not worth a word. */
const LONG_SECONDS = 600;
/** The first photos of a run also wait for workers and caches; the next ones are measured. */
const WARM_UP = 20;
const MEASURED = 40;
/** Photos that the faster model is tried on, and how many of them warm it up. */
const TRIED = 12;
const TRIED_WARM_UP = 4;
/** A processor without int8 products gains little, and then nothing is said. */
const LEAST_GAIN = 1.15;
/** Below this share of the workers' time the run waits for the drive, which another model does not make faster. */
const LEAST_BUSY = 0.75;

/**
 * Watches the first photos of a run that embeds for the first time, and finds out what a faster model would save: when
 * the run is going to be long, that model embeds a few of the same photos beside it, and the two take turns on the same
 * processors. Says it once.
 */
export class FasterModelWatch {
  readonly #deps: FasterModelDeps;
  readonly #files: string[] = [];
  #timings: StageTimings[] = [];
  #begun: { readonly done: number; readonly at: number } | null = null;
  #trial: Promise<void> | null = null;
  #other: Promise<Embedder> | null = null;
  #closed = false;

  constructor(deps: FasterModelDeps) {
    this.#deps = deps;
  }

  /** The embedder of the run; what goes through it is what the faster model is tried on. */
  watch(embedder: Embedder): Embedder {
    const embed: Embedder['embed'] = async (request) => {
      const result = await embedder.embed(request);
      if (this.#trial === null && result.kind === 'embedded') {
        this.#files.push(request.file);
        if (this.#files.length > TRIED) this.#files.shift();
      }
      return result;
    };
    const { model, capacity } = embedder;
    return { model, capacity, embed, close: () => embedder.close() };
  }

  timed(timings: StageTimings): void {
    this.#timings.push(timings);
  }

  progress(done: number, total: number): void {
    if (this.#trial !== null || done < WARM_UP) return;
    const now = this.#deps.elapsed();
    if (this.#begun === null) {
      this.#begun = { done, at: now };
      this.#timings = [];
      return;
    }
    const photos = done - this.#begun.done;
    if (photos < MEASURED || this.#files.length < TRIED) return;
    const perPhoto = (now - this.#begun.at) / 1000 / photos;
    const busy = sum(this.#timings.map(working)) / 1000 / (this.#deps.jobs * perPhoto * photos);
    if (perPhoto * total < LONG_SECONDS || busy < LEAST_BUSY) return;
    this.#trial = this.#try({ perPhoto, total, left: total - done });
  }

  /** Ends a trial that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#other?.catch(() => null))?.close();
    await this.#trial;
  }

  async #try(run: { readonly perPhoto: number; readonly total: number; readonly left: number }): Promise<void> {
    const { model, open, onFound } = this.#deps;
    const found = { model, photos: run.total, seconds: run.perPhoto * run.total };
    const tried: StageTimings[] = [];
    this.#timings = [];
    try {
      this.#other = open((timings) => tried.push(timings));
      const other = await this.#other;
      for (const file of this.#files) await other.embed({ file });
      await other.close();
    } catch (error) {
      if (!this.#closed) onFound({ ...found, measured: null, reason: messageOf(error) });
      return;
    }
    const timesAsFast = ratio(this.#timings, tried.slice(TRIED_WARM_UP));
    if (timesAsFast === null || timesAsFast < LEAST_GAIN) return;
    const savesSeconds = run.perPhoto * (run.left - run.total / timesAsFast);
    if (savesSeconds > 0 && !this.#closed) onFound({ ...found, measured: { timesAsFast, savesSeconds }, reason: null });
  }
}

/** How many times as fast whole photos are when only their inference changes; null when one of the two was not seen. */
function ratio(now: readonly StageTimings[], then: readonly StageTimings[]): number | null {
  const inferring = now.filter(({ infer }) => infer !== undefined);
  const [whole, infer, faster] = [
    median(inferring.map(working)),
    median(inferring.map((timings) => timings.infer ?? 0)),
    median(then.flatMap((timings) => timings.infer ?? [])),
  ];
  if (whole === null || infer === null || faster === null) return null;
  return whole / (whole - infer + faster);
}

/** What a photo keeps its worker busy; reading goes on beside it. */
function working({ read: _, ...stages }: StageTimings): number {
  return sum(Object.values(stages));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
