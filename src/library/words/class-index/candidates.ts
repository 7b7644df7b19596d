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
  const known = sorted(found.map(({ shares }) => shares));
  const least = (known.at(-k) ?? 0) - ROUNDING;
  const edge = known.at(-most) ?? 0;
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
function sorted(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let count = 0;
  // Not by `filter`, which takes five times as long.
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 1) {
      const share = part[i] as number;
      if (share > 0) all[count++] = share;
    }
  }
  return all.subarray(0, count).sort();
}
