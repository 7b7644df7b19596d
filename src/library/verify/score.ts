import type { Variant } from './variants.ts';

/** The photo as it is, and its variants. */
export type Kind = 'unaltered' | Variant;

/** How well photos were found again by one kind of query; shares from 0 to 1. */
export interface KindScore {
  readonly kind: Kind;
  readonly queries: number;
  readonly recallAt1: number;
  readonly recallAt6: number;
}

/** Whether stored vectors are those of their photos. */
export interface SelfMatch {
  /** Photos embedded again. */
  readonly photos: number;
  readonly matched: number;
  readonly lowestCosine: number;
  /** Absolute files whose stored vector is not theirs. */
  readonly mismatched: readonly string[];
}

/** Results looked at. */
export const TOP = 6;
/** A stored vector and a fresh one of the same file are at least this alike; decoding at another size costs less. */
export const SAME_COSINE = 0.999;

/**
 * The share of photos that must be found again among the first six. Rates in an index of the bundled model that
 * works lie well above these; a quarter turn has no bar, since such models learn from upright photos.
 */
export const BARS: Readonly<Record<Kind, number | null>> = {
  unaltered: 0.99,
  recompressed: 0.9,
  darker: 0.9,
  brighter: 0.9,
  mirrored: 0.9,
  tilted: 0.8,
  crop: 0.8,
  'corner-crop': 0.7,
  thumbnail: 0.6,
  turned: null,
};

/** @param ranks Per query the rank at which the photo was found, from 1; null when it was not. */
export function scoreOf(kind: Kind, ranks: readonly (number | null)[]): KindScore {
  const share = (most: number): number =>
    ranks.length === 0 ? 0 : ranks.filter((rank) => rank !== null && rank <= most).length / ranks.length;
  return { kind, queries: ranks.length, recallAt1: share(1), recallAt6: share(TOP) };
}

/**
 * The upper end of the 95 % interval of a share, after Wilson (1927): what the true share may be when `found` of
 * `queries` is what a sample showed.
 */
export function upperBound(found: number, queries: number): number {
  if (queries === 0) return 1;
  const z2 = 1.96 ** 2;
  const share = found / queries;
  const spread = Math.sqrt((share * (1 - share)) / queries + z2 / (4 * queries ** 2));
  return (share + z2 / (2 * queries) + 1.96 * spread) / (1 + z2 / queries);
}

/** Whether a kind is found less often than its bar says, by more than the chance of the sample explains. */
export function isBelowBar({ kind, queries, recallAt6 }: KindScore): boolean {
  const bar = BARS[kind];
  return bar !== null && upperBound(recallAt6 * queries, queries) < bar;
}

export interface Health {
  readonly healthy: boolean;
  /** In words, the next step included. */
  readonly verdict: string;
}

/** An index with fewer photos puts no query to the test. */
const SMALL_INDEX = 200;

/** What the figures mean. Pure. */
export function judge(selfMatch: SelfMatch, kinds: readonly KindScore[], indexed: number): Health {
  const wrong = selfMatch.photos - selfMatch.matched;
  const below = kinds.filter(isBelowBar);
  if (wrong > 0) {
    return {
      healthy: false,
      verdict:
        `Damaged: ${wrong} of ${selfMatch.photos} photos have a vector in the index that is not theirs, or was made by ` +
        'an earlier version of curate. Rebuild their library: curate library remove ROOT, then curate index ROOT.',
    };
  }
  if (below.some(({ kind }) => kind === 'unaltered')) {
    return {
      healthy: false,
      verdict:
        'Broken: the vectors are right, but searching does not find photos by their own. ' +
        'Run "curate doctor"; if the store is well, forget the library and index it again.',
    };
  }
  if (below.length > 0) {
    const shares = below.map(
      (score) => `${score.kind} ${percent(score.recallAt6)} (${percent(BARS[score.kind] ?? 0)})`,
    );
    return {
      healthy: false,
      verdict:
        `Weak: the index is sound, but altered photos are found less often than they should be: ${shares.join(', ')}. ` +
        'With many near-identical photos that is to be expected; otherwise try another model: curate model list.',
    };
  }
  const small = indexed < SMALL_INDEX ? ` Among no more than ${indexed} photos that is easy, though.` : '';
  return {
    healthy: true,
    verdict: `Healthy: every vector is that of its photo, and altered photos are found as often as they should be.${small}`,
  };
}

/** "93.5 %", "90 %" */
export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
