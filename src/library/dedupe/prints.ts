import type { Size } from '../../photos/pixels.ts';
import type { Plane } from '../../photos/planes.ts';
import { PRINT_BOX, type Print, printIn } from '../../photos/print.ts';
import type { Rendition } from '../../photos/render.ts';
import { type Candidate, pixelsOf } from './inspect.ts';
import type { DedupeDeps } from './request.ts';

/** Pairs whose pixels are compared at once. */
export const PAIRS_AT_ONCE = 4;
/** Planes of luma that are kept, of four megabytes at the most: those of a photo's many renditions are compared in turn. */
const KEPT = 24;

/** What is to be compared. */
export interface Comparisons {
  /** A photo of each content, as often as that is to be compared. */
  readonly uses: readonly Candidate[];
  /** By content, the longest side at which it is to be compared; of those that are not here a print is enough. */
  readonly sides: ReadonlyMap<number, number>;
}

/**
 * Prints of contents, and their luma, each photo decoded once and forgotten when nothing is left to be compared with it:
 * they are large. What cannot be decoded has none, and so is confirmed to be nothing.
 */
export class Prints {
  readonly #deps: Pick<DedupeDeps, 'render' | 'onEvent'>;
  readonly #sides: ReadonlyMap<number, number>;
  readonly #known = new Map<number, Promise<Print | null>>();
  /** Those that were asked for last stand last. */
  readonly #planes = new Map<number, Plane>();
  /** By content, how often it is still needed. */
  readonly #needed = new Map<number, number>();
  readonly #total: number;
  #done = 0;

  constructor(deps: Pick<DedupeDeps, 'render' | 'onEvent'>, { uses, sides }: Comparisons) {
    this.#deps = deps;
    this.#sides = sides;
    for (const { content } of uses) this.#needed.set(content, (this.#needed.get(content) ?? 0) + 1);
    this.#total = this.#needed.size;
  }

  of(photo: Candidate): Promise<Print | null> {
    const known = this.#known.get(photo.content) ?? this.#make(photo);
    this.#known.set(photo.content, known);
    return known;
  }

  /** The luma at about the side that was asked for; a print's own where that has every pixel. */
  async luma(photo: Candidate): Promise<Plane | null> {
    const print = await this.of(photo);
    if (print === null || fitsPrint(print)) return print?.detail ?? null;
    const plane = this.#planes.get(photo.content) ?? (await this.#decode(photo))?.luma;
    if (plane !== undefined) this.#keep(photo, plane);
    return plane ?? null;
  }

  release({ content }: Candidate): void {
    const left = (this.#needed.get(content) ?? 0) - 1;
    this.#needed.set(content, left);
    if (left > 0) return;
    this.#known.delete(content);
    this.#planes.delete(content);
  }

  async #make(photo: Candidate): Promise<Print | null> {
    const decoded = await this.#decode(photo);
    this.#done += 1;
    this.#deps.onEvent({ kind: 'confirming', done: this.#done, total: this.#total });
    if (decoded === null) return null;
    if (decoded.luma !== undefined) this.#keep(photo, decoded.luma);
    // A copy: as it came, a print holds the whole message, and the luma in it, for as long as it is kept.
    return printIn(new Uint8Array(decoded.data), decoded, photo.record);
  }

  #decode(photo: Candidate): Promise<Rendition | null> {
    return pixelsOf(this.#deps.render, photo, Math.max(PRINT_BOX, this.#sides.get(photo.content) ?? 0), 'print');
  }

  #keep({ content }: Candidate, plane: Plane): void {
    this.#planes.delete(content);
    this.#planes.set(content, plane);
    const [oldest = content] = this.#planes.keys();
    if (this.#planes.size > KEPT) this.#planes.delete(oldest);
  }
}

/** Whether a print has every pixel of a photo. */
export function fitsPrint({ width, height }: Size): boolean {
  return Math.max(width, height) <= PRINT_BOX;
}
