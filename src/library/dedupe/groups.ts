import type { FrameQuality } from '../../photos/frame.ts';
import { inside } from '../paths.ts';
import type { Likeness } from './alike.ts';
import { type Bearing, chosenFirst, type Decision } from './decisions.ts';
import type { Candidate } from './inspect.ts';
import { burstRules, type Contender, compareContenders, framesFirst, type Rule, rulesFirst } from './keeper.ts';
import { ALIKE, againstBest, warningsOf, whyGone, whyKept } from './reasons.ts';
import { type DedupeRequest, isBase, type Places } from './request.ts';
import { KINDS, type Kind, type Star, stars } from './stars.ts';

/** Groups with more members than this are shown, and never acted on unasked: they are seldom what one thinks. */
export const LARGEST_GROUP = 50;

export interface GroupPhoto {
  /** Absolute native path. */
  readonly file: string;
  /** Relative to its library, "/"-separated. */
  readonly path: string;
  /** The photo and what moves with it: its RAW, its film, its sidecars. */
  readonly files: readonly string[];
  /** Of all of these. */
  readonly bytes: number;
  /** What of it is freed when they go: nothing of a file that has further names (hard links). */
  readonly freed: number;
  readonly sha256: string;
  /** Upright pixels. */
  readonly width: number;
  readonly height: number;
  readonly reason: string;
  /** Of a group of which others were decided on: this one was not there to be. */
  readonly isNew: boolean;
  /** What it was judged by, when the best frames are looked for. */
  readonly frame: FrameQuality | null;
  /** Stars, or -1 for rejected, in a sidecar or in the file; null when unrated. */
  readonly rating: number | null;
}

export interface ScoredPhoto extends GroupPhoto {
  /** Cosine similarity to the keeper. */
  readonly score: number;
}

export interface Group {
  readonly kind: Kind;
  readonly keeper: GroupPhoto;
  /** Further frames of a burst that stay, the best first. */
  readonly alsoKept: readonly GroupPhoto[];
  readonly others: readonly ScoredPhoto[];
  /** Like the keeper, and to stay all the same: the person decided so. */
  readonly kept: readonly (ScoredPhoto & { readonly decision: number })[];
  /** The decision by which the others may go; null where there is none on just these. */
  readonly agreed: number | null;
  /** What the keeper lacks and another has. */
  readonly warnings: readonly string[];
  /** Too large to be acted on unasked. */
  readonly isLarge: boolean;
}

/** The bytes that are freed when all others of these groups go. */
export function freedBy(groups: readonly Pick<Group, 'others'>[]): number {
  return groups.flatMap(({ others }) => others).reduce((sum, { freed }) => sum + freed, 0);
}

interface Judged {
  readonly candidate: Candidate;
  readonly contender: Contender;
}

export function contenderOf(candidate: Candidate, { protect, prefer }: Places, frame: FrameQuality | null): Contender {
  const { file, record, carried, compression, isForWeb, companions, isRaw, hasEdits } = candidate;
  const preference = prefer.findIndex((folder) => inside(folder, file) !== null);
  return {
    file,
    record,
    carried,
    compression,
    isForWeb,
    isRaw,
    isProtected: protect.some((folder) => inside(folder, file) !== null),
    preference: preference === -1 ? null : preference,
    hasRawBeside: companions.some(({ kind }) => kind === 'raw'),
    hasFilmBeside: companions.some(({ kind }) => kind === 'film'),
    hasEditsBeside: hasEdits,
    frame,
  };
}

interface Grouping {
  readonly judged: readonly Judged[];
  readonly likeness: Likeness;
  readonly places: Places;
  readonly request: Pick<DedupeRequest, 'kinds' | 'keep' | 'best'>;
  readonly bearing: Bearing;
}

