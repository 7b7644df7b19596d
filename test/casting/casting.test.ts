import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cast } from '../../src/casting/cast.ts';
import { collapse } from '../../src/casting/collapse.ts';
import { maximalMarginalRelevance } from '../../src/casting/mmr.ts';
import { cosine } from '../../src/embedding/vector.ts';
import { candidate, candidates, unit } from './photos.ts';

const thresholds = { nearDuplicate: 0.94, burst: 0.85, similar: 0.6 };

describe('collapse', () => {
  const scene = unit([1, 0, 0]);
  const aBitOff = unit([1, 0.5, 0]);

  it('keeps the sharpest frame of a burst and says why the others went', () => {
    const sharp = candidate({ vector: scene, takenMs: 1000, quality: 9 });
    const blurred = candidate({ vector: aBitOff, takenMs: 3000, quality: 5 });
    const { kept, dropped } = collapse([blurred, sharp], [], thresholds);
    expect(kept.map((group) => group.candidate)).toEqual([sharp]);
    expect(dropped.map(({ reason }) => reason)).toEqual([`burst of ${sharp.file.split('/').pop()}, less sharp`]);
  });

  it('takes the larger of two equally sharp frames', () => {
    const large = candidate({ vector: scene, takenMs: 1000 });
    const small = candidate({ vector: aBitOff, takenMs: 1500, width: 400, height: 300 });
    const { kept, dropped } = collapse([small, large], [], thresholds);
    expect(kept.map((group) => group.candidate)).toEqual([large]);
    expect(dropped[0]?.reason).toMatch(/^burst of IMG_\d+\.jpg, smaller$/);
  });

  it('does not call photos a burst that were taken far apart', () => {
    const photos = [candidate({ vector: scene, takenMs: 0 }), candidate({ vector: aBitOff, takenMs: 60_000 })];
    expect(collapse(photos, [], thresholds).kept).toHaveLength(2);
  });

  it('follows a burst from frame to frame when its ends are unlike', () => {
    const turn = [0, 0.4, 0.8, 1.2].map((angle, i) =>
      candidate({ vector: unit([Math.cos(angle), Math.sin(angle), 0]), takenMs: i * 5000, quality: i }),
    );
    expect(cosine(turn[0]?.vector ?? scene, turn[3]?.vector ?? scene)).toBeLessThan(thresholds.burst);
    expect(collapse(turn, [], thresholds).kept).toEqual([{ candidate: turn[3], groupSize: 4 }]);
  });

  it('lets photos give way to the query, and tells copies from likenesses', () => {
    const query = candidate({ vector: scene, takenMs: 0, file: '/q/query.jpg' });
    const copy = candidate({ vector: scene, sha256: query.sha256 });
    const frame = candidate({ vector: aBitOff, takenMs: 2000 });
    const print = candidate({ vector: unit([1, 0.1, 0]) });
    const reasons = collapse([copy, frame, print], [query], thresholds).dropped.map(({ reason }) => reason);
    expect(reasons).toEqual(['copy of query.jpg', 'burst of query.jpg', 'too like query.jpg (1.00)']);
  });

  it('lets a whole burst give way when one of its frames is like the query', () => {
    const query = candidate({ vector: scene, file: '/q/query.jpg' });
    const turn = [0.1, 0.5, 0.9].map((angle, i) =>
      candidate({ vector: unit([Math.cos(angle), Math.sin(angle), 0]), takenMs: i * 1000 }),
    );
    const { kept, dropped } = collapse(turn, [query], thresholds);
    expect(kept).toEqual([]);
    expect(dropped.map(({ reason }) => reason)).toEqual(Array.from({ length: 3 }, () => 'burst of query.jpg'));
  });

  it('keeps one frame of every group, the best, and loses no photo', () => {
    fc.assert(
      fc.property(candidates, (photos) => {
        const { kept, dropped } = collapse(photos, [], thresholds);
        const all = [...kept.map((group) => group.candidate), ...dropped.map((verdict) => verdict.candidate)];
        expect(new Set(all)).toEqual(new Set(photos));
        expect(all).toHaveLength(photos.length);
        for (const [i, a] of kept.entries()) {
          for (const b of kept.slice(i + 1)) {
            expect(cosine(a.candidate.vector, b.candidate.vector)).toBeLessThan(thresholds.nearDuplicate);
          }
        }
        expect(kept.reduce((sum, { groupSize }) => sum + groupSize, 0)).toBe(photos.length);
      }),
    );
  });

  it('finds the same frames in whatever order the photos come', () => {
    fc.assert(
      fc.property(candidates, fc.integer(), (photos, seed) => {
        const shuffled = [...photos].sort(
          (a, b) =>
            Math.sin(seed + Number(`0x${a.sha256.slice(-6)}`)) - Math.sin(seed + Number(`0x${b.sha256.slice(-6)}`)),
        );
        const frames = (order: typeof photos): Set<string> =>
          new Set(collapse(order, [], thresholds).kept.map(({ candidate: { file } }) => file));
        expect(frames(shuffled)).toEqual(frames(photos));
      }),
    );
  });
});

