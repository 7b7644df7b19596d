import { basename } from 'node:path';
import type { Candidate, Verdict } from '../casting/candidate.ts';
import { UserError } from '../errors.ts';
import type { Unused } from '../output/picture-report.ts';
import type { PlannedReference } from '../picture/plan.ts';
import type { PrivateGuard } from '../picture/private-files.ts';
import { prepareReference } from '../picture/references.ts';
import type { PhotoFilter } from '../store/port.ts';
import type { Finder } from './comic-candidates.ts';
import { fillSlots } from './comic-fill.ts';
import { demandPublic } from './comic-guard.ts';

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
  for (const photo of named)
    demandPublic(guard, photo.file, photo === query ? 'Search by it alone: --no-query' : undefined);
  const planned = await Promise.all(named.map((photo) => planNamed(photo, sendQuery && photo === query)));
  const { references: fixed, unused: copies } = withoutCopies(planned);
  const free = slots - named.length;
  if (free <= 0) return { references: fixed, unused: copies };
  const finder = await openFinder();
  const filled = await fillSlots(finder, guard, { ...request, query: query.file, fixed, free });
  return { references: [...fixed, ...filled.references], unused: [...copies, ...filled.unused] };
}

/** The same photo under two names is sent, and paid, once. */
function withoutCopies(planned: readonly PlannedReference[]): Cast {
  const references: PlannedReference[] = [];
  const unused: Unused[] = [];
  for (const photo of planned) {
    const { file, sha256 } = photo.reference;
    const same = references.find(({ reference }) => reference.sha256 === sha256);
    if (same === undefined) references.push(photo);
    else unused.push({ file, score: null, reason: `copy of ${basename(same.reference.file)}` });
  }
  return { references, unused };
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
