import fc from 'fast-check';
import { expect, it } from 'vitest';
import { spreadOut } from '../../src/library/spread.ts';
import type { FoundPhoto } from '../../src/library/vector-search.ts';
import { photo, recordOf } from '../store/samples.ts';
import { MemoryTable } from '../support/memory-store.ts';

const thresholds = { nearDuplicate: Math.cos(0.055), burst: Math.cos(0.055) };

const { signal } = new AbortController();

/** Of the vector whose signed square roots lie at this angle: thresholds are cosines of those. */
const ofRoots = (angle: number): number => Math.atan2(Math.sin(angle) ** 2, Math.cos(angle) ** 2);

/** A table of photos at these angles from what is searched for, and a search that gives the nearest. */
async function searchable(angles: readonly number[]) {
  const table = new MemoryTable();
  const rows = angles.map((angle, i) =>
    photo(`${String(i).padStart(3, '0')}.jpg`, { angle, takenMs: null, quality: i }),
  );
  await table.upsert(rows);
  const asked: number[] = [];
  const sorted = rows
    .map((row): FoundPhoto => {
      const more = { file: `/photos/${row.path}`, libraryName: 'Photos', available: true, mounted: true };
      return { ...recordOf(row), score: row.vector[0] ?? 0, rankedBy: 'cosine', ...more };
    })
    .sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1));
  const find = async (k: number): Promise<FoundPhoto[]> => {
    asked.push(k);
    return sorted.slice(0, k);
  };
  return { table, find, sorted, asked };
}

it('gives one frame, the sharpest, of each of the k nearest groups, however large they are', async () => {
  // Ten groups a tenth of a radian apart, of 30 frames each.
  const angles = Array.from({ length: 300 }, (_, i) => Math.floor(i / 30) / 10);
  const { table, find, asked } = await searchable(angles.map(ofRoots));
  const { photos: found } = await spreadOut(find, 6, { table, signal, unique: thresholds });
  expect(found.map(({ path }) => path)).toEqual(['029.jpg', '059.jpg', '089.jpg', '119.jpg', '149.jpg', '179.jpg']);
  expect(asked.length).toBeGreaterThan(1);
  expect(found[0]).not.toHaveProperty('vector');
});

it('leaves no two alike, leaves out only what is like one that stays, and fills k where it can', async () => {
  const angle = fc.integer({ min: 0, max: 150 }).map((n) => n / 100);
  await fc.assert(
    fc.asyncProperty(
      fc.array(angle, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 10 }),
      async (angles, k) => {
        const { table, find } = await searchable(angles.map(ofRoots));
        const { photos: found } = await spreadOut(find, k, { table, signal, unique: thresholds });
        // Groups are chains: two angles are in one when no step between them is wider than the threshold.
        const distinct = [...new Set(angles)].sort((a, b) => a - b);
        const groups = distinct.filter((a, i) => i === 0 || a - (distinct[i - 1] ?? 0) > 0.055).length;
        expect(found).toHaveLength(Math.min(k, groups));
        expect(new Set(found.map(({ file }) => file)).size).toBe(found.length);
      },
    ),
  );
});

it('prefers what is unlike the ones above by as much as is asked', async () => {
  const { table, find, sorted } = await searchable([0.1, 0.11, 0.12, 0.13, -0.5, 1.2]);
  const paths = async (diverse: number) =>
    (await spreadOut(find, 3, { table, signal, diverse })).photos.map(({ path }) => path);
  expect(await paths(0)).toEqual(sorted.slice(0, 3).map(({ path }) => path));
  expect(await paths(0.7)).toEqual(['000.jpg', '005.jpg', '004.jpg']);
});

it('says when more photos than it compares might have differed', async () => {
  const { table, sorted } = await searchable([0.1, 0.5, 1]);
  const [first] = sorted;
  // As many as are compared and more, of which the table knows three.
  const find = async (k: number): Promise<FoundPhoto[]> =>
    Array.from({ length: Math.min(k, 9000) }, (_, i) => sorted[i] ?? { ...(first as FoundPhoto), id: `${i}` });
  expect(await spreadOut(find, 10, { table, signal, unique: thresholds })).toMatchObject({ comparedOnly: 6000 });
  expect(await spreadOut(find, 3, { table, signal, unique: thresholds })).toMatchObject({ comparedOnly: null });
});

it('asks once, for k, when all may be alike', async () => {
  const { table, find, asked } = await searchable([0.1, 0.2, 0.3]);
  expect((await spreadOut(find, 2, { table, signal })).photos).toHaveLength(2);
  expect(asked).toEqual([2]);
});

it('tells how far it is, to the end', async () => {
  const { table, find } = await searchable(Array.from({ length: 40 }, (_, i) => i / 50));
  for (const wish of [{ unique: thresholds }, { diverse: 0.5 }]) {
    const shares: number[] = [];
    await spreadOut(find, 40, { table, signal, ...wish, onProgress: (share) => shares.push(share) });
    expect(shares.length).toBeGreaterThan(1);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(Math.max(...shares)).toBeLessThanOrEqual(1);
  }
});

it('ends while photos are compared', async () => {
  const { table, find } = await searchable(Array.from({ length: 40 }, (_, i) => i / 50));
  for (const wish of [{ unique: thresholds }, { diverse: 0.5 }]) {
    const stop = new AbortController();
    stop.abort();
    const spread = spreadOut(find, 6, { table, signal: stop.signal, ...wish });
    await expect(spread).rejects.toMatchObject({ kind: 'interrupted' });
  }
});
