import { cosine } from '../embedding/vector.ts';
import { type Candidate, type FixedPhoto, nameOf, tooLike, type Verdict } from './candidate.ts';
import { type CollapseThresholds, collapse, type Dropped, isOfMoment } from './collapse.ts';
import { maximalMarginalRelevance } from './mmr.ts';

/** What makes a photo like the query: its agreement, its cosine or, of a word, the word's share of it is at least this. */
export interface Floor {
  readonly by: 'agreement' | 'cosine' | 'share';
  readonly least: number;
  /** Of a word: how far a photo must also agree with those that show it best; absent where that does not count. */
  readonly leastAgreement?: number;
}

interface CastRequest {
  /** May be sent and can be read, best first. */
  readonly candidates: readonly Candidate[];
  /** Sent or not; null where words are searched for. */
  readonly query: FixedPhoto | null;
  /** The query (when it is sent) and the photos named by hand. */
  readonly fixed: readonly FixedPhoto[];
  /** The fixed photos that novelty is measured against: all but the query, to which every candidate is alike. */
  readonly seeds: readonly FixedPhoto[];
  /** Slots the fixed photos leave free. */
  readonly slots: number;
  readonly floor: Floor;
  /** Fills what stays empty with further frames of the same moments. */
  readonly keepBursts: boolean;
  readonly thresholds: CollapseThresholds & {
    /** Cosine from which people call two photos alike. */
    readonly similar: number;
  };
}

export interface CastResult {
  /** One per candidate: the used ones first, in the order in which they were chosen. */
  readonly verdicts: readonly Verdict[];
  /** Candidates that are like the query, chosen or not. */
  readonly alike: number;
}

/** With fewer references than this, further frames of the query's own moment, or of what shows the words, are better than none. */
const FEW = 3;

/** From this cosine on two photos show the same pixels, saved again or copied with another rating: nothing is seen in both. */
const SAME_PIXELS = 0.999;

/**
 * Chooses the references. Only what is like the query may be one: a slot that nothing deserves stays empty. Bursts and
 * near-duplicates collapse to their best frame, then the slots fill by maximal marginal relevance.
 */
export function cast(request: CastRequest): CastResult {
  const { candidates, fixed, seeds, slots, floor, thresholds } = request;
  const alike = candidates.filter((candidate) => isLike(candidate, floor));
  const { kept, dropped } = collapse(alike, fixed, thresholds);
  const frames = kept.map(({ candidate }) => ({
    candidate,
    vector: candidate.vector,
    score: relevance(candidate, floor),
  }));
  const chosen = maximalMarginalRelevance(
    frames,
    slots,
    seeds.map(({ vector }) => vector),
  ).map(({ candidate }) => candidate);
  const further = furtherFrames(dropped, chosen, request);
  const sizes = new Map(kept.map(({ candidate, groupSize }) => [candidate, groupSize]));
  const lowest = Math.min(...chosen.map((candidate) => relevance(candidate, floor)));
  // A frame more like the query than one that was chosen lost its place for lack of novelty.
  const whyNot = (candidate: Candidate): string => {
    const nearest = nearestOf(candidate, [...seeds, ...chosen]);
    const same = nearest !== null && nearest.similarity >= thresholds.similar;
    if (same && relevance(candidate, floor) > lowest) return tooLike(nearest.photo, nearest.similarity);
    return 'no slot left';
  };
  const left = [
    ...kept
      .filter(({ candidate }) => !chosen.includes(candidate))
      .map(({ candidate }) => ({ candidate, used: false, reason: whyNot(candidate) })),
    ...dropped
      .filter((frame) => !further.includes(frame))
      .map(({ candidate, reason }) => ({ candidate, used: false, reason })),
    ...candidates
      .filter((candidate) => !alike.includes(candidate))
      .map((candidate) => ({ candidate, used: false, reason: unlike(candidate, floor) })),
  ];
  return {
    verdicts: [
      ...chosen.map((candidate) => {
        const size = sizes.get(candidate) ?? 1;
        return { candidate, used: true, reason: size > 1 ? `best of ${size} alike` : likeness(floor) };
      }),
      ...further.map(({ candidate, of }) => ({
        candidate,
        used: true,
        reason: `another frame of the moment of ${nameOf(of)}`,
      })),
      ...left.sort((a, b) => b.candidate.score - a.candidate.score),
    ],
    alike: alike.length,
  };
}

function relevance({ agreement, score }: Candidate, { by }: Floor): number {
  return by === 'share' ? score : (agreement ?? score);
}

function isLike(candidate: Candidate, { by, least, leastAgreement }: Floor): boolean {
  // Beyond the neighbourhood that agreement is measured in, nothing is alike.
  if (by === 'agreement') return (candidate.agreement ?? -1) >= least;
  return candidate.score >= least && (leastAgreement === undefined || (candidate.agreement ?? 1) >= leastAgreement);
}

function likeness({ by }: Floor): string {
  return by === 'share' ? 'seems to show it' : 'like the query';
}

function unlike({ score, agreement }: Candidate, { by, least }: Floor): string {
  // Never "-0.00".
  const agreed = agreement === null ? '' : (Math.round(agreement * 100) / 100 || 0).toFixed(2);
  if (by === 'share' && score >= least) return `unlike the photos that show it best (agreement ${agreed})`;
  if (by === 'share') return `hardly shows it (${score.toFixed(2)})`;
  if (by === 'cosine' || agreement === null) return `not like the query (${score.toFixed(2)})`;
  return `not like the query (agreement ${agreed})`;
}

/**
 * Frames of a moment that is shown already, for slots that would stay empty: of any moment when bursts are to be kept;
 * otherwise of the query's own, or of those that show the words, while there are few references. None is sent, and paid, twice.
 */
function furtherFrames(dropped: readonly Dropped[], chosen: readonly Candidate[], request: CastRequest): Dropped[] {
  const { query, fixed, slots, keepBursts, thresholds } = request;
  const bursts = dropped.filter(({ kind }) => kind === 'burst');
  // Words have no moment of their own: all that shows them serves.
  const ownMoment = query === null ? bursts : bursts.filter(({ group }) => isOfMoment(query, group, thresholds));
  const most = keepBursts ? slots : Math.min(slots, FEW);
  const room = Math.max(0, most - chosen.length);
  const sent: FixedPhoto[] = [...fixed, ...chosen];
  const further: Dropped[] = [];
  for (const frame of keepBursts ? bursts : ownMoment) {
    if (further.length >= room) break;
    const { vector } = frame.candidate;
    if (sent.some((photo) => cosine(photo.vector, vector) >= SAME_PIXELS)) continue;
    sent.push(frame.candidate);
    further.push(frame);
  }
  return further;
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
