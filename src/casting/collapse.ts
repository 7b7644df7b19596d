import { type Candidate, cosine, type FixedPhoto, nameOf, tooLike, type Verdict } from './candidate.ts';

export interface CollapseThresholds {
  /** Cosine from which two photos show the same, whenever they were taken. */
  readonly nearDuplicate: number;
  /** Cosine from which two photos taken close together belong to one burst. */
  readonly burst: number;
}

/** Two frames of one burst are at most this far apart. */
const BURST_GAP_MS = 10_000;

interface Collapsed {
  /** The best frame of each group, in the order given. */
  readonly kept: readonly { readonly candidate: Candidate; readonly groupSize: number }[];
  readonly dropped: readonly Verdict[];
}

type Likeness = 'copy' | 'burst' | 'near-duplicate';

/**
 * Leaves one frame of every burst and of every set of near-duplicates: the sharpest, then the largest, then the first
 * by path. Groups are chains (single linkage): a burst whose ends differ is one burst all the same. Candidates that
 * are like a fixed photo give way to it.
 */
export function collapse(
  candidates: readonly Candidate[],
  fixed: readonly FixedPhoto[],
  thresholds: CollapseThresholds,
): Collapsed {
  const dropped: Verdict[] = [];
  const free: Candidate[] = [];
  for (const candidate of candidates) {
    const reason = likeFixed(candidate, fixed, thresholds);
    if (reason === null) free.push(candidate);
    else dropped.push({ candidate, used: false, reason });
  }
  const kept: { candidate: Candidate; groupSize: number }[] = [];
  const best = new Map<Candidate, readonly Candidate[]>();
  for (const group of groups(free, thresholds)) {
    const [first, ...rest] = [...group].sort(byFrame);
    if (first === undefined) continue;
    best.set(first, group);
    for (const candidate of rest) {
      dropped.push({ candidate, used: false, reason: lesser(candidate, first, group, thresholds) });
    }
  }
  for (const candidate of free) {
    const group = best.get(candidate);
    if (group !== undefined) kept.push({ candidate, groupSize: group.length });
  }
  return { kept, dropped };
}

function likeFixed(candidate: Candidate, fixed: readonly FixedPhoto[], thresholds: CollapseThresholds): string | null {
  for (const photo of fixed) {
    const likeness = alike(candidate, photo, thresholds);
    if (likeness === 'copy') return `copy of ${nameOf(photo)}`;
    if (likeness === 'burst') return `burst of ${nameOf(photo)}`;
    if (likeness !== null) return tooLike(photo, cosine(candidate.vector, photo.vector));
  }
  return null;
}

/** Why `candidate` gave way to the best frame of its group. */
function lesser(
  candidate: Candidate,
  best: Candidate,
  group: readonly Candidate[],
  thresholds: CollapseThresholds,
): string {
  if (candidate.sha256 === best.sha256) return `copy of ${nameOf(best)}`;
  const inBurst = group.some((other) => other !== candidate && alike(candidate, other, thresholds) === 'burst');
  if (!inBurst) return tooLike(best, cosine(candidate.vector, best.vector));
  if (candidate.quality < best.quality) return `burst of ${nameOf(best)}, less sharp`;
  return `burst of ${nameOf(best)}, ${pixels(candidate) < pixels(best) ? 'smaller' : 'just as good'}`;
}

function alike(a: FixedPhoto, b: FixedPhoto, { nearDuplicate, burst }: CollapseThresholds): Likeness | null {
  if (a.sha256 === b.sha256) return 'copy';
  const similarity = cosine(a.vector, b.vector);
  const together = a.takenMs !== null && b.takenMs !== null && Math.abs(a.takenMs - b.takenMs) <= BURST_GAP_MS;
  if (together && similarity >= burst) return 'burst';
  return similarity >= nearDuplicate ? 'near-duplicate' : null;
}

/** Sharpest, then largest, then first by path: the first in this order is the one to keep. */
function byFrame(a: Candidate, b: Candidate): number {
  return b.quality - a.quality || pixels(b) - pixels(a) || (a.file < b.file ? -1 : 1);
}

function pixels(photo: Candidate): number {
  return photo.width * photo.height;
}

/** Connected components of "is alike". */
function groups(candidates: readonly Candidate[], thresholds: CollapseThresholds): Candidate[][] {
  const left = new Set(candidates);
  const found: Candidate[][] = [];
  for (const seed of candidates) {
    if (!left.delete(seed)) continue;
    const group = [seed];
    // The array grows while it is walked: every newcomer brings its own neighbours.
    for (const member of group) {
      for (const other of left) {
        if (alike(member, other, thresholds) === null) continue;
        left.delete(other);
        group.push(other);
      }
    }
    found.push(group);
  }
  return found;
}
