import type { Size } from '../../photos/pixels.ts';
import { PRINT_BOX, type Print, printed, printIn } from '../../photos/print.ts';
import { type Candidate, pixelsOf } from './inspect.ts';
import type { DedupeDeps } from './plan.ts';
import { RESAVED_BOX } from './same-picture.ts';

/** Pairs whose pixels are compared at once. */
export const PAIRS_AT_ONCE = 4;
/** Renditions that are kept: twice the pairs that are compared at once. The largest have 12 megabytes. */
const KEPT = 2 * PAIRS_AT_ONCE;

/** Pixels of photos, decoded once for the comparisons that follow each other. */
export class RecentPixels {
  readonly #render: DedupeDeps['render'];
  /** Those that were asked for last stand last. */
  readonly #known = new Map<number, ReturnType<typeof pixelsOf>>();

  constructor(render: DedupeDeps['render']) {
    this.#render = render;
  }

  /** Within a square of `RESAVED_BOX` pixels a side. */
  of(candidate: Candidate): ReturnType<typeof pixelsOf> {
    const { content } = candidate;
    const pixels = this.#known.get(content) ?? pixelsOf(this.#render, candidate, RESAVED_BOX);
    this.#known.delete(content);
    this.#known.set(content, pixels);
    const [oldest = content] = this.#known.keys();
    if (this.#known.size > KEPT) this.#known.delete(oldest);
    return pixels;
  }
}

interface PrintSources {
  readonly holders: ReadonlyMap<number, readonly Candidate[]>;
  readonly pixels: RecentPixels;
  /** Contents that are decoded but once, as their pixels are needed as well. */
  readonly whole: ReadonlySet<number>;
}

/**
 * Prints of contents, each decoded once and forgotten when nothing is left to be compared with it: they are large. What
 * cannot be decoded has none, and so is confirmed to be nothing.
 */
export class Prints {
  readonly #deps: Pick<DedupeDeps, 'render' | 'onEvent'>;
  readonly #sources: PrintSources;
  readonly #known = new Map<number, Promise<Print | null>>();
  /** By content, how often it is still needed. */
  readonly #needed = new Map<number, number>();
  readonly #total: number;
  #done = 0;

  /** @param uses The contents, as often as each is to be compared */
  constructor(deps: Pick<DedupeDeps, 'render' | 'onEvent'>, sources: PrintSources, uses: readonly number[]) {
    this.#deps = deps;
    this.#sources = sources;
    for (const content of uses) this.#needed.set(content, (this.#needed.get(content) ?? 0) + 1);
    this.#total = this.#needed.size;
  }

  of(content: number): Promise<Print | null> {
    const known = this.#known.get(content) ?? this.#make(content);
    this.#known.set(content, known);
    return known;
  }

  release(content: number): void {
    const left = (this.#needed.get(content) ?? 0) - 1;
    this.#needed.set(content, left);
    if (left <= 0) this.#known.delete(content);
  }

  async #make(content: number): Promise<Print | null> {
    const { holders, pixels, whole } = this.#sources;
    const [holder] = holders.get(content) ?? [];
    if (holder === undefined) return null;
    const isWhole = whole.has(content);
    const rendered = isWhole ? await pixels.of(holder) : await pixelsOf(this.#deps.render, holder, PRINT_BOX, 'print');
    this.#done += 1;
    this.#deps.onEvent({ kind: 'confirming', done: this.#done, total: this.#total });
    return rendered && printIn(isWhole ? printed(rendered.data, rendered) : rendered.data, rendered, holder.record);
  }
}

/** Whether a print has every pixel of a photo. */
export function fitsPrint({ width, height }: Size): boolean {
  return Math.max(width, height) <= PRINT_BOX;
}