export function groupsOf({ judged, likeness, places, request: { kinds, keep, best }, bearing }: Grouping): Group[] {
  const stays = ({ candidate }: Judged): boolean => isBase(places, candidate.file);
  const orderBy = (rules: readonly Rule[]): Judged[] => {
    const sorted = [...judged].sort((a, b) => compareContenders(a.contender, b.contender, rules));
    const chosen = chosenFirst(
      sorted.map((one) => ({ file: one.candidate.file, one })),
      bearing.choices,
    ).map(({ one }) => one);
    // What is compared against stays, so it comes first whatever the rules and choices say.
    return [...chosen.filter(stays), ...chosen.filter((one) => !stays(one))];
  };
  const usual = rulesFirst(keep);
  const ofBursts = best === undefined ? burstRules(keep) : framesFirst(keep);
  const ordered = orderBy(usual);
  const at = (photo: number): Judged => ordered[photo] as Judged;
  const numbers = new Map(ordered.map(({ candidate }, i) => [candidate, i]));
  const weakest = KINDS.findLastIndex((kind) => kinds.includes(kind));
  const found = stars({
    order: ordered.map((_, i) => i),
    orders: new Map([['burst', orderBy(ofBursts).map(({ candidate }) => numbers.get(candidate) as number)]]),
    related: (photo) =>
      likeness.related(at(photo).candidate).map(({ candidate, kind, score }) => ({
        photo: numbers.get(candidate) as number,
        kind,
        score,
      })),
    mayKeep: (photo) => places.against === null || stays(at(photo)),
    mayGo: (photo) => !at(photo).contender.isProtected && !stays(at(photo)),
    isHeld: (photo) => bearing.held.has(at(photo).candidate.file),
    // A closer kind takes its photos first, also where only a further one is asked for.
    kinds: KINDS.slice(0, weakest + 1),
  });
  const rulesOf = (kind: Kind): Rule[] => (kind === 'burst' ? ofBursts : usual);
  return found
    .filter(({ kind }) => kinds.includes(kind))
    .map((star) => groupOf(star, at, { rules: rulesOf(star.kind), best, bearing, places }));
}

interface Grouped extends Pick<Grouping, 'bearing' | 'places'> {
  readonly rules: readonly Rule[];
  readonly best: number | undefined;
}

function groupOf(
  { kind, keeper, others, held }: Star,
  at: (photo: number) => Judged,
  { rules, best = 1, bearing, places }: Grouped,
): Group {
  const standing = at(keeper);
  const why = isBase(places, standing.candidate.file) ? 'there already' : 'your choice';
  const decisionOn = ({ candidate }: Judged): Decision | undefined => bearing.held.get(candidate.file);
  const isKnown = held.length > 0 || decisionOn(standing)?.kind === kind;
  const photo = (one: Judged, reason: string): GroupPhoto =>
    groupPhoto(one, reason, isKnown && decisionOn(one) === undefined);
  const members = others.map((relation) => ({ ...at(relation.photo), score: relation.score }));
  const contenders = members.map(({ contender }) => contender);
  const staying = kind === 'burst' ? best - 1 : 0;
  const going = members.slice(staying);
  const agreed = agreedOn(standing, going, bearing);
  return {
    kind,
    keeper: photo(standing, whyKept(standing.contender, contenders, rules, why)),
    alsoKept: members
      .slice(0, staying)
      .map((member) => photo(member, againstBest(standing.contender, member.contender))),
    others: going.map((member) => ({
      ...photo(member, whyGone(kind, standing.contender, member.contender, rules, why)),
      score: member.score,
    })),
    kept: held.flatMap((relation) => {
      const one = at(relation.photo);
      const decision = decisionOn(one);
      if (decision === undefined) return [];
      return [
        {
          ...photo(one, `${ALIKE[kind]}, kept by decision ${decision.id}`),
          score: relation.score,
          decision: decision.id,
        },
      ];
    }),
    agreed,
    warnings: warningsOf(standing.contender, contenders),
    isLarge: others.length >= LARGEST_GROUP && agreed === null,
  };
}

/** The choice that all the others may go for the keeper. */
function agreedOn(keeper: Judged, others: readonly Judged[], { choices }: Bearing): number | null {
  const made = choices.findLast(
    (choice) =>
      choice.keeper === keeper.candidate.file &&
      others.every(({ candidate }) => choice.others.includes(candidate.file)),
  );
  return others.length === 0 ? null : (made?.id ?? null);
}

function groupPhoto({ candidate, contender: { frame } }: Judged, reason: string, isNew: boolean): GroupPhoto {
  const { file, record, companions, isLinked } = candidate;
  return {
    file,
    path: record.path,
    files: [file, ...companions.map((companion) => companion.file)],
    bytes: companions.reduce((sum, { bytes }) => sum + bytes, record.size),
    freed: [{ bytes: record.size, isLinked }, ...companions].reduce(
      (sum, one) => (one.isLinked ? sum : sum + one.bytes),
      0,
    ),
    sha256: record.sha256,
    width: record.width,
    height: record.height,
    reason,
    isNew,
    frame,
    rating: candidate.carried.rating,
  };
}
