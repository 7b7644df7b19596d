import { BARS, isBelowBar, type KindScore, type SelfMatch } from './score.ts';

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
        'an earlier version of curate. Index their library anew: curate library remove ROOT, then curate index ROOT.',
    };
  }
  if (below.some(({ kind }) => kind === 'unaltered')) {
    return {
      healthy: false,
      verdict:
        'Broken: the vectors are right, but searching does not find photos by their own. ' +
        'Run "curate doctor"; if the store is well, forget the library and index it anew.',
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
