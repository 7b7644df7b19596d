import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spreadOut } from '../../src/library/spread.ts';
import type { FoundPhoto } from '../../src/library/vector-search.ts';
import type { PhotoRow } from '../../src/store/port.ts';
import { photo, recordOf } from '../store/samples.ts';
import { MemoryTable } from '../support/memory-store.ts';

const thresholds = { nearDuplicate: Math.cos(0.055), burst: Math.cos(0.055) };

const { signal } = new AbortController();

/** Of the vector whose signed square roots lie at this angle: thresholds are cosines of those. */
const ofRoots = (angle: number): number => Math.sign(angle) * Math.atan2(Math.sin(angle) ** 2, Math.cos(angle) ** 2);

/** A table of photos at these angles from what is searched for, and a search that gives the nearest. */
async function searchable(angles: readonly number[], more: readonly Partial<PhotoRow>[] = []) {
  const table = new MemoryTable();
  const rows = angles.map((angle, i) =>
    photo(`${String(i).padStart(3, '0')}.jpg`, { angle, takenMs: null, quality: i, ...more[i] }),
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

it('gives the best of the frames that are there, and where none is the best of all', async () => {
  const { table, sorted } = await searchable([0, 0, 0, 0.5, 0.5].map(ofRoots));
  const away = new Set(['002.jpg', '003.jpg', '004.jpg']);
  const found = sorted.map((one) => ({ ...one, available: !away.has(one.path) }));
  const spread = await spreadOut(async () => found, 6, { table, signal, unique: thresholds });
  expect(spread.photos.map(({ path }) => path)).toEqual(['001.jpg', '004.jpg']);
});

describe('what differs', () => {
  const wide = Math.cos(0.55);
  const narrow = Math.cos(0.35);
  const apart = { nearDuplicate: narrow, burst: wide };
  const frame = fc.record({
    // Tenths, so that none is at a threshold, on either side of what is searched for.
    angle: fc.integer({ min: -12, max: 12 }).map((n) => n / 10),
    takenMs: fc.option(fc.constantFrom(0, 9_000, 10_000, 10_001, 20_001)),
    quality: fc.integer({ min: 0, max: 2 }),
    width: fc.constantFrom(1000, 1400, 1500, 4000),
  });
  type Frame = typeof frame extends fc.Arbitrary<infer T> ? T : never;
  const frames = fc.array(frame, { minLength: 1, maxLength: 40 });

  const tableOf = (some: readonly Frame[]) =>
    searchable(
      some.map(({ angle }) => ofRoots(angle)),
      some.map(({ takenMs, quality, width }) => ({ takenMs, quality, width, height: 1000 })),
    );

  /** By definition: groups are connected by pairs that are alike, and of each the best frame stays. */
  function bestFrames(found: readonly FoundPhoto[], some: readonly Frame[]): string[] {
    const of = ({ path }: FoundPhoto): Frame => some[Number.parseInt(path, 10)] as Frame;
    const alike = (a: Frame, b: Frame): boolean => {
      const far = Math.abs(a.angle - b.angle);
      const together = a.takenMs !== null && b.takenMs !== null && Math.abs(a.takenMs - b.takenMs) <= 10_000;
      return far < 0.35 || (together && far < 0.55);
    };
    const group = found.map((_, i) => i);
    // As often as there are photos, the longest chain there can be.
    for (const _ of found)
      for (const [i, a] of found.entries())
        for (const [j, b] of found.entries())
          if (alike(of(a), of(b))) group[i] = Math.min(group[i] as number, group[j] as number);
    const best = [...new Set(group)].map((first) => {
      const members = found.filter((_, i) => group[i] === first);
      const most = Math.max(...members.map((one) => of(one).width));
      const choice = members.filter((one) => of(one).width >= most / 2);
      choice.sort((a, b) => of(b).quality - of(a).quality || of(b).width - of(a).width || (a.file < b.file ? -1 : 1));
      return choice[0]?.path ?? '';
    });
    return found.flatMap(({ path }) => (best.includes(path) ? [path] : []));
  }

  it('is one frame of each group, the best of it, in the order in which they were found', async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.integer({ min: 1, max: 10 }), async (some, k) => {
        const { table, find, sorted } = await tableOf(some);
        const { photos } = await spreadOut(find, k, { table, signal, unique: apart });
        expect(photos.map(({ path }) => path)).toEqual(bestFrames(sorted, some).slice(0, k));
      }),
    );
  });

  it('is by its score less its likeness to what stands above, weighed as asked, of the frames that stay', async () => {
    const share = fc.integer({ min: 0, max: 10 }).map((n) => n / 10);
    await fc.assert(
      fc.asyncProperty(
        frames,
        fc.integer({ min: 1, max: 10 }),
        share,
        fc.boolean(),
        async (some, k, diverse, unique) => {
          const { table, find, sorted } = await tableOf(some);
          const { photos } = await spreadOut(find, k, { table, signal, diverse, ...(unique ? { unique: apart } : {}) });
          const stays = unique ? bestFrames(sorted, some) : sorted.map(({ path }) => path);
          const left = sorted.filter(({ path }) => stays.includes(path));
          const angleOf = (path: string): number => ofRoots((some[Number.parseInt(path, 10)] as Frame).angle);
          const chosen: string[] = [];
          const worth = ({ path, score }: FoundPhoto): number => {
            const likenesses = chosen.map((other) => Math.cos(angleOf(other) - angleOf(path)));
            return (1 - diverse) * score - (likenesses.length === 0 ? 0 : diverse * Math.max(...likenesses));
          };
          // Where two are worth the same but for rounding, either may come first.
          for (const photo of photos) {
            const rivals = left.filter(({ path }) => !chosen.includes(path));
            expect(worth(photo)).toBeCloseTo(Math.max(...rivals.map(worth)), 5);
            expect(stays).toContain(photo.path);
            chosen.push(photo.path);
          }
          expect(new Set(chosen).size).toBe(Math.min(k, stays.length));
        },
      ),
    );
  });
});

it('looks further when one is missing among those it asked for first', async () => {
  // 52 are asked for when 13 are wanted; among those are twelve groups.
  const angles = [...Array.from({ length: 52 }, (_, i) => Math.min(11, i) / 10), 1.25, 1.4];
  const { table, find } = await searchable(angles.map(ofRoots));
  const { photos: found } = await spreadOut(find, 13, { table, signal, unique: thresholds });
  expect(found.map(({ path }) => path).slice(-2)).toEqual(['051.jpg', '052.jpg']);
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
