import pLimit from 'p-limit';
import { UserError } from '../../errors.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import type { QueryTerm } from './resolve.ts';
import { openRoom, type QueryDeps, type QueryRoom } from './room.ts';
import { type Answer, answer, type QuerySearch } from './search.ts';
import { readTerms } from './terms.ts';

/** One query of several: what it asks for, or why it cannot be asked. */
export type Query =
  | { readonly kind: 'terms'; readonly name: string; readonly terms: readonly QueryTerm[] }
  | { readonly kind: 'failed'; readonly name: string; readonly error: UserError };

export type Answered = { readonly name: string } & (
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: UserError }
);

/** Queries under way at a time: those whose photo is read are searched for together. */
const AHEAD = 33;

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
    const limit = pLimit(AHEAD);
    const underWay = queries.map((query) => {
      const answered = limit(() => answerOne(room, query, search));
      // Whoever awaits it is told of a failure; until then it must not count as unhandled.
      answered.catch(() => undefined);
      return answered;
    });
    for (const answered of underWay) {
      demandUninterrupted(deps.signal);
      yield await answered;
    }
  } finally {
    await room.close();
  }
}

async function answerOne(room: QueryRoom, query: Query, search: QuerySearch): Promise<Answered> {
  if (query.kind === 'failed') return query;
  const { name, terms } = query;
  try {
    return { kind: 'answer', name, answer: await answer(room, await readTerms(terms, room), search) };
  } catch (error) {
    if (error instanceof UserError && OF_ONE_QUERY.has(error.code)) return { kind: 'failed', name, error };
    throw error;
  }
}

/** Errors that say nothing of the queries beside. */
const OF_ONE_QUERY = new Set(['query_unreadable', 'unknown_word', 'words_unavailable', 'usage']);
