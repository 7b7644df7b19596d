import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { UserError } from '../../errors.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import { once } from '../once.ts';
import type { QueryTerm } from './resolve.ts';
import { openRoom, type QueryDeps, type QueryRoom } from './room.ts';
import { type Answer, answer, type QuerySearch } from './search.ts';
import { type Read, readTerms } from './terms.ts';

/** One query of several: what it asks for, or why it cannot be asked. */
export type Query =
  | { readonly kind: 'terms'; readonly name: string; readonly terms: readonly QueryTerm[] }
  | { readonly kind: 'failed'; readonly name: string; readonly error: UserError };

export type Answered = { readonly name: string } & (
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: UserError }
);

/** Queries under way at a time, more than a group has. */
const AHEAD = 33;
/** The same where photos are compared with each other: each query then holds the vectors of some thousands. */
const AHEAD_COMPARING = 2;
/** Queries of a group: sixteen searches together take a store a third of what they take one by one. */
const MOST_TOGETHER = 16;
/** At the end they get no smaller: each is a pass over all vectors. */
const LAST_TOGETHER = 4;
/** A photo that is read waits no longer than this for those that it is to be searched for with, slow as they may be. */
const TOGETHER_MS = 5000;

/**
 * Answers queries one by one, in their order, over one store and with their photos read side by side. A query that
 * fails has its error in its place; a store that fails ends them all.
 * @throws UserError `interrupted`, and what stands in the way of searching
 */
export async function* answerEach(
  deps: QueryDeps,
  queries: readonly Query[],
  search: QuerySearch,
): AsyncGenerator<Answered> {
  const terms = queries.flatMap((query) => (query.kind === 'terms' ? query.terms : []));
  if (terms.length === 0) {
    for (const query of queries) if (query.kind === 'failed') yield query;
    return;
  }
  const room = await openRoom(deps, terms, search.restriction, { lenient: true });
  try {
    const compares = search.unique === true || search.diverse !== undefined;
    const limit = pLimit(compares ? AHEAD_COMPARING : AHEAD);
    const underWay = groupsOf(queries).flatMap((group) => {
      const reads = once(async () => group.map((query) => readOne(room, query)));
      return group.map((_, i) => {
        const answered = limit(async () => answerOne(room, await inGroup(await reads.get(), i), search));
        // Whoever awaits it is told of a failure; until then it must not count as unhandled.
        answered.catch(() => undefined);
        return answered;
      });
    });
    for (const answered of underWay) {
      demandUninterrupted(deps.signal);
      yield await answered;
    }
  } finally {
    await room.close();
  }
}

/**
 * One, two, four ... as many as are searched for together, and fewer again at the end: the first answers come soon, and when
 * the last photo is embedded, most of the searches are done.
 */
function groupsOf(queries: readonly Query[]): Query[][] {
  const groups: Query[][] = [];
  for (let [from, size] = [0, 1]; from < queries.length; from += size, size = Math.min(2 * size, MOST_TOGETHER)) {
    size = Math.min(size, Math.max(LAST_TOGETHER, Math.ceil((queries.length - from) / 2)));
    groups.push(queries.slice(from, from + size));
  }
  return groups;
}

/** Of a group that is being read, one query: read, and others of its group as well, unless those take their time. */
async function inGroup(reads: readonly Promise<ReadQuery>[], i: number): Promise<ReadQuery> {
  const together = Promise.allSettled(reads);
  const read = await (reads[i] as Promise<ReadQuery>);
  await Promise.race([together, sleep(TOGETHER_MS, undefined, { ref: false })]);
  return read;
}

type ReadQuery = Failed | { readonly kind: 'read'; readonly name: string; readonly read: Read };
type Failed = Extract<Answered, { kind: 'failed' }>;

async function readOne(room: QueryRoom, query: Query): Promise<ReadQuery> {
  if (query.kind === 'failed') return query;
  const { name, terms } = query;
  return orFailed(name, async () => ({ kind: 'read', name, read: await readTerms(terms, room) }));
}

async function answerOne(room: QueryRoom, query: ReadQuery, search: QuerySearch): Promise<Answered> {
  if (query.kind === 'failed') return query;
  const { name, read } = query;
  return orFailed(name, async () => ({ kind: 'answer', name, answer: await answer(room, read, search) }));
}

async function orFailed<T>(name: string, work: () => Promise<T>): Promise<T | Failed> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError && OF_ONE_QUERY.has(error.code)) return { kind: 'failed', name, error };
    throw error;
  }
}

/** Errors that say nothing of the queries beside. */
const OF_ONE_QUERY = new Set(['query_unreadable', 'unknown_word', 'words_unavailable', 'usage']);
