import { unlessInterrupted } from '../../interrupt.ts';
import type { FrameQuality } from '../../photos/frame.ts';
import type { RenderPhoto } from '../../photos/render.ts';
import { demandStore, explainEmptiness } from '../emptiness.ts';
import { inside } from '../paths.ts';
import { notIndexed } from '../photo-filter.ts';
import { realFolder } from '../scopes.ts';
import type { Session } from '../session.ts';
import { type Likeness, likenessOf } from './alike.ts';
import { type Bearing, bearingOf, chosenFirst, type Decision, readDecisions } from './decisions.ts';
import { judgeFrames } from './frames.ts';
import { type Candidate, inspectAll, type Skipped } from './inspect.ts';
import { burstRules, type Contender, compareContenders, framesFirst, type Rule, rulesFirst } from './keeper.ts';
import { listPhotos } from './listing.ts';
import { ALIKE, againstBest, warningsOf, whyGone, whyKept } from './reasons.ts';
import { KINDS, type Kind, type Star, stars } from './stars.ts';

/** Groups with more members than this are shown, and never acted on unasked: they are seldom what one thinks. */
export const LARGEST_GROUP = 50;

/** What is to be thinned out; folders are absolute. */
export interface DedupeRequest {
  /** Only photos below these; none for all that is indexed. */
  readonly folders: readonly string[];
  /** Only what is there already, below this folder: its photos stay, and only others yield to them. */
  readonly against?: string;
  /** Photos below these never yield. */
  readonly protect: readonly string[];
  /** Photos below these are preferred as keepers, those of the first most of all. */
  readonly prefer: readonly string[];
  readonly kinds: readonly Kind[];
  /** Rules that count before the others, in their order. */
  readonly keep: readonly Rule[];
  /** How many frames of a burst stay, the best of them; without it one stays, by the rules of any kind. */
  readonly best?: number;
}

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

export interface DedupePlan {
  /** In the order of kinds, the closest first, then of keepers. */
  readonly groups: readonly Group[];
  /** What would be freed by the groups that are not too large. */
  readonly bytes: number;
  /** How many photos were compared. */
  readonly photos: number;
  /** What could not be looked at, by path. */
  readonly skipped: readonly Skipped[];
  /** Photos of the index that are gone, or whose drive is away. */
  readonly gone: number;
  /** The roots of the libraries, which nothing is to be moved into. */
  readonly roots: readonly string[];
  /** Further names of one file: hard links, and spellings that the file system does not tell apart. */
  readonly otherNames: readonly string[];
  /** The same plan by other decisions; the photos are not looked at again. */
  by(decisions: readonly Decision[]): DedupePlan;
}

export type DedupeEvent =
  | { readonly kind: 'listing'; readonly done: number; readonly total: number }
  | { readonly kind: 'comparing'; readonly share: number }
  | { readonly kind: 'inspecting'; readonly done: number; readonly total: number }
  | { readonly kind: 'confirming'; readonly done: number; readonly total: number }
  | { readonly kind: 'judging'; readonly done: number; readonly total: number };

export interface DedupeDeps {
  readonly session: Session;
  readonly render: RenderPhoto;
  readonly signal: AbortSignal;
  /** Threads that may compare vectors at once; this one alone unless given. */
  readonly threads?: number;
  onEvent(event: DedupeEvent): void;
}

/**
 * Which photos are double, and which of each group stays. Changes nothing. The answer is the same whatever the order of
 * the files.
 * @throws UserError `nothing_indexed`, `not_indexed`, `too_many_alike`, `interrupted`, and what stands in the way of
 * reading the index
 */
export async function planDedupe(deps: DedupeDeps, request: DedupeRequest): Promise<DedupePlan> {
  const decisions = await readDecisions(deps.session.settings.paths.data);
  await demandStore(deps.session);
  return unlessInterrupted(deps.signal, plan(deps, request, decisions));
}

async function plan(deps: DedupeDeps, request: DedupeRequest, decisions: readonly Decision[]): Promise<DedupePlan> {
  const places = await placesOf(request);
  const listing = await listPhotos(deps, places, request.kinds);
  if (listing.photos.length === 0) await explainEmptiness(deps.session);
  demandPhotosBelow(request, places, listing.photos);
  const { candidates, skipped, gone, otherNames } = await inspectAll(deps, listing);
  const likeness = await likenessOf(deps, listing, candidates);
  const frames = request.best === undefined ? null : await judgeFrames(deps, likeness, candidates);
  const judged = candidates.map((candidate) => ({
    candidate,
    contender: contenderOf(candidate, places, frames?.get(candidate.content) ?? null),
  }));
  const known = candidates.map(({ file, record: { sha256 } }) => ({ file, sha256 }));
  const by = (decided: readonly Decision[]): DedupePlan => {
    const bearing = bearingOf(decided, known);
    const groups = groupsOf({ judged, likeness, places, request, bearing });
    return {
      groups,
      bytes: freedBy(groups.filter(({ isLarge }) => !isLarge)),
      photos: listing.photos.length,
      skipped,
      gone,
      roots: listing.roots,
      otherNames,
      by,
    };
  };
  return by(decisions);
}

/** The bytes that are freed when all others of these groups go. */
export function freedBy(groups: readonly Pick<Group, 'others'>[]): number {
  return groups.flatMap(({ others }) => others).reduce((sum, { freed }) => sum + freed, 0);
}

/** The folders of a request as the file system knows them. */
export interface Places {
  readonly folders: readonly string[];
  readonly against: string | null;
  readonly protect: readonly string[];
  readonly prefer: readonly string[];
}

/** @throws UserError `folder_missing` where a folder that is to protect does not exist: a slip would protect nothing. */
async function placesOf({ folders, against, protect, prefer }: DedupeRequest): Promise<Places> {
  // A drive that is away has no real path, but its photos are in the index.
  const real = (folder: string): Promise<string> => realFolder(folder).catch(() => folder);
  return {
    folders: await Promise.all(folders.map(real)),
    against: against === undefined ? null : await real(against),
    protect: await Promise.all(protect.map(realFolder)),
    prefer: await Promise.all(prefer.map(realFolder)),
  };
}

/** @throws UserError `not_indexed`: a slip in a folder's name would say that nothing is double, or there already */
function demandPhotosBelow(request: DedupeRequest, places: Places, photos: readonly { readonly file: string }[]): void {
  const isEmpty = (folder: string): boolean => photos.every(({ file }) => inside(folder, file) === null);
  const empty = request.folders.find((_, i) => isEmpty(places.folders[i] as string));
  if (empty !== undefined) throw notIndexed(empty);
  if (request.against !== undefined && isEmpty(places.against as string)) throw notIndexed(request.against);
}

/** Whether a file belongs to what is compared against; a folder to be thinned out may lie inside of that. */
function isBase({ folders, against }: Places, file: string): boolean {
  return against !== null && inside(against, file) !== null && folders.every((folder) => inside(folder, file) === null);
}

interface Judged {
  readonly candidate: Candidate;
  readonly contender: Contender;
}

function contenderOf(candidate: Candidate, { protect, prefer }: Places, frame: FrameQuality | null): Contender {
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

function groupsOf({ judged, likeness, places, request: { kinds, keep, best }, bearing }: Grouping): Group[] {
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
