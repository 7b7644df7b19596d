import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PairSimilarities } from '../../../src/embedding/port.ts';
import {
  cosineOf,
  generalisedPareto,
  isOutdated,
  likenessOf,
  pairSimilarities,
  randomPairs,
  rarity,
  shareAtLeast,
} from '../../../src/library/ranking/likeness.ts';

/** Uniform in [0, 1), reproducible (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Cosines of many pairs: most of them small, few near 1. */
const samples = fc.tuple(fc.integer(), fc.integer({ min: 2000, max: 20_000 })).map(([seed, count]) => {
  const random = seeded(seed);
  return Array.from({ length: count }, () => random() ** 3 * 0.95);
});
const options = { numRuns: 15 };

describe('rarity', () => {
  it('is -log10 of the counted share of pairs that are at least as similar', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 0.9, noNaN: true }), (cosines, cosine) => {
        const similarities = pairSimilarities(cosines, 1000);
        const counted = cosines.filter((value) => value >= cosine).length / cosines.length;
        expect(Math.abs(shareAtLeast(cosine, similarities) - counted)).toBeLessThan(0.01);
        // In the tail to a part of a power of ten, as far as the sample can tell.
        if (counted > 0.002) expect(rarity(cosine, similarities)).toBeCloseTo(-Math.log10(counted), 0);
      }),
      options,
    );
  });

  it('is read between the pairs that were drawn in a straight line, however many they are', () => {
    for (const pairs of [51, 101, 1001]) {
      const similarities = pairSimilarities(
        Array.from({ length: pairs }, (_, i) => i / (pairs - 1)),
        1000,
      );
      for (const cosine of [0, 0.305, 0.5, 0.7777, 0.98]) {
        expect(shareAtLeast(cosine, similarities)).toBeCloseTo(1 - cosine, 9);
      }
    }
  });

  it('never falls as the cosine rises, and is continuous where the tail begins', () => {
    fc.assert(
      fc.property(samples, (cosines) => {
        const similarities = pairSimilarities(cosines, 1000);
        const rising = Array.from({ length: 400 }, (_, i) => rarity(-1 + i / 200, similarities));
        expect(rising).toEqual([...rising].sort((a, b) => a - b));
        const start = similarities.quantiles.at(-1) ?? 0;
        expect(rarity(start, similarities)).toBeCloseTo(2, 9);
        expect(rarity(start - 1e-9, similarities)).toBeCloseTo(2, 5);
      }),
      options,
    );
  });

  it('is the same after a round trip through JSON', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: -1, max: 1, noNaN: true }), (cosines, cosine) => {
        const similarities = pairSimilarities(cosines, 1000);
        const kept = JSON.parse(JSON.stringify(similarities)) as PairSimilarities;
        expect(rarity(cosine, kept)).toBe(rarity(cosine, similarities));
      }),
      options,
    );
  });

  it('has an inverse', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0.1, max: 3, noNaN: true }), (cosines, rare) => {
        const similarities = pairSimilarities(cosines, 1000);
        const least = cosineOf(rare, similarities);
        expect(rarity(least, similarities)).toBeGreaterThanOrEqual(rare);
        expect(rarity(least - 1e-6, similarities)).toBeLessThan(rare + 1e-9);
      }),
      options,
    );
  });
});

describe('generalisedPareto', () => {
  it.each([
    [-0.3, 0.1],
    [0, 0.05],
    [0.2, 1],
  ])('finds shape %s and scale %s again', (shape, scale) => {
    const random = seeded(7);
    const drawn = Float64Array.from({ length: 50_000 }, () => {
      const share = 1 - random();
      return shape === 0 ? -scale * Math.log(share) : (scale * (share ** -shape - 1)) / shape;
    }).sort();
    const fitted = generalisedPareto(drawn);
    expect(fitted.shape).toBeCloseTo(shape, 1);
    expect(fitted.scale / scale).toBeCloseTo(1, 1);
  });

  it('is fitted by moments with the plotting positions (i - 0.35) / n', () => {
    // By hand: the moments are 7/3 and 2.15/3.
    const { shape, scale } = generalisedPareto(Float64Array.of(1, 2, 4));
    expect([shape, scale]).toEqual([expect.closeTo(2 - 7 / 2.7, 9), expect.closeTo((2 * 7 * 2.15) / 8.1, 9)]);
  });

  it('makes do with pairs that are all the same', () => {
    const same = pairSimilarities(new Array<number>(1000).fill(0.5), 10);
    expect(rarity(0.4, same)).toBe(0);
    expect(rarity(0.9, same)).toBe(9);
  });
});

it('draws pairs of two different photos, every photo about as often', () => {
  const counts = new Array<number>(20).fill(0);
  for (const [one, other] of randomPairs(20, seeded(3))) {
    expect(one).not.toBe(other);
    for (const photo of [one, other]) counts[photo] = (counts[photo] ?? 0) + 1;
  }
  for (const count of counts) expect(count / 2000).toBeCloseTo(1, 0);
  expect(Math.min(...counts)).toBeGreaterThan(1700);
});

it('says in words what a rarity means', () => {
  expect([9, 4, 3.99, 3, 2.5, 2, 1.99, 0].map(likenessOf)).toEqual([
    'very alike',
    'very alike',
    'alike',
    'alike',
    'related',
    'related',
    'weak',
    'weak',
  ]);
});

it('is outdated once the library has grown or shrunk by a quarter', () => {
  const similarities = pairSimilarities([0, 0.5, 1], 1000);
  expect([1000, 1250, 1251, 750, 749].map((now) => isOutdated(similarities, now))).toEqual([
    false,
    false,
    true,
    false,
    true,
  ]);
});
