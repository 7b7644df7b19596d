import { cosine } from '../embedding/vector.ts';
import { type Candidate, type FixedPhoto, tooLike, type Verdict } from './candidate.ts';
import { type CollapseThresholds, collapse } from './collapse.ts';
import { maximalMarginalRelevance } from './mmr.ts';

interface CastRequest {
  /** May be sent and can be read, best first. */
  readonly candidates: readonly Candidate[];
  /** The query (when it is sent) and the photos named by hand. */
  readonly fixed: readonly FixedPhoto[];
  /** The fixed photos that novelty is measured against: all but the query, to which every candidate is alike. */
  readonly seeds: readonly FixedPhoto[];
  /** Slots the fixed photos leave free. */
  readonly slots: number;
  readonly thresholds: CollapseThresholds & {
    /** Cosine from which people call two photos alike. */
    readonly similar: number;
  };
}

/**
 * Chooses the references: bursts and near-duplicates collapse to their best frame, then the slots fill by maximal
 * marginal relevance. One verdict per candidate: the used ones first, in the order in which they were chosen.
 */
export function cast(request: CastRequest): Verdict[] {
  const { candidates, fixed, seeds, slots, thresholds } = request;
  const { kept, dropped } = collapse(candidates, fixed, thresholds);
  const frames = kept.map(({ candidate }) => candidate);
  const chosen = maximalMarginalRelevance(
    frames,
    slots,
    seeds.map(({ vector }) => vector),
  );
  const sizes = new Map(kept.map(({ candidate, groupSize }) => [candidate, groupSize]));
  const lowest = Math.min(...chosen.map(({ score }) => score));
  const why = (candidate: Candidate): string => {
    const size = sizes.get(candidate) ?? 1;
    if (size > 1) return `best of ${size} alike`;
    return candidate.score >= thresholds.similar ? 'like the query' : 'next best';
  };
  // A frame more like the query than one that was chosen lost its place for lack of novelty.
  const whyNot = (candidate: Candidate): string => {
    const nearest = nearestOf(candidate, [...seeds, ...chosen]);
    const same = nearest !== null && nearest.similarity >= thresholds.similar;
    if (same && candidate.score > lowest) return tooLike(nearest.photo, nearest.similarity);
    return 'no slot left';
  };
  const crowdedOut = frames
    .filter((frame) => !chosen.includes(frame))
    .map((candidate) => ({ candidate, used: false, reason: whyNot(candidate) }));
  return [
    ...chosen.map((candidate) => ({ candidate, used: true, reason: why(candidate) })),
    ...[...crowdedOut, ...dropped].sort((a, b) => b.candidate.score - a.candidate.score),
  ];
}

function nearestOf(
  candidate: Candidate,
  photos: readonly FixedPhoto[],
): { readonly photo: FixedPhoto; readonly similarity: number } | null {
  let nearest: { readonly photo: FixedPhoto; readonly similarity: number } | null = null;
  for (const photo of photos) {
    const similarity = cosine(candidate.vector, photo.vector);
    if (nearest === null || similarity > nearest.similarity) nearest = { photo, similarity };
  }
  return nearest;
}
