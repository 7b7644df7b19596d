import { setImmediate as breathe } from 'node:timers/promises';
import { bestFrame, type CollapseThresholds, groupsOf } from '../casting/collapse.ts';
import { byMarginalRelevance } from '../casting/mmr.ts';
import { rootsOf } from '../embedding/vector.ts';
import { demandUninterrupted } from '../interrupt.ts';
import type { PhotoTable } from '../store/port.ts';
import { type FoundPhoto, vectorsOf } from './vector-search.ts';

/** How results are kept from all being the same. */
interface Spread {
  /** Leaves the best frame of every burst and of every set of near-duplicates, by these cosines. */
  readonly unique?: CollapseThresholds;
  /** Weight of novelty against likeness, 0 to 1: see `maximalMarginalRelevance`. */
  readonly diverse?: number;
}

/** How photos are compared with each other. */
interface Comparing {
  readonly signal: AbortSignal;
  /** Threads that may be at work at once; this one alone unless given. */
  readonly threads?: number;
  /** Told of the share of the comparing that is done, 0 to 1; it may begin again, with more photos. */
  onProgress?(share: number): void;
}

/** Photos asked for at first, for each that is wanted, and how that grows while there are too few. */
const FIRST_ROUND = 4;
const LATER_ROUNDS = 2;
/** Fewer to choose from make no difference to diversity. */
const FEWEST = 50;
/** Frames are compared with each other: so many stay below the pairs that can be alike in memory. */
const MOST = 6000;

interface Spreading {
  readonly photos: FoundPhoto[];
  /** How many of the best photos alone were compared, where there were more and too few of them differ; else null. */
  readonly comparedOnly: number | null;
}

/**
 * `k` photos that differ, as many as there are; with neither of the wishes the first `k`.
 * @param find gives the `k` best photos, best first, always the same ones
 * @throws UserError `interrupted`, also while photos are compared
 */
export async function spreadOut(
  find: (k: number) => Promise<FoundPhoto[]>,
  k: number,
  wish: Spread & Comparing & { readonly table: PhotoTable },
): Promise<Spreading> {
  const { table, unique, diverse } = wish;
  if (unique === undefined && diverse === undefined) return { photos: await find(k), comparedOnly: null };
  for (let asked = Math.max(k * FIRST_ROUND, FEWEST); ; asked *= LATER_ROUNDS) {
    const found = await find(Math.min(asked, MOST));
    const vectors = await vectorsOf(table, found);
    const frames = found.flatMap((photo) => {
      const vector = vectors.get(photo.id);
      return vector === undefined ? [] : [{ ...photo, vector }];
    });
    const kept = unique === undefined ? frames : await bestFrames(frames, unique, wish);
    if (kept.length < k && found.length >= asked && asked < MOST) continue;
    const chosen = diverse === undefined ? kept.slice(0, k) : await diverseOf(kept, k, diverse, wish);
    return {
      photos: chosen.map(({ vector: _, ...photo }) => photo),
      comparedOnly: kept.length < k && found.length === MOST ? MOST : null,
    };
  }
}

type Frame = FoundPhoto & { readonly vector: Float32Array };

/** Cosines of packed vectors are off by less than this: what lies so close below a threshold is looked at, too. */
const SLACK = 0.001;

/** The best frame of every group, of those whose file is there where any is, in the order in which they were found. */
async function bestFrames(
  frames: readonly Frame[],
  thresholds: CollapseThresholds,
  { signal, threads = 1, onProgress = () => undefined }: Comparing,
): Promise<Frame[]> {
  const [{ neighbours }, { PackedVectors }] = await Promise.all([
    import('./dedupe/neighbours.ts'),
    import('./dedupe/packed.ts'),
  ]);
  const vectors = new PackedVectors(frames[0]?.vector.length ?? 0, frames.length);
  for (const { vector } of frames) vectors.add(rootsOf(vector));
  const least = Math.min(thresholds.nearDuplicate, thresholds.burst) - SLACK;
  const graph = await neighbours(vectors, least, { signal, threads, onProgress });
  const candidates = frames.map((frame, i) => ({ ...frame, agreement: frame.score, i }));
  const near = ({ i }: { readonly i: number }) =>
    [...graph.pairsOf(i)].map((pair) => candidates[graph.across(pair, i)] as (typeof candidates)[number]);
  return groupsOf(candidates, thresholds, near)
    .map((group) => {
      const there = group.filter(({ available }) => available);
      return bestFrame(there.length === 0 ? group : there).i;
    })
    .sort((a, b) => a - b)
    .map((i) => frames[i] as Frame);
}

async function diverseOf(
  frames: readonly Frame[],
  k: number,
  diverse: number,
  { signal, onProgress = () => undefined }: Comparing,
): Promise<Frame[]> {
  const wanted = Math.min(k, frames.length);
  const chosen: Frame[] = [];
  for (const frame of byMarginalRelevance(frames, [], 1 - diverse)) {
    chosen.push(frame);
    if (chosen.length >= wanted) break;
    onProgress(chosen.length / wanted);
    await breathe();
    demandUninterrupted(signal);
  }
  return chosen;
}
