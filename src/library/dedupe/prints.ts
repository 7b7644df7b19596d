import type { Size } from '../../photos/pixels.ts';
import type { Plane } from '../../photos/planes.ts';
import { PRINT_BOX, type Print, printIn } from '../../photos/print.ts';
import { type Candidate, pixelsOf } from './inspect.ts';
import type { DedupeDeps } from './plan.ts';
import { FINE_BOX } from './same-picture.ts';

/** Pairs whose pixels are compared at once. */
export const PAIRS_AT_ONCE = 4;
/** Planes that are kept, of four megabytes at the most: those of a photo's many renditions are compared in turn. */
const KEPT = 24;

/** The luma of photos, decoded once for the comparisons that follow each other. */
export class RecentPlanes {
  readonly #render: DedupeDeps['render'];
  /** Those that were asked for last stand last. */
  readonly #known = new Map<number, Promise<Plane | null>>();

  constructor(render: DedupeDeps['render']) {
    this.#render = render;
  }

  /** Within a square of `FINE_BOX` pixels a side; null of what cannot be decoded. */
  of(candidate: Candidate): Promise<Plane | null> {
    const { content } = candidate;
    const plane = this.#known.get(content) ?? this.#decode(candidate);
    this.#known.delete(content);
    this.#known.set(content, plane);
    const [oldest = content] = this.#known.keys();
    if (this.#known.size > KEPT) this.#known.delete(oldest);
    return plane;
  }

  async #decode(candidate: Candidate): Promise<Plane | null> {
    const rendered = await pixelsOf(this.#render, candidate, FINE_BOX, 'luma');
    return rendered && { width: rendered.width, height: rendered.height, values: rendered.data };
  }
}

/**
 * Prints of contents, each decoded once and forgotten when nothing is left to be compared with it: they are large. What
 * cannot be decoded has none, and so is confirmed to be nothing.
 */
export class Prints {
  readonly #deps: Pick<DedupeDeps, 'render' | 'onEvent'>;
  readonly #holders: ReadonlyMap<number, readonly Candidate[]>;
  readonly #known = new Map<number, Promise<Print | null>>();
  /** By content, how often it is still needed. */
  readonly #needed = new Map<number, number>();
  readonly #total: number;
  #done = 0;

  /** @param uses The contents, as often as each is to be compared */
  constructor(
    deps: Pick<DedupeDeps, 'render' | 'onEvent'>,
    holders: ReadonlyMap<number, readonly Candidate[]>,
    uses: readonly number[],
  ) {
    this.#deps = deps;
    this.#holders = holders;
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
    const [holder] = this.#holders.get(content) ?? [];
    if (holder === undefined) return null;
    const rendered = await pixelsOf(this.#deps.render, holder, PRINT_BOX, 'print');
    this.#done += 1;
    this.#deps.onEvent({ kind: 'confirming', done: this.#done, total: this.#total });
    return rendered && printIn(rendered.data, rendered, holder.record);
  }
}

/** Whether a print has every pixel of a photo. */
export function fitsPrint({ width, height }: Size): boolean {
  return Math.max(width, height) <= PRINT_BOX;
}
