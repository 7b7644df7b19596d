import type { PairSimilarities } from '../../embedding/port.ts';
import { usageError } from '../../errors.ts';

/** What people read instead of a cosine. */
export type Likeness = 'very alike' | 'alike' | 'related' | 'weak';

/** A least score: a number, or in words. */
export type LeastScore = number | Exclude<Likeness, 'weak'>;

/** From this rarity on. */
const LEAST_RARITY = { 'very alike': 4, alike: 3, related: 2 } as const satisfies Record<
  Exclude<Likeness, 'weak'>,
  number
>;

/** Random pairs that are enough. */
export const PAIRS = 20_000;
/** The share of pairs in the tail, above the empirical part. */
const TAIL = 0.01;
const STEPS = 100;
/** Rarer than this is told apart by no sample of pairs. */
const RAREST = 9;

/**
 * Pairs of different photos, each photo equally likely.
 * @param photos how many there are: 2 or more
 * @param random uniform in [0, 1)
 */
export function randomPairs(photos: number, random: () => number, count = PAIRS): [number, number][] {
  return Array.from({ length: count }, () => {
    const one = Math.floor(random() * photos);
    const other = Math.floor(random() * (photos - 1));
    return [one, other < one ? other : other + 1];
  });
}

/** @param cosines of random pairs, in any order: some hundred or more */
export function pairSimilarities(cosines: readonly number[], photos: number): PairSimilarities {
  const sorted = Float64Array.from(cosines).sort();
  const quantiles = Array.from({ length: STEPS }, (_, step) => quantile(sorted, step / STEPS));
  const threshold = quantiles[STEPS - 1] ?? 0;
  const excesses = sorted.filter((value) => value > threshold).map((value) => value - threshold);
  return { quantiles, tail: generalisedPareto(excesses), photos };
}

/** Linear between the two nearest of ascending values. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? 0;
  return below + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] ?? below) - below);
}

/**
 * Fits a generalised Pareto distribution by probability-weighted moments (Hosking and Wallis 1987, Technometrics 29,
 * section 4). Survival is (1 + shape x / scale)^(-1 / shape).
 *
 * @param excesses above the threshold, ascending
 */
export function generalisedPareto(excesses: Float64Array): { readonly shape: number; readonly scale: number } {
  const n = excesses.length;
  let [mean, weighted] = [0, 0];
  excesses.forEach((excess, i) => {
    mean += excess / n;
    weighted += ((1 - (i + 0.65) / n) * excess) / n;
  });
  const difference = mean - 2 * weighted;
  // All alike, or none: no tail to speak of.
  if (!(difference > 0)) return { shape: 0, scale: Math.max(mean, Number.EPSILON) };
  return { shape: 2 - mean / difference, scale: (2 * mean * weighted) / difference };
}

/** Share of random pairs that are at least as similar. */
export function shareAtLeast(cosine: number, { quantiles, tail }: PairSimilarities): number {
  const threshold = quantiles.at(-1) ?? 0;
  if (cosine >= threshold) return TAIL * survival(cosine - threshold, tail);
  const above = quantiles.findIndex((value) => value > cosine);
  if (above <= 0) return 1;
  const [low, high] = [quantiles[above - 1] ?? 0, quantiles[above] ?? 0];
  return 1 - (above - 1 + (cosine - low) / (high - low)) / STEPS;
}

function survival(excess: number, { shape, scale }: PairSimilarities['tail']): number {
  if (Math.abs(shape) < 1e-6) return Math.exp(-excess / scale);
  return Math.max(0, 1 + (shape * excess) / scale) ** (-1 / shape);
}

/** -log10 of the share of random pairs that are at least as similar: 3 is one pair in a thousand. At most 9. */
export function rarity(cosine: number, similarities: PairSimilarities): number {
  return Math.min(RAREST, Math.max(0, -Math.log10(shareAtLeast(cosine, similarities))));
}

export function likenessOf(rare: number): Likeness {
  if (rare >= LEAST_RARITY['very alike']) return 'very alike';
  if (rare >= LEAST_RARITY.alike) return 'alike';
  return rare >= LEAST_RARITY.related ? 'related' : 'weak';
}

/**
 * The least cosine that a least score means.
 * @param similarities of the model in use; null where nobody has measured them
 * @throws UserError `usage` when words have no meaning for the model
 */
export function leastCosine(least: LeastScore, similarities: PairSimilarities | null): number {
  if (typeof least === 'number') return least;
  if (similarities !== null) return cosineOf(LEAST_RARITY[least], similarities);
  throw usageError(`Nobody has measured what "${least}" means with this model.`, 'Name a number, such as 0.5.');
}

/** The least cosine of a rarity, for filters such as "alike"; inverse of {@link rarity}. */
export function cosineOf(rare: number, similarities: PairSimilarities): number {
  let [low, high] = [-1, 1];
  for (let step = 0; step < 50; step += 1) {
    const middle = (low + high) / 2;
    if (rarity(middle, similarities) >= rare) high = middle;
    else low = middle;
  }
  return high;
}

/** Whether a library has grown, or shrunk, so much since that its pairs are to be drawn again. */
export function isOutdated({ photos }: PairSimilarities, photosNow: number): boolean {
  return photosNow > 1.25 * photos || photosNow < 0.75 * photos;
}
