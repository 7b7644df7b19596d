import { cosines } from '../embedding/vector.ts';

interface Scored {
  /** Relevance: cosine similarity to the query. */
  readonly score: number;
  readonly vector: Float32Array;
}

/** Vectors that an item is compared with before its worth is looked at again. */
const AT_ONCE = 4;
/** Weight of relevance against novelty: from here on more weight makes the share of the query's own subject no larger. */
const LAMBDA = 0.85;

interface Entry<T> {
  readonly item: T;
  /** With how many of the picked vectors it was compared, and its greatest similarity to these. */
  compared: number;
  nearest: number;
  /** Of these alone: more comparing can only make it less. */
  worth: number;
}

/**
 * All items, one after the other by maximal marginal relevance (Carbonell and Goldstein 1998, SIGIR): next comes the one
 * with the greatest `lambda * relevance - (1 - lambda) * max similarity to what is picked already`. Ties go to the earlier
 * item. Items are compared with what is picked no further than until another is sure to come before them (the lazy
 * evaluation of Minoux 1978, "Accelerated greedy algorithms").
 *
 * @param picked vectors that count as picked from the start
 * @param lambda 1 is relevance alone, 0 is novelty alone
 */
export function* byMarginalRelevance<T extends Scored>(
  items: readonly T[],
  picked: readonly Float32Array[] = [],
  lambda = LAMBDA,
): Generator<T, void, undefined> {
  const against = [...picked];
  const left = items.map((item): Entry<T> => ({ item, compared: 0, nearest: -1, worth: lambda * item.score }));
  const compareUnless = (entry: Entry<T>, least: number): void => {
    while (entry.compared < against.length && (entry.compared === 0 || entry.worth > least)) {
      const next = against.slice(entry.compared, entry.compared + AT_ONCE);
      entry.compared += next.length;
      entry.nearest = Math.max(entry.nearest, ...cosines(entry.item.vector, next));
      entry.worth = lambda * entry.item.score - (1 - lambda) * entry.nearest;
    }
  };
  while (left.length > 0) {
    let [best, greatest] = [0, Number.NEGATIVE_INFINITY];
    for (const [i, entry] of left.entries()) {
      compareUnless(entry, greatest);
      if (entry.worth > greatest) [best, greatest] = [i, entry.worth];
    }
    const [winner] = left.splice(best, 1);
    if (winner === undefined) break;
    yield winner.item;
    against.push(winner.item.vector);
  }
}

/** The first of the items by maximal marginal relevance, at most `slots`: see `byMarginalRelevance`. */
export function maximalMarginalRelevance<T extends Scored>(
  items: readonly T[],
  slots: number,
  picked: readonly Float32Array[] = [],
  lambda = LAMBDA,
): T[] {
  const chosen: T[] = [];
  if (slots <= 0) return chosen;
  for (const item of byMarginalRelevance(items, picked, lambda)) {
    chosen.push(item);
    if (chosen.length >= slots) break;
  }
  return chosen;
}
