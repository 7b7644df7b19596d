import { cosine } from '../embedding/vector.ts';

interface Scored {
  /** Relevance: cosine similarity to the query. */
  readonly score: number;
  readonly vector: Float32Array;
}

/** Weight of relevance against novelty: from here on more weight makes the share of the query's own subject no larger. */
const LAMBDA = 0.85;

/**
 * Maximal marginal relevance (Carbonell and Goldstein 1998, SIGIR): picks, one after the other, the item with the
 * greatest `lambda * relevance - (1 - lambda) * max similarity to what is picked already`. Ties go to the earlier item.
 *
 * @param picked vectors that count as picked from the start
 * @param lambda 1 is relevance alone, 0 is novelty alone
 */
export function maximalMarginalRelevance<T extends Scored>(
  items: readonly T[],
  slots: number,
  picked: readonly Float32Array[] = [],
  lambda = LAMBDA,
): T[] {
  const left = items.map((item) => ({ item, nearest: greatest(item.vector, picked) }));
  const chosen: T[] = [];
  while (chosen.length < slots && left.length > 0) {
    let best = 0;
    const worth = ({ item, nearest }: { item: T; nearest: number | null }): number =>
      lambda * item.score - (nearest === null ? 0 : (1 - lambda) * nearest);
    left.forEach((entry, i) => {
      const leader = left[best];
      if (leader !== undefined && worth(entry) > worth(leader)) best = i;
    });
    const [winner] = left.splice(best, 1);
    if (winner === undefined) break;
    chosen.push(winner.item);
    for (const entry of left) {
      entry.nearest = Math.max(entry.nearest ?? -1, cosine(entry.item.vector, winner.item.vector));
    }
  }
  return chosen;
}

/** The greatest similarity to any of `vectors`; null when there are none. */
function greatest(vector: Float32Array, vectors: readonly Float32Array[]): number | null {
  return vectors.length === 0 ? null : Math.max(...vectors.map((other) => cosine(vector, other)));
}
