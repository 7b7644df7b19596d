import { expect, it } from 'vitest';
import { JointSearch, type SearchTerms } from '../../src/store/milvus/joint-search.ts';

const terms: SearchTerms = { limit: 7 };

/** Answers each vector with itself; notes how many come together, and waits until it is let go. */
function recorder() {
  const sizes: number[] = [];
  const gates: (() => void)[] = [];
  const searches = new JointSearch(async (vectors) => {
    sizes.push(vectors.length);
    await new Promise<void>((resolve) => gates.push(resolve));
    if (vectors.some(([x]) => x === 13)) throw new Error('no luck');
    return vectors.map((vector) => [{ vector }]);
  });
  /** Until nothing has been asked for many turns of the loop. */
  const drain = async (): Promise<void> => {
    for (let quiet = 0; quiet < 100; quiet += 1) {
      const next = gates.shift();
      next?.();
      if (next !== undefined) quiet = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { searches, sizes, drain };
}

it('sends a search at once, and those that come meanwhile together, each with its own answer', async () => {
  const { searches, sizes, drain } = recorder();
  const found = Array.from({ length: 40 }, (_, i) => searches.search(Float32Array.of(i + 20), terms));
  await drain();
  expect(await Promise.all(found)).toEqual(Array.from({ length: 40 }, (_, i) => [{ vector: Float32Array.of(i + 20) }]));
  expect(sizes).toEqual([1, 16, 16, 7]);
});

it('asks for more before it hands out answers, and hands them out one by one', async () => {
  const { searches, sizes, drain } = recorder();
  const seen: string[] = [];
  const found = Array.from({ length: 30 }, (_, i) => searches.search(Float32Array.of(i + 20), terms));
  for (const [i, one] of found.entries()) void one.then(() => seen.push(`${i} of ${sizes.length} requests`));
  setImmediate(() => seen.push('a turn'));
  await drain();
  await Promise.all(found);
  expect(seen.slice(0, 2)).toEqual(['0 of 2 requests', 'a turn']);
  expect(seen).toContain('1 of 3 requests');
  expect(seen.indexOf('2 of 3 requests')).toBeGreaterThan(seen.indexOf('1 of 3 requests'));
});

it('keeps searches of other terms apart, and asks for few at a time where each has many answers', async () => {
  const { searches, sizes, drain } = recorder();
  const found = [
    ...[1, 2, 3].map((x) => searches.search(Float32Array.of(x), { ...terms, filter: 'a' })),
    ...[4, 5, 6, 7].map((x) => searches.search(Float32Array.of(x), { limit: 2000 })),
  ];
  await drain();
  await Promise.all(found);
  expect(sizes).toEqual([1, 1, 2, 2, 1]);
});

it('tells all of a request that it failed, and goes on with the next', async () => {
  const { searches, drain } = recorder();
  const found = [1, 13, 3].map((x) => searches.search(Float32Array.of(x), terms));
  const settled = Promise.allSettled(found);
  await drain();
  expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  const after = searches.search(Float32Array.of(5), terms);
  await drain();
  expect(await after).toEqual([{ vector: Float32Array.of(5) }]);
});
