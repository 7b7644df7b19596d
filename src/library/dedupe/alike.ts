import { BURST_GAP_MS } from '../../casting/collapse.ts';
import type { PhotoRecord } from '../../store/port.ts';
import { confirm, type Pair } from './confirm.ts';
import type { Candidate } from './inspect.ts';
import type { Listing } from './listing.ts';
import type { DedupeDeps } from './request.ts';
import { sameShape } from './same-picture.ts';
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
  const toConfirm: { readonly pair: number; readonly photos: Pair }[] = [];
  for (let pair = 0; pair < count; pair += 1) {
    const a = holders.get(first[pair] as number)?.[0];
    const b = holders.get(second[pair] as number)?.[0];
    if (a === undefined || b === undefined) continue;
    const score = scores[pair] as number;
    const isEachOne = !a.holdsSeveral && !b.holdsSeveral;
    if (isEachOne && areClose(a.record, b.record) && score >= burst) kinds[pair] = 'burst';
    else if (score >= nearDuplicate) kinds[pair] = 'similar';
    if (sameShape(a.record, b.record) && mayBeOneExposure(a.record, b.record)) toConfirm.push({ pair, photos: [a, b] });
  }
  // Pairs of one photo follow each other, so that what was decoded of it serves them all.
  const place = ({ photos: [a, b] }: { readonly photos: Pair }): number => a.content * graph.size + b.content;
  toConfirm.sort((a, b) => place(a) - place(b));
  const confirmed = await confirm(
    deps,
    toConfirm.map(({ photos }) => photos),
  );
  for (const [i, { pair }] of toConfirm.entries()) if (confirmed[i]) kinds[pair] = 'same';
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

type Clock = Pick<PhotoRecord, 'takenMs' | 'takenFrom'>;

/** Times that are not the camera's clock: a program's, an archive's, and the satellites', which is that of another place. */
const OTHER_CLOCKS = new Set<string | null>(['iptc', 'modified', 'text', 'gps']);

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
