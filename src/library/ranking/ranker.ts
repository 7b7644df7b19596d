import type { EmbeddingModel } from '../../embedding/port.ts';
import { cosine } from '../../embedding/vector.ts';
import {
  type Hit,
  MOST_HITS,
  type PhotoTable,
  type SearchOptions,
  type SeenRows,
  type VectorHit,
} from '../../store/port.ts';
import { rootCosinesReach } from './neighbourhood.ts';
import { byCosine, NEIGHBOURHOOD, type Ranked, rerank } from './rerank.ts';
import { type RankingStatistics, statisticsOf } from './statistics.ts';

/** How hits are ordered: by agreement with their surroundings, or by cosine alone. */
export type SearchOrder = 'rerank' | 'cosine';

/** What a model's hits are reranked with. */
export interface Ranker {
  /** Null for a model whose features nobody has measured. */
  readonly statistics: RankingStatistics | null;
  /** Root cosine from which a photo is nearly the query itself. */
  readonly nearDuplicate: number;
}

export async function rankerOf(model: EmbeddingModel): Promise<Ranker> {
  // From here on none of the unrelated photographs of the calibration are alike, but hard crops of one photo are.
  return { statistics: await statisticsOf(model), nearDuplicate: model.thresholds.burst };
}

/** Hits best first by cosine: those to be reranked, with their vectors, and those beyond them. */
export interface Nearest {
  readonly near: readonly VectorHit[];
  readonly far: readonly Hit[];
}

/** The `k` nearest by cosine, best first, ties by path: however many, also more than a store gives to one search. */
export async function nearest(table: PhotoTable, query: Float32Array, options: SearchOptions): Promise<Hit[]> {
  const { k, minScore = -1, filter } = options;
  const hits = await table.search(query, { ...options, k: Math.min(k, MOST_HITS) });
  if (k <= MOST_HITS || hits.length < MOST_HITS) return hits;
  const all: Hit[] = [];
  for await (const { vector, ...record } of table.all({ ...(filter === undefined ? {} : { filter }), vectors: true })) {
    const score = cosine(query, vector);
    if (score >= minScore) all.push({ ...record, score });
  }
  return all.sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1)).slice(0, k);
}

/**
 * The nearest photos, of which as many as are reranked have vectors: one call, unless more are wanted than that.
 * Those beyond have at least `minScore`.
 * @param options `seen`: what other searches of the run found
 * @param spare how many may be left out before they are ranked
 */
export async function fetchNearest(
  table: PhotoTable,
  query: Float32Array,
  { k, minScore, seen, ...options }: SearchOptions & { readonly seen?: SeenRows | undefined },
  spare = 0,
): Promise<Nearest> {
  // A vector takes kilobytes: where more are left out than that, fewer are reranked.
  const most = NEIGHBOURHOOD + Math.min(spare, NEIGHBOURHOOD);
  const [near, all] = await Promise.all([
    table.search(query, { ...options, k: most, vectors: true, seen }),
    k + spare > most
      ? nearest(table, query, { ...options, k: k + spare, ...(minScore === undefined ? {} : { minScore }) })
      : [],
  ]);
  // By id: of photos as near as each other the store may count other ones among the first of either call.
  const ids = new Set(near.map(({ id }) => id));
  return { near, far: all.filter(({ id }) => !ids.has(id)) };
}

/** Best first as `ranker` has it. */
export function rank<N extends VectorHit, F extends Hit>(
  query: Float32Array,
  { near, far }: { readonly near: readonly N[]; readonly far: readonly F[] },
  { statistics, nearDuplicate }: Ranker,
): Ranked<N | F>[] {
  const areNearDuplicates = (hits: readonly N[]): readonly boolean[] =>
    rootCosinesReach(
      query,
      hits.map(({ vector }) => vector),
      nearDuplicate,
    );
  return [...rerank<N>(query, near, statistics, areNearDuplicates), ...far.map(byCosine)];
}
