import { type CollapseThresholds, collapse } from '../casting/collapse.ts';
import { maximalMarginalRelevance } from '../casting/mmr.ts';
import type { PhotoTable } from '../store/port.ts';
import type { FoundPhoto } from './vector-search.ts';

/** How results are kept from all being the same. */
interface Spread {
  /** Leaves the best frame of every burst and of every set of near-duplicates, by these cosines. */
  readonly unique?: CollapseThresholds;
  /** Weight of novelty against likeness, 0 to 1: see `maximalMarginalRelevance`. */
  readonly diverse?: number;
}

/** Photos asked for at first, for each that is wanted, and how that grows while there are too few. */
const FIRST_ROUND = 4;
const LATER_ROUNDS = 2;
/** Fewer to choose from make no difference to diversity. */
const FEWEST = 50;
/** Frames are compared with each other: beyond this, that takes minutes. */
const MOST = 8000;

interface Spreading {
  readonly photos: FoundPhoto[];
  /** How many of the best photos alone were compared, where there were more and too few of them differ; else null. */
  readonly comparedOnly: number | null;
}

/**
 * `k` photos that differ, as many as there are; with neither of the wishes the first `k`.
 * @param find gives the `k` best photos, best first, always the same ones
 */
export async function spreadOut(
  find: (k: number) => Promise<FoundPhoto[]>,
  k: number,
  { table, unique, diverse }: Spread & { readonly table: PhotoTable },
): Promise<Spreading> {
  if (unique === undefined && diverse === undefined) return { photos: await find(k), comparedOnly: null };
  for (let asked = Math.max(k * FIRST_ROUND, FEWEST); ; asked *= LATER_ROUNDS) {
    const found = await find(Math.min(asked, MOST));
    const vectors = new Map((await table.rows(found.map(({ id }) => id))).map(({ id, vector }) => [id, vector]));
    const frames = found.flatMap((photo) => {
      const vector = vectors.get(photo.id);
      return vector === undefined ? [] : [{ ...photo, vector }];
    });
    const kept = unique === undefined ? frames : bestFrames(frames, unique);
    if (kept.length < k && found.length >= asked && asked < MOST) continue;
    const chosen = diverse === undefined ? kept.slice(0, k) : maximalMarginalRelevance(kept, k, [], 1 - diverse);
    return {
      photos: chosen.map(({ vector: _, ...photo }) => photo),
      comparedOnly: kept.length < k && found.length === MOST ? MOST : null,
    };
  }
}

type Frame = FoundPhoto & { readonly vector: Float32Array };

function bestFrames(frames: readonly Frame[], thresholds: CollapseThresholds): Frame[] {
  const byFile = new Map(frames.map((frame) => [frame.file, frame]));
  const candidates = frames.map((frame) => ({ ...frame, agreement: frame.score }));
  return collapse(candidates, [], thresholds).kept.flatMap(({ candidate }) => byFile.get(candidate.file) ?? []);
}
