import { cosine, rootCosine } from '../embedding/vector.ts';
import { type Candidate, type FixedPhoto, nameOf, tooLike, type Verdict } from './candidate.ts';

export interface CollapseThresholds {
  /** Root cosine from which two photos show the same, whenever they were taken. */
  readonly nearDuplicate: number;
  /** Root cosine from which two photos taken close together belong to one burst. */
  readonly burst: number;
}

/** Two frames of one burst are at most this far apart. */
export const BURST_GAP_MS = 10_000;

/** Of the pixels of the largest frame of a group. */
const LEAST_SHARE = 0.5;

type Likeness = 'copy' | 'burst' | 'near-duplicate';

/** A frame that another of its group stands for. */
export interface Dropped extends Verdict {
  readonly kind: Likeness;
  /** The photo that stands for it. */
  readonly of: FixedPhoto;
  readonly group: readonly Candidate[];
}

/** In the order of the candidates. */
interface Collapsed {
  /** The best frame of each group. */
  readonly kept: readonly { readonly candidate: Candidate; readonly groupSize: number }[];
  readonly dropped: readonly Dropped[];
}

/**
 * Leaves one frame of every burst and of every set of near-duplicates, as {@link bestFrame} has it. Groups are chains (single linkage): a burst whose ends differ is one burst all the same. A group with a frame
 * that is like a fixed photo gives way to it; where the clock makes that photo no frame of the burst, the frame nearest to
 * it counts as the same picture, saved again.
 */
export function collapse(
  candidates: readonly Candidate[],
  fixed: readonly FixedPhoto[],
  thresholds: CollapseThresholds,
): Collapsed {
  const dropped: Dropped[] = [];
  const kept: { candidate: Candidate; groupSize: number }[] = [];
  for (const group of groupsOf(candidates, thresholds)) {
    const standing = fixed.find((photo) => group.some((member) => alike(member, photo, thresholds) !== null));
    const sharpest = bestFrame(group);
    const rest = group.filter((member) => member !== sharpest);
    if (standing === undefined) kept.push({ candidate: sharpest, groupSize: group.length });
    const original = standing === undefined ? null : originalOf(standing, group, thresholds);
    for (const candidate of standing === undefined ? rest : group) {
      const of = standing ?? sharpest;
      const kind = candidate === original ? 'near-duplicate' : kindOf(candidate, of, group, thresholds);
      const worse = standing === undefined ? `, ${inferiority(candidate, sharpest)}` : '';
      const reason = {
        copy: `copy of ${nameOf(of)}`,
        burst: `burst of ${nameOf(of)}${worse}`,
        'near-duplicate': tooLike(of, cosine(candidate.vector, of.vector)),
      }[kind];
      dropped.push({ candidate, used: false, reason, kind, of, group });
    }
  }
  const place = new Map(candidates.map((candidate, i) => [candidate, i]));
  const asGiven = (a: { candidate: Candidate }, b: { candidate: Candidate }): number =>
    (place.get(a.candidate) ?? 0) - (place.get(b.candidate) ?? 0);
  return { kept: kept.sort(asGiven), dropped: dropped.sort(asGiven) };
}

/** How `candidate` belongs to the group that `best` stands for. */
function kindOf(
  candidate: Candidate,
  best: FixedPhoto,
  group: readonly Candidate[],
  thresholds: CollapseThresholds,
): Likeness {
  if (candidate.sha256 === best.sha256) return 'copy';
  const neighbours = [best, ...group.filter((member) => member !== candidate)];
  return neighbours.some((other) => alike(candidate, other, thresholds) === 'burst') ? 'burst' : 'near-duplicate';
}

function inferiority(candidate: Candidate, best: Candidate): string {
  if (pixels(candidate) < pixels(best) * LEAST_SHARE) return 'smaller';
  if (candidate.quality < best.quality) return 'less sharp';
  return pixels(candidate) < pixels(best) ? 'smaller' : 'just as good';
}

/**
 * Whether a photo shows the moment of a group: taken within seconds of one of its frames, and like it; or one of the frames,
 * saved again in a way that lost its time.
 */
export function isOfMoment(photo: FixedPhoto, group: readonly Candidate[], thresholds: CollapseThresholds): boolean {
  return group.some((member) => alike(photo, member, thresholds) !== null);
}

/** The frame that a photo is a copy of, which its time does not make another frame; null where it does, or no frame is. */
function originalOf(photo: FixedPhoto, group: readonly Candidate[], thresholds: CollapseThresholds): Candidate | null {
  const likenesses = group.map((member) => alike(photo, member, thresholds));
  if (likenesses.some((likeness) => likeness === 'burst' || likeness === 'copy')) return null;
  const near = group.filter((_, i) => likenesses[i] === 'near-duplicate');
  const similarity = (member: Candidate): number => rootCosine(photo.vector, member.vector);
  return near.sort((a, b) => similarity(b) - similarity(a))[0] ?? null;
}

function alike(a: FixedPhoto, b: FixedPhoto, { nearDuplicate, burst }: CollapseThresholds): Likeness | null {
  if (a.sha256 === b.sha256) return 'copy';
  const similarity = rootCosine(a.vector, b.vector);
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

/**
 * The sharpest, then the largest, then the first by path, of at least one. Frames with less than half of the most pixels
 * are no choice: sharpness is measured at a reduced size, where a small copy of a photo is as sharp as the photo.
 */
export function bestFrame<T extends Candidate>(group: readonly T[]): T {
  const most = group.reduce((largest, frame) => Math.max(largest, pixels(frame)), 0);
  const large = group.filter((frame) => pixels(frame) >= most * LEAST_SHARE);
  return large.reduce((best, frame) => (byFrame(frame, best) < 0 ? frame : best));
}

/**
 * Connected components of "shows the same": bursts, near-duplicates and copies, in the order of their first members.
 * @param near Where it is known already which could be alike: those beside a candidate, and perhaps more
 */
export function groupsOf<T extends Candidate>(
  candidates: readonly T[],
  thresholds: CollapseThresholds,
  near?: (candidate: T) => Iterable<T>,
): T[][] {
  const left = new Set(candidates);
  const found: T[][] = [];
  for (const seed of candidates) {
    if (!left.delete(seed)) continue;
    const group = [seed];
    // The array grows while it is walked: every newcomer brings its own neighbours.
    for (const member of group) {
      for (const other of near?.(member) ?? left) {
        if (!left.has(other) || alike(member, other, thresholds) === null) continue;
        left.delete(other);
        group.push(other);
      }
    }
    found.push(group);
  }
  return found;
}
