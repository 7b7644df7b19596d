import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import { demandStore } from '../library/emptiness.ts';
import { filterFor, type Restriction } from '../library/photo-filter.ts';
import type { LeastScore } from '../library/ranking/likeness.ts';
import type { Session } from '../library/session.ts';
import type { RenderPhoto } from '../photos/render.ts';
import { BY_HAND, type Given, type PlannedReference, type Unused } from './plan.ts';
import { demandPublic, type PrivateGuard } from './private-guard.ts';
import { prepareReference } from './references.ts';
import { type Choose, fillSlots } from './rounds.ts';
import type { WordQuery } from './word-query.ts';

/** A photo that the person named. */
export interface NamedPhoto {
  /** Absolute. */
  readonly file: string;
  readonly given: Given;
}

export interface CastRequest {
  readonly query: NamedPhoto | WordQuery;
  /** Whether the query photo itself is sent, first of all. */
  readonly sendQuery: boolean;
  /** Named by hand: sent in any case, after the query. */
  readonly byHand: readonly NamedPhoto[];
  /** All that may be sent, the named ones included. */
  readonly slots: number;
  /** What of the library is searched. */
  readonly restriction: Restriction;
  /** Score from which a photo is like the query; without it, the model's calibration decides. */
  readonly minScore?: LeastScore | undefined;
  /** Fills slots that stay empty with further frames of the same moments. */
  readonly keepBursts?: boolean | undefined;
  readonly choose?: Choose | undefined;
}

export interface Cast {
  readonly references: readonly PlannedReference[];
  readonly unused: readonly Unused[];
  /** Photos of the library that are like the query, sent or not; 0 when none was searched for. */
  readonly alike: number;
  /** Whether there were free slots, for which photos were searched. */
  readonly searched: boolean;
}

interface CastDeps {
  readonly session: Session;
  readonly render: RenderPhoto;
  readonly guard: PrivateGuard;
  readonly signal: AbortSignal;
}

/**
 * Fills the slots: the query, the photos named by hand, then the best cast of the photos like the query. A candidate
 * that turns out to be damaged gives its place to the next. Without free slots nothing is searched.
 * @throws UserError when a named photo is private or cannot be read, or nothing was ever indexed
 */
export async function castReferences(deps: CastDeps, request: CastRequest): Promise<Cast> {
  const { query, byHand, slots } = request;
  const sent = request.sendQuery && 'file' in query ? query : null;
  const free = slots - byHand.length - (sent === null ? 0 : 1);
  const named = [...(sent === null ? [] : [sent]), ...byHand];
  for (const photo of named)
    demandPublic(deps.guard, photo.file, photo === sent ? 'Search by it alone: --no-query' : undefined);
  if (free > 0) await demandStore(deps.session);
  const filter = free > 0 ? await filterFor(deps.session.store, request.restriction) : null;
  const planned = await Promise.all(named.map((photo) => planNamed(deps.render, photo, photo === sent)));
  const { references: fixed, unused: copies } = withoutCopies(planned);
  if (free <= 0) return { references: fixed, unused: copies, alike: 0, searched: false };
  const { choose, minScore = null, keepBursts = false } = request;
  const filled = await fillSlots(deps, {
    query: 'file' in query ? query.file : query,
    fixed,
    slots,
    free,
    filter,
    minScore,
    keepBursts,
    choose,
  });
  return {
    references: filled.references,
    unused: [...copies, ...filled.unused],
    alike: filled.alike,
    searched: true,
  };
}

/** The same photo under two names is sent, and paid, once. */
function withoutCopies(planned: readonly PlannedReference[]): Pick<Cast, 'references' | 'unused'> {
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

async function planNamed(render: RenderPhoto, photo: NamedPhoto, isQuery: boolean): Promise<PlannedReference> {
  const prepared = await prepareReference(render, photo.file);
  if (prepared.kind === 'fault') {
    throw new UserError('photo_unreadable', `The photo ${photo.file} cannot be used: it ${prepared.fault.reason}.`, {
      hint: isQuery ? 'Name another photo.' : 'Leave it out, or name another with --ref.',
    });
  }
  return {
    reference: prepared.reference,
    role: isQuery ? 'query' : 'reference',
    score: null,
    reason: isQuery ? 'query' : BY_HAND.named,
    given: photo.given,
  };
}
