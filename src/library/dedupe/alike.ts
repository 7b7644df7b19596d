import pLimit from 'p-limit';
import { BURST_GAP_MS } from '../../casting/collapse.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import type { PhotoRecord } from '../../store/port.ts';
import type { Candidate } from './inspect.ts';
import type { Listing } from './listing.ts';
import { fitsPrint, PAIRS_AT_ONCE, Prints } from './prints.ts';
import type { DedupeDeps } from './request.ts';
import {
  type Compression,
  equalPrints,
  FINE_BOX,
  hideNoise,
  sameFinePrint,
  samePicture,
  sameShape,
  wereResaved,
} from './same-picture.ts';
import type { Kind } from './stars.ts';

/** A camera's clock shows seconds; many have no smaller unit. */
const SECOND_MS = 1000;

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
  const uses: number[] = [];
  const sides = new Map<number, number>();
  for (const pair of toConfirm) {
    const both = [first[pair] as number, second[pair] as number];
    const [a, b] = both.map((content) => holders.get(content)?.[0]);
    const side = a === undefined || b === undefined ? 0 : closeSide(a, b);
    for (const content of both) sides.set(content, Math.max(side, sides.get(content) ?? 0));
    uses.push(...both);
  }
  const prints = new Prints(deps, holders, { uses, sides });
  const limit = pLimit(PAIRS_AT_ONCE);
  await Promise.all(
    toConfirm.map((pair) =>
      limit(async () => {
        demandUninterrupted(deps.signal);
        const [one, other] = [first[pair] as number, second[pair] as number];
        const [a, b] = await Promise.all([prints.of(one), prints.of(other)]);
        if (a !== null && b !== null && samePicture(a, b)) {
          const [candidate, across] = [holders.get(one)?.[0], holders.get(other)?.[0]];
          const isSame = equalPrints(a, b) || (await mayBeOneSaved(prints, candidate, across));
          if (isSame) kinds[pair] = 'same';
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

/** The longest side at which two photos that look the same are compared once more; 0 where a print says all there is. */
function closeSide(a: Candidate, b: Candidate): number {
  if (compressionsOf(a, b) !== null) return FINE_BOX;
  if (fitsPrint(a.record) || fitsPrint(b.record)) return 0;
  const longer = ({ record: { width, height } }: Candidate): number => Math.max(width, height);
  return Math.min(FINE_BOX, longer(a), longer(b));
}

/**
 * False for what looks the same at the size of a print alone: two pages that differ in the small print, and two frames of
 * a scene that does not move, which are JPEGs of one size of which neither was saved from the other.
 */
async function mayBeOneSaved(prints: Prints, a: Candidate | undefined, b: Candidate | undefined): Promise<boolean> {
  if (a === undefined || b === undefined) return false;
  if (closeSide(a, b) === 0) return true;
  const [one, other] = await Promise.all([prints.luma(a.content), prints.luma(b.content)]);
  if (one === null || other === null || !sameFinePrint(one, other)) return false;
  const compressions = compressionsOf(a, b);
  return (
    compressions === null ||
    wereResaved({ plane: one, compression: compressions[0] }, { plane: other, compression: compressions[1] })
  );
}

/** Those of JPEGs of one size whose noise tells whether one was saved from the other; null of all others. */
function compressionsOf(a: Candidate, b: Candidate): readonly [Compression, Compression] | null {
  const isOneSize = a.record.width === b.record.width && a.record.height === b.record.height;
  if (!isOneSize || a.compression === null || b.compression === null) return null;
  return hideNoise(a.compression, b.compression) ? null : [a.compression, b.compression];
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
