import { takenBeside, together, type WordTerm } from '../rank.ts';
import { type ClassIndex, ROUNDING } from './class-index.ts';

/**
 * The ids of photos among which the `k` are of which some classes take most, those that surely show them first; `most`,
 * and those that tie with the last of them. Fewer than `k` where no more are known to show them at all.
 */
export function candidatesOf(
  indexes: readonly ClassIndex[],
  classes: readonly number[],
  { k, most }: { readonly k: number; readonly most: number },
): string[] {
  const found = indexes.map((index) => ({ index, shares: index.sharesOf(classes) }));
  const known = sorted(found);
  return best(found, { edge: known.at(-most) ?? 0, least: (known.at(-k) ?? 0) - ROUNDING });
}

/**
 * The ids of `most` photos that are most of several words taken together, by what is known of their shares, best first, and
 * of those that tie with the last of them. Of what a photo shows least little may be known, so others may be more of all.
 */
export function candidatesOfAll(indexes: readonly ClassIndex[], terms: readonly WordTerm[], most: number): string[] {
  const found = indexes.map((index) => ({ index, shares: togetherIn(index, terms) }));
  return best(found, { edge: sorted(found).at(-most) ?? 0, least: 0 });
}

/** [photos] As `rankByTerms` has it, with shares that are known but for what is left out of them. */
function togetherIn(index: ClassIndex, terms: readonly WordTerm[]): Float32Array {
  const own = terms.map(({ classes }) => index.sharesOf(classes));
  const taken = terms.map((term) => index.sharesOf([...takenBeside(term, terms)]));
  return index.rest.map((_, place) => {
    const shares = terms.map((_, i) => {
      const share = own[i]?.[place] ?? 0;
      return share === 0 ? 0 : share / Math.max(share, 1 - (taken[i]?.[place] ?? 0));
    });
    return together(shares, terms);
  });
}

interface Found {
  readonly index: ClassIndex;
  /** [photos] */
  readonly shares: Float32Array;
}

/** The ids of those of at least `edge`, and that may be of at least `least`, best first. */
function best(found: readonly Found[], { edge, least }: { readonly edge: number; readonly least: number }): string[] {
  const candidates: { readonly id: string; readonly share: number }[] = [];
  for (const { index, shares } of found) {
    for (let place = 0; place < shares.length; place += 1) {
      const share = shares[place] as number;
      if (share === 0 || share < edge || share + (index.rest[place] as number) < least) continue;
      candidates.push({ id: index.photo(place).id, share });
    }
  }
  return candidates.sort((a, b) => b.share - a.share).map(({ id }) => id);
}

/** All that are not 0, ascending. */
function sorted(found: readonly Found[]): Float32Array {
  const all = new Float32Array(found.reduce((sum, { shares }) => sum + shares.length, 0));
  let count = 0;
  // Not by `filter`, which takes five times as long.
  for (const { shares } of found) {
    for (let i = 0; i < shares.length; i += 1) {
      const share = shares[i] as number;
      if (share > 0) all[count++] = share;
    }
  }
  return all.subarray(0, count).sort();
}
