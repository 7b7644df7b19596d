import type { Candidate, Verdict } from '../casting/candidate.ts';
import { cast } from '../casting/cast.ts';
import { UserError } from '../errors.ts';
import type { Unused } from '../output/picture-report.ts';
import type { PlannedReference } from '../picture/plan.ts';
import type { PrivateGuard } from '../picture/private-files.ts';
import { type Prepared, prepareReference, type Reference } from '../picture/references.ts';
import type { PhotoFilter } from '../store/port.ts';
import { type Candidates, describe, type Finder, findCandidates } from './comic-candidates.ts';
import { privateError } from './comic-guard.ts';

/** At least this many candidates are looked at per slot of the request. */
const PER_SLOT = 4;
/** A library full of copies is searched no deeper than this. */
const DEEPEST = 1024;

interface FillRequest {
  /** Absolute; sent only when it is one of `fixed`. */
  readonly query: string;
  /** Sent in any case. */
  readonly fixed: readonly PlannedReference[];
  /** Slots in all, and those to be filled. */
  readonly slots: number;
  readonly free: number;
  readonly filter?: PhotoFilter;
  readonly choose?: (proposed: readonly Verdict[], most: number) => Promise<readonly Candidate[]>;
}

interface Filled {
  readonly references: readonly PlannedReference[];
  readonly unused: readonly Unused[];
}

/** Fills slots with photos like the query, every one of them ready to be sent. */
export async function fillSlots(finder: Finder, guard: PrivateGuard, request: FillRequest): Promise<Filled> {
  const { query, filter, fixed, free } = request;
  const { embedder } = finder;
  const files = fixed.map(({ reference }) => reference.file);
  const [store, table, photos] = await Promise.all([finder.store, finder.table, describe(embedder, [query, ...files])]);
  const described = (file: string): Omit<Candidate, 'score'> => {
    const photo = photos.get(file);
    if (photo === undefined) throw new Error(`${file} was not described`);
    return photo;
  };
  const standing = files.map(described);
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
    findCandidates(
      { store, table },
      {
        query: described(query),
        k,
        guard,
        besides: [query, ...standing.map(({ file }) => file)],
        ...(filter === undefined ? {} : { filter }),
      },
    );

  let found: Candidates;
  for (let k = PER_SLOT * request.slots; ; k *= 4) {
    found = await look(k);
    demandPublicContents(fixed, found, guard);
    if (usedOf(propose(found)).length === free || found.exhausted || k > DEEPEST) break;
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
  choose: NonNullable<FillRequest['choose']>,
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
