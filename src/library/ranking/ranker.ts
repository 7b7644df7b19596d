import type { EmbeddingModel } from '../../embedding/port.ts';
import { rootCosine } from '../../embedding/vector.ts';
import type { Hit, PhotoTable, SearchOptions, VectorHit } from '../../store/port.ts';
import { NEIGHBOURHOOD, type RankedBy, rerank } from './rerank.ts';
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

export type RankedHit<T extends Hit = Hit> = T & { readonly rankedBy: RankedBy };

/** Hits best first by cosine: those to be reranked, with their vectors, and those beyond them. */
export interface Nearest {
  readonly near: readonly VectorHit[];
  readonly far: readonly Hit[];
}

/**
 * The nearest photos, of which as many as are reranked have vectors: one call, unless more are wanted than that.
 * @param spare how many may be left out before they are ranked
 */
export async function fetchNearest(
  table: PhotoTable,
  query: Float32Array,
  { k, ...options }: SearchOptions,
  spare = 0,
): Promise<Nearest> {
  // A vector takes kilobytes: where more are left out than that, fewer are reranked.
  const most = NEIGHBOURHOOD + Math.min(spare, NEIGHBOURHOOD);
  const [near, all] = await Promise.all([
    table.search(query, { ...options, k: most, vectors: true }),
    k + spare > most ? table.search(query, { ...options, k: k + spare }) : [],
  ]);
  return { near, far: all.slice(near.length) };
}

/** Best first as `ranker` has it. */
export function rank<N extends VectorHit, F extends Hit>(
  query: Float32Array,
  { near, far }: { readonly near: readonly N[]; readonly far: readonly F[] },
  { statistics, nearDuplicate }: Ranker,
): RankedHit<N | F>[] {
  const isNearDuplicate = ({ vector }: N): boolean => rootCosine(query, vector) >= nearDuplicate;
  return [...rerank(query, near, statistics, isNearDuplicate), ...far.map(byCosine)];
}

export function byCosine<T extends Hit>(hit: T): RankedHit<T> {
  return { ...hit, rankedBy: 'cosine' };
}
