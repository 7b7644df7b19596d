import { cosine } from '../embedding/vector.ts';

interface Scored {
  /** Relevance: cosine similarity to the query. */
  readonly score: number;
  readonly vector: Float32Array;
}

/** Weight of relevance against novelty: from here on more weight makes the share of the query's own subject no larger. */
const LAMBDA = 0.85;

/**
 * All items, one after the other by maximal marginal relevance (Carbonell and Goldstein 1998, SIGIR): next comes the one
 * with the greatest `lambda * relevance - (1 - lambda) * max similarity to what is picked already`. Ties go to the earlier
 * item. Each costs as many cosines as there are items left.
 *
 * @param picked vectors that count as picked from the start
 * @param lambda 1 is relevance alone, 0 is novelty alone
 */
export function* byMarginalRelevance<T extends Scored>(
  items: readonly T[],
  picked: readonly Float32Array[] = [],
  lambda = LAMBDA,
): Generator<T, void, undefined> {
  const left = items.map((item) => ({ item, nearest: greatest(item.vector, picked) }));
  while (left.length > 0) {
    let best = 0;
    const worth = ({ item, nearest }: { item: T; nearest: number | null }): number =>
      lambda * item.score - (nearest === null ? 0 : (1 - lambda) * nearest);
    left.forEach((entry, i) => {
      const leader = left[best];
      if (leader !== undefined && worth(entry) > worth(leader)) best = i;
    });
    const [winner] = left.splice(best, 1);
    if (winner === undefined) break;
    yield winner.item;
    for (const entry of left) {
      entry.nearest = Math.max(entry.nearest ?? -1, cosine(entry.item.vector, winner.item.vector));
    }
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

/** The greatest similarity to any of `vectors`; null when there are none. */
function greatest(vector: Float32Array, vectors: readonly Float32Array[]): number | null {
  return vectors.length === 0 ? null : Math.max(...vectors.map((other) => cosine(vector, other)));
}
