import type { Candidate, Verdict } from '../casting/candidate.ts';
import { cast } from '../casting/cast.ts';
import type { Embedder } from '../embedding/port.ts';
import { UserError } from '../errors.ts';
import type { Unused } from '../output/picture-report.ts';
import type { PlannedReference } from '../picture/plan.ts';
import type { PrivateGuard } from '../picture/private-files.ts';
import { type Prepared, prepareReference, type Reference } from '../picture/references.ts';
import type { PhotoFilter, PhotoStore } from '../store/port.ts';
import { type Candidates, describe, findCandidates } from './comic-candidates.ts';
import { demandPublic, privateError } from './comic-guard.ts';

/** A photo the person named on the command line. */
export interface NamedPhoto {
  /** Absolute. */
  readonly file: string;
  readonly given: 'absolute' | 'relative';
}

export interface CastRequest {
  readonly query: NamedPhoto;
  /** Whether the query itself is sent, first of all. */
  readonly sendQuery: boolean;
  /** Named by hand: sent in any case, after the query. */
  readonly byHand: readonly NamedPhoto[];
  /** All that may be sent, the named ones included. */
  readonly slots: number;
  readonly filter?: PhotoFilter;
  /** Lets a person choose; gets what casting proposes, gives the chosen ones in order. */
  readonly choose?: (proposed: readonly Verdict[], most: number) => Promise<readonly Candidate[]>;
}

export interface Cast {
  readonly references: readonly PlannedReference[];
  readonly unused: readonly Unused[];
}

export interface Finder {
  readonly store: Promise<PhotoStore>;
  readonly embedder: Embedder;
}

/** At least this many candidates are looked at per slot that is to be filled. */
const PER_SLOT = 4;
/** A library full of copies is searched no deeper than this. */
const DEEPEST = 1024;

/**
 * Fills the slots: the query, the photos named by hand, then the best cast of the photos like the query. A candidate
 * that turns out to be damaged gives its place to the next. Without free slots nothing is searched.
 * @throws UserError when a named photo is private or cannot be read
 */
export async function castReferences(
  openFinder: () => Promise<Finder>,
  guard: PrivateGuard,
  request: CastRequest,
): Promise<Cast> {
  const { query, sendQuery, byHand, slots } = request;
  const named = [...(sendQuery ? [query] : []), ...byHand];
  for (const { file } of named) demandPublic(guard, file);
  const fixed = await Promise.all(named.map((photo) => planNamed(photo, sendQuery && photo === query)));
  const free = slots - fixed.length;
  if (free <= 0) return { references: fixed, unused: [] };
  const finder = await openFinder();
  const filled = await fill(finder, guard, { ...request, fixed, free });
  return { references: [...fixed, ...filled.references], unused: filled.unused };
}

async function planNamed(photo: NamedPhoto, isQuery: boolean): Promise<PlannedReference> {
  const prepared = await prepareReference(photo.file);
  if (prepared.kind === 'fault') {
    throw new UserError('photo_unreadable', `The photo ${photo.file} cannot be used: it ${prepared.fault.reason}.`, {
      hint: isQuery ? 'Name another photo.' : 'Leave it out, or name another with --ref.',
    });
  }
  return {
    reference: prepared.reference,
    role: isQuery ? 'query' : 'reference',
    score: null,
    reason: isQuery ? 'query' : 'named by hand',
    given: photo.given,
  };
}

interface FillRequest extends CastRequest {
  readonly fixed: readonly PlannedReference[];
  readonly free: number;
}

async function fill(finder: Finder, guard: PrivateGuard, request: FillRequest): Promise<Cast> {
  const { query, filter, fixed, free } = request;
  const { embedder } = finder;
  const standing = await Promise.all(fixed.map(({ reference }) => describe(embedder, reference.file)));
  const unsound = new Map<Candidate, string>();
  const ready = new Map<string, Reference>();
  const propose = (found: Candidates): Verdict[] =>
    cast({
      candidates: found.candidates.filter((candidate) => !unsound.has(candidate)),
      fixed: standing,
      seeds: standing.filter((_, i) => fixed[i]?.role !== 'query'),
      slots: free,
      thresholds: embedder.model.thresholds,
    });
  const usedOf = (verdicts: readonly Verdict[]): Verdict[] => verdicts.filter(({ used }) => used);
  const look = (k: number): Promise<Candidates> =>
    findCandidates(finder, {
      query: query.file,
      k,
      guard,
      fixed: fixed.map(({ reference }) => reference.file),
      ...(filter === undefined ? {} : { filter }),
    });

  let k = PER_SLOT * request.slots;
  let found = await look(k);
  demandPublicContents(fixed, found, guard);
  while (usedOf(propose(found)).length < free && !found.exhausted && k < DEEPEST) {
    k *= 4;
    found = await look(k);
    demandPublicContents(fixed, found, guard);
  }
  let verdicts = await settle(() => propose(found), unsound, ready);
  if (request.choose !== undefined) verdicts = await byChoice(verdicts, request.choose, free, ready);
  return {
    references: usedOf(verdicts).map((verdict) => planned(verdict, ready)),
    unused: [
      ...verdicts
        .filter(({ used }) => !used)
        .map(({ candidate, reason }) => ({ file: candidate.file, score: candidate.score, reason })),
      ...[...unsound].map(([{ file, score }, reason]) => ({ file, score, reason })),
      ...found.excluded,
    ].sort((a, b) => (b.score ?? 0) - (a.score ?? 0)),
  };
}

/** Casts until every photo that was cast is ready to be sent. */
async function settle(
  propose: () => Verdict[],
  unsound: Map<Candidate, string>,
  ready: Map<string, Reference>,
): Promise<Verdict[]> {
  for (;;) {
    const verdicts = propose();
    const before = unsound.size;
    for (const { candidate, used } of verdicts) {
      if (!used || ready.has(candidate.file)) continue;
      const prepared = await prepareReference(candidate.file);
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
  verdicts: readonly Verdict[],
  choose: NonNullable<CastRequest['choose']>,
  most: number,
  ready: Map<string, Reference>,
): Promise<Verdict[]> {
  const chosen = await choose(verdicts, most);
  for (const candidate of chosen) {
    if (ready.has(candidate.file)) continue;
    const prepared = await prepareReference(candidate.file);
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
    ...chosen.map((candidate) => ({ candidate, used: true, reason: 'picked' })),
    ...rest.map(({ candidate, used, reason }) => ({ candidate, used: false, reason: used ? 'not picked' : reason })),
  ];
}

function planned({ candidate, reason }: Verdict, ready: ReadonlyMap<string, Reference>): PlannedReference {
  const reference = ready.get(candidate.file);
  if (reference === undefined) throw new Error(`${candidate.file} was cast but not made ready`);
  // Libraries' roots are kept absolute, as they were found when the person indexed them.
  return { reference, role: 'reference', score: candidate.score, reason, given: 'absolute' };
}

/** A named photo whose very content is private elsewhere in the library is private, too. */
function demandPublicContents(fixed: readonly PlannedReference[], found: Candidates, guard: PrivateGuard): void {
  for (const { reference } of fixed) {
    const elsewhere = found.privateContents.get(reference.sha256);
    if (elsewhere === undefined || guard.isAllowed(reference.file)) continue;
    throw privateError(reference.file, `the same photo is ${elsewhere}`);
  }
}
