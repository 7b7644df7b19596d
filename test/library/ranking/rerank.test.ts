import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosine, rootCosine } from '../../../src/embedding/vector.ts';
import { agreements, rootCosinesReach } from '../../../src/library/ranking/neighbourhood.ts';
import { NEIGHBOURHOOD, rerank } from '../../../src/library/ranking/rerank.ts';
import { type RankingStatistics, rankingStatistics } from '../../../src/library/ranking/statistics.ts';
import { unit } from '../../casting/photos.ts';

const DIM = 6;

/** Unbiased: where two neighbours tie, either may count, and the agreements differ. */
const vector = fc
  .noBias(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: DIM, maxLength: DIM }))
  .filter((values) => Math.hypot(...values) > 0.1)
  .map(unit);
const vectors = fc.uniqueArray(vector, { maxLength: 30, selector: String });

const statistics: fc.Arbitrary<RankingStatistics> = fc
  .tuple(vector, fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: DIM, maxLength: DIM }))
  // Half as long as the vectors, so that none is the mean itself.
  .map(([mean, deviation]) =>
    rankingStatistics(
      mean.map((value) => value / 2),
      Float32Array.from(deviation),
    ),
  );

type Matrix = number[][];
const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const normalized = (row: number[]): number[] => row.map((value) => value / (Math.sqrt(dot(row, row)) || 1));

/** The definition, matrix by matrix: A = unit((I + W) Y), W the cubed products of each row's nearest. */
function byMatrices(query: Float32Array, others: readonly Float32Array[], s: RankingStatistics, k: number): number[] {
  const y: Matrix = [query, ...others].map((x) =>
    normalized(Array.from(x, (value, i) => (value - (s.mean[i] ?? 0)) * (s.inverse[i] ?? 1))),
  );
  const weights: Matrix = y.map((a, i) => {
    const row = y.map((b) => dot(a, b));
    const rest = row.map((_, j) => j).filter((j) => j !== i);
    const nearest = new Set(rest.sort((one, other) => (row[other] ?? 0) - (row[one] ?? 0)).slice(0, k));
    return row.map((value, j) => (i === j ? 1 : nearest.has(j) ? Math.max(value, 0) ** 3 : 0));
  });
  const a = weights.map((row) =>
    normalized(Array.from({ length: DIM }, (_, d) => row.reduce((sum, w, j) => sum + w * (y[j]?.[d] ?? 0), 0))),
  );
  return a.slice(1).map((row) => dot(row, a[0] ?? []));
}

describe('agreements', () => {
  it('are what the matrices of the definition give', () => {
    fc.assert(
      fc.property(vector, vectors, statistics, fc.integer({ min: 1, max: 12 }), (query, others, s, k) => {
        const expected = byMatrices(query, others, s, k);
        const actual = agreements(query, others, s, k);
        expect(actual).toHaveLength(others.length);
        actual.forEach((value, i) => {
          expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 3);
        });
      }),
    );
  });

  it('do not depend on the order of the photos', () => {
    fc.assert(
      fc.property(vector, vectors, statistics, (query, others, s) => {
        const backwards = agreements(query, [...others].reverse(), s).reverse();
        agreements(query, others, s).forEach((value, i) => {
          expect(value).toBeCloseTo(backwards[i] ?? Number.NaN, 6);
        });
      }),
    );
  });

  it('lift a photo above a nearer one when its surroundings look like the query', () => {
    // Five of a kind around the query, and a loner that by itself is a little nearer than the last of them.
    const query = unit([1, 0, 0, 0, 0, 0]);
    const last = unit([1, 0.7, 0, 0, 0, 0]);
    const loner = unit([1, 0, 0, 0, 0.69, 0]);
    const kind = [0.3, 0.35, 0.4, 0.45].map((away) => unit([1, away, 0, 0, 0, 0]));
    expect(cosine(query, loner)).toBeGreaterThan(cosine(query, last));
    const [ofLast, ofLoner] = agreements(query, [last, loner, ...kind], null);
    expect(ofLast).toBeGreaterThan(ofLoner ?? 1);
  });

  it('are 1 for the query itself and stay in [-1, 1]', () => {
    fc.assert(
      fc.property(vector, vectors, statistics, (query, others, s) => {
        for (const value of agreements(query, others, s)) expect(Math.abs(value)).toBeLessThanOrEqual(1 + 1e-9);
        expect(agreements(query, [query], s)[0]).toBeCloseTo(1, 6);
      }),
    );
  });
});

