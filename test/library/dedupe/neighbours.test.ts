import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PairList } from '../../../src/library/dedupe/graph.ts';
import { neighbours } from '../../../src/library/dedupe/neighbours.ts';
import { ONE, PackedVectors } from '../../../src/library/dedupe/packed.ts';
import { sketchesOf } from '../../../src/library/dedupe/sketches.ts';

const signal = new AbortController().signal;

/** Unit vectors in clusters, so that many pairs lie close to any threshold. */
function clustered(count: number, dim: number, spread: number, seed: number): Float32Array[] {
  let state = seed + 1;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const centres = Array.from({ length: 5 }, () => Array.from({ length: dim }, next));
  return Array.from({ length: count }, (_, i) => {
    const values = (centres[i % 5] ?? []).map((value) => value + spread * next());
    const length = Math.hypot(...values);
    return Float32Array.from(values, (value) => value / length);
  });
}

function packed(vectors: readonly Float32Array[], dim: number): PackedVectors {
  const all = new PackedVectors(dim, 1);
  for (const vector of vectors) all.add(vector);
  return all;
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

describe('neighbours', () => {
  it('are the pairs that a product of all with all finds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 80 }),
        fc.integer({ min: 1, max: 70 }),
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        fc.nat(1e6),
        fc.double({ min: -0.2, max: 0.99, noNaN: true }),
        async (count, dim, spread, seed, threshold) => {
          const vectors = clustered(count, dim, spread, seed);
          const graph = await neighbours(packed(vectors, dim), threshold, { signal });
          const found = new Map<string, number>();
          for (let pair = 0; pair < graph.pairs.count; pair += 1) {
            const [a, b] = [graph.pairs.first[pair] ?? 0, graph.pairs.second[pair] ?? 0].sort((x, y) => x - y);
            expect(found.has(`${a} ${b}`)).toBe(false);
            found.set(`${a} ${b}`, graph.pairs.scores[pair] ?? 0);
          }
          for (const [b, second] of vectors.entries()) {
            for (const [a, first] of vectors.slice(0, b).entries()) {
              const score = dot(first, second);
              const its = found.get(`${a} ${b}`);
              if (its !== undefined) expect(its).toBeCloseTo(score, 3);
              // Within what 16 bits leave open, either answer is right.
              if (Math.abs(score - threshold) > 5e-4) expect(its !== undefined).toBe(score > threshold);
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are the same by sketches, which bound every cosine from above', async () => {
    const dim = 400;
    for (const spread of [0.4, 1.5]) {
      const vectors = packed(clustered(260, dim, spread, 5), dim);
      const sketches = await sketchesOf(vectors, signal);
      for (let i = 0; i < 60; i += 1) {
        for (let j = 0; j <= i; j += 1) {
          const [a, b] = [sketches.slice(i, i + 1), sketches.slice(j, j + 1)];
          const along = a.reduce((sum, value, d) => sum + value * (b[d] ?? 0), 0) / ONE ** 2;
          const bound = along + (sketches.rests[i] ?? 0) * (sketches.rests[j] ?? 0) + sketches.slack;
          expect(bound).toBeGreaterThanOrEqual(vectors.cosine(i, j));
        }
      }
      for (const threshold of [-0.5, 0.3, 0.93]) {
        const [by, without] = [0, Number.POSITIVE_INFINITY].map((sketchFrom) =>
          neighbours(vectors, threshold, { signal, sketchFrom }),
        );
        const asText = async (graph: typeof by) => {
          const { first, second, scores, count } = (await graph)?.pairs ?? new PairList();
          return Array.from({ length: count }, (_, i) => `${first[i]} ${second[i]} ${scores[i]}`).sort();
        };
        expect(await asText(by)).toEqual(await asText(without));
      }
    }
  });

  it('are found across blocks, also when the number is odd', async () => {
    const vectors = clustered(2051, 8, 1, 7);
    // The last is a copy of the first.
    vectors[2050] = vectors[0] ?? new Float32Array(8);
    const graph = await neighbours(packed(vectors, 8), 0.9999, { signal });
    expect([...graph.pairsOf(2050)].map((pair) => graph.across(pair, 2050))).toContain(0);
    expect([...graph.pairsOf(0)].map((pair) => graph.across(pair, 0))).toContain(2050);
  });

  it('are the same, in the same order, from several threads, which end when asked to', async () => {
    // Threads run what was built.
    const built = (name: string) => import(new URL(`../../../dist/library/dedupe/${name}.js`, import.meta.url).href);
    const [{ neighbours: builtNeighbours }, { PackedVectors: Built }] = await Promise.all([
      built('neighbours') as Promise<typeof import('../../../src/library/dedupe/neighbours.ts')>,
      built('packed') as Promise<typeof import('../../../src/library/dedupe/packed.ts')>,
    ]);
    const all = new Built(8, 4500);
    for (const vector of clustered(4500, 8, 0.4, 3)) all.add(vector);
    const [one, three] = await Promise.all([1, 3].map((threads) => builtNeighbours(all, 0.95, { signal, threads })));
    expect(one?.pairs.count).toBeGreaterThan(1000);
    expect(three?.pairs.all).toEqual(one?.pairs.all);
    const controller = new AbortController();
    const stopped = builtNeighbours(all, 0.999, {
      signal: controller.signal,
      threads: 2,
      onProgress: () => controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('tell how far they are, and stop when asked to', async () => {
    const shares: number[] = [];
    const vectors = packed(clustered(3000, 8, 1, 1), 8);
    await neighbours(vectors, 0.999, { signal, onProgress: (share) => shares.push(share) });
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeGreaterThan(0.95);
    await expect(neighbours(vectors, 0.999, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
});
