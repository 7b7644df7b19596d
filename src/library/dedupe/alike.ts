import pLimit from 'p-limit';
import { BURST_GAP_MS } from '../../casting/collapse.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import { PRINT_BOX, type Print, printIn } from '../../photos/print.ts';
import type { PhotoRecord } from '../../store/port.ts';
import { type Candidate, pixelsOf } from './inspect.ts';
import type { Listing } from './listing.ts';
import type { DedupeDeps } from './plan.ts';
import { equalPrints, hideNoise, RESAVED_BOX, samePicture, sameShape, wereResaved } from './same-picture.ts';
import type { Kind } from './stars.ts';

/** A camera's clock shows seconds; many have no smaller unit. */
const SECOND_MS = 1000;
const AT_ONCE = 4;

interface Alike {
  readonly candidate: Candidate;
  readonly kind: Kind;
  readonly score: number;
}

/** What each candidate is like, and how. */
export interface Likeness {
  related(candidate: Candidate): readonly Alike[];
}

/** Tells the kinds apart: by bytes, then on pixels, then by the camera's clock. */
export async function likenessOf(
  deps: Pick<DedupeDeps, 'session' | 'render' | 'signal' | 'onEvent'>,
  { graph }: Listing,
  candidates: readonly Candidate[],
): Promise<Likeness> {
  const { burst, nearDuplicate } = (await deps.session.model()).thresholds;
  const holders = new Map<number, Candidate[]>();
  for (const candidate of candidates) {
    holders.set(candidate.content, [...(holders.get(candidate.content) ?? []), candidate]);
  }
  const { first, second, scores, count } = graph.pairs;
  /** By pair of contents; undefined where they are not alike after all. */
  const kinds: (Kind | undefined)[] = [];
  const toConfirm: number[] = [];
  for (let pair = 0; pair < count; pair += 1) {
    const a = holders.get(first[pair] as number)?.[0];
    const b = holders.get(second[pair] as number)?.[0];
    if (a === undefined || b === undefined) continue;
    const score = scores[pair] as number;
    if (areClose(a.record, b.record) && score >= burst) kinds[pair] = 'burst';
    else if (score >= nearDuplicate) kinds[pair] = 'similar';
    if (sameShape(a.record, b.record) && mayBeOneExposure(a.record, b.record)) toConfirm.push(pair);
  }
  // Pairs of one photo follow each other, so that what was decoded of it serves them all.
  const place = (pair: number): number => (first[pair] as number) * graph.size + (second[pair] as number);
  toConfirm.sort((a, b) => place(a) - place(b));
  const pixels = new RecentPixels(deps.render);
  const prints = new Prints(
    deps,
    holders,
    toConfirm.flatMap((pair) => [first[pair] as number, second[pair] as number]),
  );
  const limit = pLimit(AT_ONCE);
  await Promise.all(
    toConfirm.map((pair) =>
      limit(async () => {
        demandUninterrupted(deps.signal);
        const [one, other] = [first[pair] as number, second[pair] as number];
        const [a, b] = await Promise.all([prints.of(one), prints.of(other)]);
        const isSame = a !== null && b !== null && samePicture(a, b);
        if (
          isSame &&
          (equalPrints(a, b) || (await mayBeOneSaved(pixels, holders.get(one)?.[0], holders.get(other)?.[0])))
        ) {
          kinds[pair] = 'same';
        }
        prints.release(one);
        prints.release(other);
      }),
    ),
  );
  return {
    related: (candidate) => {
      const { content } = candidate;
      const copies = (holders.get(content) ?? [])
        .filter((other) => other !== candidate)
        .map((other): Alike => ({ candidate: other, kind: 'identical', score: 1 }));
      const alike = [...graph.pairsOf(content)].flatMap((pair) => {
        const kind = kinds[pair];
        if (kind === undefined) return [];
        const score = scores[pair] as number;
        return (holders.get(graph.across(pair, content)) ?? []).map(
          (other): Alike => ({ candidate: other, kind, score }),
        );
      });
      return [...copies, ...alike];
    },
  };
}

/**
 * False for two frames of a scene that does not move, which at the size of a print look the same: JPEGs of one
 * size of which neither was saved from the other.
 */
async function mayBeOneSaved(
  pixels: RecentPixels,
  a: Candidate | undefined,
  b: Candidate | undefined,
): Promise<boolean> {
  if (a === undefined || b === undefined) return false;
  const isOneSize = a.record.width === b.record.width && a.record.height === b.record.height;
  if (!isOneSize || a.compression === null || b.compression === null || hideNoise(a.compression, b.compression)) {
    return true;
  }
  const [one, other] = await Promise.all([pixels.of(a), pixels.of(b)]);
  if (one === null || other === null) return false;
  return wereResaved({ ...one, compression: a.compression }, { ...other, compression: b.compression });
}

type Clock = Pick<PhotoRecord, 'takenMs' | 'takenFrom'>;

/** Times that are not the camera's clock: a program's, and the satellites', which is that of another place. */
const OTHER_CLOCKS = new Set<string | null>(['modified', 'text', 'gps']);

function cameraClock({ takenMs, takenFrom }: Clock): number | null {
  return OTHER_CLOCKS.has(takenFrom) ? null : takenMs;
}

/** Frames of one burst: taken close to each other, but not one exposure that was edited, whose moment is the same. */
function areClose(a: Clock, b: Clock): boolean {
  const [one, other] = [cameraClock(a), cameraClock(b)];
  if (one === null || other === null || (one === other && hasFraction(one))) return false;
  return Math.abs(one - other) <= BURST_GAP_MS;
}

/** Two renditions of one exposure say the same moment, but for fractions of a second that one of them lost. */
function mayBeOneExposure(a: Clock, b: Clock): boolean {
  const [one, other] = [cameraClock(a), cameraClock(b)];
  if (one === null || other === null || one === other) return true;
  return Math.abs(one - other) < SECOND_MS && !(hasFraction(one) && hasFraction(other));
}

function hasFraction(time: number): boolean {
  return time % SECOND_MS !== 0;
}

/** Renditions that are kept: twice the pairs that are compared at once. The largest have 12 megabytes. */
const KEPT = 2 * AT_ONCE;

/** Pixels of photos, decoded once for the comparisons that follow each other. */
class RecentPixels {
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

/**
 * Prints of contents, each decoded once and forgotten when nothing is left to be compared with it: they are large. What
 * cannot be decoded has none, and so is confirmed to be nothing.
 */
class Prints {
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