it('a root cosine reaches what it is, to the last digit', () => {
  const signed = fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 7, maxLength: 7 })
    .filter((values) => Math.hypot(...values) > 0.1)
    .map(unit);
  fc.assert(
    fc.property(signed, fc.array(signed, { minLength: 1 }), (vector, others) => {
      const likenesses = others.map((other) => rootCosine(vector, other));
      for (const likeness of likenesses) {
        for (const least of [likeness, likeness + 1e-9, likeness - 1e-9, likeness + 0.01, likeness - 0.01]) {
          expect(rootCosinesReach(vector, others, least)).toEqual(likenesses.map((value) => value >= least));
        }
      }
    }),
  );
});

describe('rerank', () => {
  it('is of the hundred nearest, each averaged with its ten nearest, by statistics that hold rare features down', () => {
    const deviation = [0.3, 0.1, 0.02, 0.2, 0.05, 0.01];
    const s = rankingStatistics(Float32Array.from([0.2, 0.1, 0.3, 0.05, 0.2, 0.15]), Float32Array.from(deviation));
    const smallest = 0.1 * (deviation.reduce((sum, value) => sum + value, 0) / DIM);
    const plain = { mean: s.mean, inverse: Float64Array.from(deviation, (value) => (value + smallest) ** -0.5) };
    const any = (i: number): Float32Array =>
      unit(Array.from({ length: DIM }, (_, d) => Math.abs(Math.sin(1 + 12.9898 * i + 78.233 * d))));
    const query = any(0);
    const photos = Array.from({ length: 130 }, (_, i) => any(i + 1));
    const hits = photos
      .map((photo) => ({ vector: photo, score: cosine(query, photo) }))
      .sort((a, b) => b.score - a.score);
    const expected = byMatrices(
      query,
      hits.slice(0, 100).map((hit) => hit.vector),
      plain,
      10,
    );
    const ranked = rerank(query, hits, s, (some) => some.map(() => false));
    const order = [...expected.keys()].slice(1).sort((a, b) => (expected[b] ?? 0) - (expected[a] ?? 0));
    const places = [0, ...order, ...hits.map((_, i) => i).slice(100)];
    expect(ranked.map(({ hit }) => hits.indexOf(hit))).toEqual(places);
    for (const { hit, agreement } of ranked) {
      if (agreement !== null) expect(agreement).toBeCloseTo(expected[hits.indexOf(hit)] ?? Number.NaN, 5);
    }
    expect(ranked.filter(({ agreement }) => agreement === null)).toHaveLength(30);
  });

  it('loses no photo and leaves near-duplicates first, in plain order, or else the nearest', () => {
    fc.assert(
      fc.property(vector, vectors, statistics, (query, photos, s) => {
        const hits = photos
          .map((photo, i) => ({ name: i, vector: photo, score: cosine(query, photo) }))
          .sort((a, b) => b.score - a.score);
        const isCopy = ({ score }: { score: number }): boolean => score >= 0.95;
        const ranked = rerank(query, hits, s, (some) => some.map(isCopy));
        expect(new Set(ranked.map(({ hit }) => hit.name))).toEqual(new Set(hits.map(({ name }) => name)));
        const copies = hits.filter(isCopy);
        const first = (copies.length > 0 ? copies : hits.slice(0, 1)).map(({ name }) => name);
        expect(ranked.slice(0, first.length).map(({ hit }) => hit.name)).toEqual(first);
        const why = ranked.slice(0, first.length).map(({ rankedBy }) => rankedBy);
        expect(new Set(why).size).toBeLessThanOrEqual(1);
        if (why[0] !== undefined) expect(why[0]).toBe(copies.length > 0 ? 'near-duplicate' : 'nearest');
        const rest = ranked.slice(first.length).map(({ agreement }) => agreement ?? Number.NaN);
        expect(rest).toEqual([...rest].sort((a, b) => b - a));
      }),
    );
  });

  it('leaves what lies beyond the neighbourhood in plain order', () => {
    const query = unit([1, 0]);
    const many = Array.from({ length: NEIGHBOURHOOD + 20 }, (_, i) => {
      const x = unit([1, 0.01 * (i + 1)]);
      return { vector: x, score: cosine(query, x) };
    });
    const beyond = rerank(query, many, null, (some) => some.map(() => false)).slice(NEIGHBOURHOOD);
    expect(beyond.map(({ hit }) => hit.score)).toEqual(many.slice(NEIGHBOURHOOD).map(({ score }) => score));
    expect(beyond.every(({ rankedBy, agreement }) => rankedBy === 'cosine' && agreement === null)).toBe(true);
  });

  it('ranks nothing when nothing was found', () => {
    expect(rerank(unit([1, 0]), [], null, () => [])).toEqual([]);
  });
});
