import type { Candidate, Verdict } from '../casting/candidate.ts';
import { type CastResult, cast, type Floor } from '../casting/cast.ts';
import type { EmbeddingModel } from '../embedding/port.ts';
import { UserError, usageError } from '../errors.ts';
import { demandUninterrupted } from '../interrupt.ts';
import type { SearchNotice } from '../library/query/terms.ts';
import { type LeastScore, leastCosine } from '../library/ranking/likeness.ts';
import { pairsOf } from '../library/ranking/random-pairs.ts';
import { NEIGHBOURHOOD } from '../library/ranking/rerank.ts';
import { statisticsOf } from '../library/ranking/statistics.ts';
import type { Session } from '../library/session.ts';
import { searchVector } from '../library/vector-search.ts';
import { CLEARLY_SEEN } from '../library/words/seen.ts';
import type { RenderPhoto } from '../photos/render.ts';
import type { PhotoFilter } from '../store/port.ts';
import { type Candidates, describe, findCandidates } from './candidates.ts';
import { BY_HAND, type PlannedReference, type Unused } from './plan.ts';
import { type PrivateGuard, privateError, privateTwin } from './private-guard.ts';
import { type Prepared, prepareReference, type Reference } from './references.ts';
import { checkWord, type WordQuery, wordSearch } from './word-query.ts';

/** At least this many candidates are looked at per slot of the request. */
const PER_SLOT = 4;
/** A library full of copies is searched no deeper than this. */
const DEEPEST = 1024;

/** Lets a person choose: gets what casting proposes, gives at most `most` of those photos, in order. */
export type Choose = (proposed: readonly Verdict[], most: number) => Promise<readonly Candidate[]>;

export interface RoundsRequest {
  /** A photo (absolute), sent only when it is one of `fixed`; or words. */
  readonly query: string | WordQuery;
  /** Sent in any case. */
  readonly fixed: readonly PlannedReference[];
  /** Slots in all, and those to be filled. */
  readonly slots: number;
  readonly free: number;
  readonly filter: PhotoFilter | null;
  /** Score from which a photo is like the query; null leaves it to the model's calibration. */
  readonly minScore: LeastScore | null;
  /** Fills slots that stay empty with further frames of the same moments. */
  readonly keepBursts: boolean;
  readonly choose?: Choose | undefined;
}

interface Filled {
  /** The fixed ones first. */
  readonly references: readonly PlannedReference[];
  readonly unused: readonly Unused[];
  /** Photos that are like the query, sent or not. */
  readonly alike: number;
}

interface RoundsDeps {
  readonly session: Pick<Session, 'store' | 'embedder' | 'model' | 'settings' | 'machine'>;
  readonly render: RenderPhoto;
  readonly guard: PrivateGuard;
  readonly signal: AbortSignal;
}

/**
 * Fills the free slots with photos like the query, every one of them ready to be sent. The named photos are embedded
 * once; what a round lacks, the next one looks for deeper, by the same vectors.
 * @throws UserError `private` when a named photo is a copy of a private one
 */
export async function fillSlots(
  { session, render, guard, signal }: RoundsDeps,
  request: RoundsRequest,
): Promise<Filled> {
  const { query, filter, fixed, free, keepBursts } = request;
  const files = fixed.map(({ reference }) => reference.file);
  const photo = typeof query === 'string' ? query : null;
  const named = [...(photo === null ? [] : [photo]), ...files];
  const [store, model] = await Promise.all([session.store(), session.model()]);
  const index = { store, table: store.table(model) };
  const statistics = await statisticsOf(model);
  const floor =
    typeof query === 'string'
      ? floorOf(model, await leastOf(request.minScore, session, model))
      : wordFloor(request.minScore, await checkWord(model, query));
  const known = named.length === 0 ? new Map<string, never>() : await describe(await session.embedder(), named);
  const described = (file: string): Omit<Candidate, 'score' | 'agreement'> => {
    const photo = known.get(file);
    if (photo === undefined) throw new Error(`${file} was not described`);
    return photo;
  };
  const standing = files.map(described);
  const asked = photo === null ? null : described(photo);
  const within = filter === null ? {} : { filter };
  const search =
    typeof query === 'string'
      ? (k: number) => searchVector(index, { vector: described(query).vector, k, ...within })
      : await wordSearch(session, index, query, filter);
  const unsound = new Map<Candidate, string>();
  const ready = new Map<string, Reference>();
  const propose = (found: Candidates): CastResult =>
    cast({
      candidates: found.candidates.filter((candidate) => !unsound.has(candidate)),
      query: asked,
      fixed: standing,
      seeds: standing.filter((_, i) => fixed[i]?.role !== 'query'),
      slots: free,
      floor,
      keepBursts,
      thresholds: model.thresholds,
    });
  const look = (k: number): Promise<Candidates> =>
    findCandidates(index, {
      query: asked,
      search,
      k,
      guard,
      statistics,
      besides: named,
    });

  let found: Candidates;
  for (let k = Math.max(PER_SLOT * request.slots, NEIGHBOURHOOD); ; k *= 4) {
    demandUninterrupted(signal);
    found = await look(k);
    demandPublicContents(fixed, found, guard);
    const { verdicts: proposed, alike } = propose(found);
    // Where some of the nearest are not like the query, nothing further away is.
    const enough = usedOf(proposed).length === free || alike < found.candidates.length;
    if (enough || found.exhausted || k > DEEPEST) break;
  }
  const secret = async (photo: Candidate): Promise<string | null> => {
    const twin = await privateTwin(index, photo, { guard, thresholds: model.thresholds });
    return twin === null ? null : `private: ${twin}`;
  };
  let verdicts = await settle(() => propose(found).verdicts, { render, secret, unsound, ready, signal });
  if (request.choose !== undefined) verdicts = await byChoice(render, verdicts, request.choose, free, ready);
  const { alike } = propose(found);
  const left = verdicts.filter(({ used }) => !used);
  return {
    alike,
    references: [
      ...fixed.map((photo) => ({ ...photo, vector: described(photo.reference.file).vector })),
      ...usedOf(verdicts).map((verdict) => planned(verdict, ready)),
    ],
    unused: [
      ...left.map(({ candidate, reason }) => ({ file: candidate.file, score: candidate.score, reason })),
      ...[...unsound].map(([{ file, score }, reason]) => ({ file, score, reason })),
      ...found.excluded,
    ].sort((a, b) => (b.score ?? 0) - (a.score ?? 0)),
  };
}