describe('maximalMarginalRelevance', () => {
  it('follows relevance alone when lambda is 1', () => {
    fc.assert(
      fc.property(candidates, fc.nat(16), (photos, slots) => {
        const scores = maximalMarginalRelevance(photos, slots, [], 1).map(({ score }) => score);
        const best = photos.map(({ score }) => score).sort((a, b) => b - a);
        expect(scores).toEqual(best.slice(0, slots));
      }),
    );
  });

  it('always starts with the most relevant, and never takes one twice', () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 1, max: 16 }), (photos, slots) => {
        const chosen = maximalMarginalRelevance(photos, slots);
        expect(chosen).toHaveLength(Math.min(slots, photos.length));
        expect(new Set(chosen).size).toBe(chosen.length);
        if (chosen[0] !== undefined) expect(chosen[0].score).toBe(Math.max(...photos.map(({ score }) => score)));
      }),
    );
  });

  it('each choice is the best there was by the formula', () => {
    fc.assert(
      fc.property(candidates, fc.double({ min: 0, max: 1, noNaN: true }), (photos, lambda) => {
        const chosen = maximalMarginalRelevance(photos, 5, [], lambda);
        chosen.forEach((choice, i) => {
          const before = chosen.slice(0, i);
          const worth = (item: (typeof photos)[number]): number =>
            lambda * item.score -
            (1 - lambda) * (before.length === 0 ? 0 : Math.max(...before.map((b) => cosine(item.vector, b.vector))));
          const rivals = photos.filter((photo) => !before.includes(photo));
          expect(worth(choice)).toBeCloseTo(Math.max(...rivals.map(worth)), 9);
        });
      }),
    );
  });

  it('prefers the new to more of the same', () => {
    const first = candidate({ vector: unit([1, 0, 0]), score: 0.9 });
    const same = candidate({ vector: unit([1, 0.2, 0]), score: 0.88 });
    const other = candidate({ vector: unit([0, 1, 0]), score: 0.7 });
    expect(maximalMarginalRelevance([first, same, other], 2)).toEqual([first, other]);
  });
});

describe('cast', () => {
  it('gives one verdict per candidate and fills the slots when it can', () => {
    fc.assert(
      fc.property(candidates, fc.nat(16), (photos, slots) => {
        const verdicts = cast({ candidates: photos, fixed: [], seeds: [], slots, thresholds });
        expect(verdicts).toHaveLength(photos.length);
        expect(new Set(verdicts.map((verdict) => verdict.candidate))).toEqual(new Set(photos));
        const frames = collapse(photos, [], thresholds).kept.length;
        expect(verdicts.filter(({ used }) => used)).toHaveLength(Math.min(slots, frames));
        for (const { reason } of verdicts) expect(reason).not.toBe('');
      }),
    );
  });

  it('says of a photo that lost its place for want of novelty what it is too like', () => {
    const first = candidate({ vector: unit([1, 0, 0]), score: 0.9 });
    const same = candidate({ vector: unit([1, 0.5, 0]), score: 0.88 });
    const other = candidate({ vector: unit([0, 1, 0.2]), score: 0.7 });
    const rest = candidate({ vector: unit([0, 0, 1]), score: 0.3 });
    const verdicts = cast({ candidates: [first, same, other, rest], fixed: [], seeds: [], slots: 2, thresholds });
    expect(verdicts.map(({ used, reason }) => [used, reason])).toEqual([
      [true, 'like the query'],
      [true, 'like the query'],
      [false, `too like ${first.file.split('/').pop()} (0.89)`],
      [false, 'no slot left'],
    ]);
  });
});