/** Photos that agree less with those that show the word best are strangers more often than others: see bench/README.md. */
const LEAST_AGREEMENT = 0.5;

/** From here on a word is right often enough to be sent for, where the photos that show it best do not speak against it. */
function wordFloor(minScore: LeastScore | null, notices: readonly SearchNotice[]): Floor {
  if (typeof minScore === 'string') {
    throw usageError(`"${minScore}" is said of photos that are like a photo.`, 'Name a number from 0 to 1 for a word.');
  }
  if (minScore !== null) return { by: 'share', least: minScore };
  // Cranes that build need not agree with cranes that fly.
  const hasOneMeaning = notices.every(({ kind }) => kind !== 'meanings');
  return { by: 'share', least: CLEARLY_SEEN, ...(hasOneMeaning ? { leastAgreement: LEAST_AGREEMENT } : {}) };
}

/** A least score as a cosine. */
async function leastOf(
  least: LeastScore | null,
  { settings }: Pick<Session, 'settings'>,
  model: EmbeddingModel,
): Promise<number | null> {
  return least === null ? null : leastCosine(least, await pairsOf(settings.paths.data, model));
}

/** Below it, no photo is a reference. */
function floorOf({ ranking, thresholds }: EmbeddingModel, minScore: number | null): Floor {
  if (minScore !== null) return { by: 'cosine', least: minScore };
  if (ranking === null) return { by: 'cosine', least: thresholds.similar };
  return { by: 'agreement', least: ranking.alike };
}

function usedOf(verdicts: readonly Verdict[]): Verdict[] {
  return verdicts.filter(({ used }) => used);
}

interface Settling {
  readonly render: RenderPhoto;
  /** Why a photo shows what is private, as a clause; null when it does not. */
  readonly secret: (candidate: Candidate) => Promise<string | null>;
  readonly unsound: Map<Candidate, string>;
  readonly ready: Map<string, Reference>;
  readonly signal: AbortSignal;
}

/** Casts until every photo that was cast is ready to be sent. */
async function settle(
  propose: () => readonly Verdict[],
  { render, secret, unsound, ready, signal }: Settling,
): Promise<readonly Verdict[]> {
  for (;;) {
    const verdicts = propose();
    const before = unsound.size;
    for (const { candidate, used } of verdicts) {
      if (!used || ready.has(candidate.file)) continue;
      demandUninterrupted(signal);
      const reason = await secret(candidate);
      if (reason !== null) {
        unsound.set(candidate, reason);
        continue;
      }
      const prepared = await prepareReference(render, candidate.file);
      const fault = faultOf(prepared, candidate);
      if (fault !== null) unsound.set(candidate, fault);
      else if (prepared.kind === 'ready') ready.set(candidate.file, prepared.reference);
    }
    if (unsound.size === before) return verdicts;
  }
}

function faultOf(prepared: Prepared, candidate: Candidate): string | null {
  if (prepared.kind === 'fault') return `it ${prepared.fault.reason}`;
  return prepared.reference.sha256 === candidate.sha256 ? null : 'changed since it was indexed';
}

async function byChoice(
  render: RenderPhoto,
  verdicts: readonly Verdict[],
  choose: Choose,
  most: number,
  ready: Map<string, Reference>,
): Promise<Verdict[]> {
  const chosen = await choose(verdicts, most);
  for (const candidate of chosen) {
    if (ready.has(candidate.file)) continue;
    const prepared = await prepareReference(render, candidate.file);
    const fault = faultOf(prepared, candidate);
    if (prepared.kind === 'fault' || fault !== null) {
      throw new UserError('photo_unreadable', `The photo ${candidate.file} cannot be used: ${fault}.`, {
        hint: 'Choose without it.',
      });
    }
    ready.set(candidate.file, prepared.reference);
  }
  const rest = verdicts.filter(({ candidate }) => !chosen.includes(candidate));
  return [
    ...chosen.map((candidate) => ({ candidate, used: true, reason: BY_HAND.picked })),
    ...rest.map(({ candidate, used, reason }) => ({ candidate, used: false, reason: used ? 'not picked' : reason })),
  ];
}

function planned({ candidate, reason }: Verdict, ready: ReadonlyMap<string, Reference>): PlannedReference {
  const reference = ready.get(candidate.file);
  if (reference === undefined) throw new Error(`${candidate.file} was cast but not made ready`);
  // Libraries' roots are kept absolute, as they were found when the person indexed them.
  const { score, vector } = candidate;
  return { reference, role: 'reference', score, reason, given: 'absolute', vector };
}

/** A named photo whose very content is private elsewhere in the library is private, too. */
function demandPublicContents(fixed: readonly PlannedReference[], found: Candidates, guard: PrivateGuard): void {
  for (const { reference } of fixed) {
    const elsewhere = found.privateContents.get(reference.sha256);
    if (elsewhere === undefined || guard.isAllowed(reference.file)) continue;
    throw privateError(reference.file, `the same photo is ${elsewhere}`);
  }
}
