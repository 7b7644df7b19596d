import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../src/casting/candidate.ts';
import { cast } from '../../src/casting/cast.ts';
import { collapse } from '../../src/casting/collapse.ts';
import { maximalMarginalRelevance } from '../../src/casting/mmr.ts';
import { cosine, rootCosine } from '../../src/embedding/vector.ts';
import { candidate, candidates, unit } from './photos.ts';

const thresholds = { nearDuplicate: 0.94, burst: 0.85, similar: 0.6 };

/** The vector whose signed square roots have the direction of `values`: so alike are photos for `collapse`. */
function rooted(values: readonly number[]): Float32Array {
  return unit(values.map((value) => Math.sign(value) * value ** 2));
}

describe('collapse', () => {
  const scene = rooted([1, 0, 0]);
  const aBitOff = rooted([1, 0.5, 0]);

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

  it('takes no small copy in place of the photo, however sharp it looks, but a copy cut a little', () => {
    const photo = candidate({ vector: scene, quality: 5 });
    const small = candidate({ vector: scene, quality: 9, width: photo.width / 2, height: photo.height / 2 });
    const cut = candidate({ vector: scene, quality: 7, width: photo.width * 0.8, height: photo.height * 0.8 });
    const { kept, dropped } = collapse([small, photo], [], thresholds);
    expect(kept.map((group) => group.candidate)).toEqual([photo]);
    expect(dropped[0]?.of).toBe(photo);
    expect(collapse([small, photo, cut], [], thresholds).kept.map((group) => group.candidate)).toEqual([cut]);
  });

  it('does not call photos a burst that were taken far apart', () => {
    const photos = [candidate({ vector: scene, takenMs: 0 }), candidate({ vector: aBitOff, takenMs: 60_000 })];
    expect(collapse(photos, [], thresholds).kept).toHaveLength(2);
  });

  it('follows a burst from frame to frame when its ends are unlike', () => {
    const turn = [0, 0.4, 0.8, 1.2].map((angle, i) =>
      candidate({ vector: rooted([Math.cos(angle), Math.sin(angle), 0]), takenMs: i * 5000, quality: i }),
    );
    expect(rootCosine(turn[0]?.vector ?? scene, turn[3]?.vector ?? scene)).toBeLessThan(thresholds.burst);
    expect(collapse(turn, [], thresholds).kept).toEqual([{ candidate: turn[3], groupSize: 4 }]);
  });

  it('lets photos give way to the query, and tells copies from likenesses', () => {
    const query = candidate({ vector: scene, takenMs: 0, file: '/q/query.jpg' });
    const copy = candidate({ vector: scene, sha256: query.sha256 });
    const frame = candidate({ vector: aBitOff, takenMs: 2000 });
    const print = candidate({ vector: rooted([1, 0.1, 0]) });
    const reasons = collapse([copy, frame, print], [query], thresholds).dropped.map(({ reason }) => reason);
    expect(reasons).toEqual(['copy of query.jpg', 'burst of query.jpg', 'too like query.jpg (1.00)']);
  });

  it('lets a whole burst give way when one of its frames is like the query', () => {
    const query = candidate({ vector: scene, file: '/q/query.jpg' });
    const turn = [0.1, 0.5, 0.9].map((angle, i) =>
      candidate({ vector: rooted([Math.cos(angle), Math.sin(angle), 0]), takenMs: i * 1000 }),
    );
    const { kept, dropped } = collapse(turn, [query], thresholds);
    expect(kept).toEqual([]);
    expect(dropped.map(({ reason }) => reason)).toEqual([
      'too like query.jpg (1.00)',
      'burst of query.jpg',
      'burst of query.jpg',
    ]);
  });

  it('takes no frame of the burst for the query itself, saved again, where the clock says that they are one burst', () => {
    const query = candidate({ vector: scene, takenMs: 0, file: '/q/query.jpg' });
    const burst = [8_000, 15_000].map((takenMs) => candidate({ vector: scene, takenMs }));
    const { dropped } = collapse(burst, [query], thresholds);
    expect(dropped.map(({ reason }) => reason)).toEqual(['burst of query.jpg', 'burst of query.jpg']);
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
            expect(rootCosine(a.candidate.vector, b.candidate.vector)).toBeLessThan(thresholds.nearDuplicate);
          }
        }
        expect(kept.reduce((sum, { groupSize }) => sum + groupSize, 0)).toBe(photos.length);
        for (const some of [kept, dropped]) {
          const places = some.map((one) => photos.indexOf(one.candidate));
          expect(places).toEqual([...places].sort((a, b) => a - b));
        }
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

  it('leaves out no comparison that would have changed the order', () => {
    const few = fc.integer({ min: -2, max: 2 });
    const items = fc
      .tuple(few, few, fc.integer({ min: 1, max: 3 }), few)
      .map(([x, y, z, score]) => ({ vector: unit([x, y, z]), score: score / 4 }));
    const lists = fc.array(items, { maxLength: 30 });
    fc.assert(
      fc.property(lists, lists, fc.constantFrom(0, 0.15, 0.5, 0.85, 1), (photos, picked, lambda) => {
        const against = picked.map(({ vector }) => vector);
        const plainly: typeof photos = [];
        for (const left = [...photos]; left.length > 0; ) {
          const vectors = [...against, ...plainly.map(({ vector }) => vector)];
          const worths = left.map(
            ({ score, vector }) =>
              lambda * score -
              (vectors.length === 0 ? 0 : (1 - lambda) * Math.max(...vectors.map((other) => cosine(vector, other)))),
          );
          plainly.push(...left.splice(worths.indexOf(Math.max(...worths)), 1));
        }
        const chosen = maximalMarginalRelevance(photos, photos.length, against, lambda);
        expect(chosen.map((photo) => photos.indexOf(photo))).toEqual(plainly.map((photo) => photos.indexOf(photo)));
      }),
    );
  });

  it('prefers the new to more of the same', () => {
    const first = candidate({ vector: unit([1, 0, 0]), score: 0.9 });
    const same = candidate({ vector: unit([1, 0.2, 0]), score: 0.88 });
    const other = candidate({ vector: unit([0, 1, 0]), score: 0.8 });
    expect(maximalMarginalRelevance([first, same, other], 2)).toEqual([first, other]);
  });
});

describe('cast', () => {
  const query = candidate({ file: '/q/query.jpg', vector: unit([1, 0, 0, 0, 0, 0, 0, 0]) });
  const nameOf = (photo: Candidate | undefined): string => photo?.file.split('/').pop() ?? '';
  /** Every candidate is like the query, unless the floor says otherwise. */
  const request = (photos: readonly Candidate[], more: Partial<Parameters<typeof cast>[0]> = {}) => ({
    candidates: photos,
    query,
    fixed: [],
    seeds: [],
    slots: 5,
    floor: { by: 'cosine', least: -1 } as const,
    keepBursts: false,
    thresholds,
    ...more,
  });

  it('gives one verdict per candidate and fills the slots when it can', () => {
    fc.assert(
      fc.property(candidates, fc.nat(16), (photos, slots) => {
        const { verdicts } = cast(request(photos, { slots }));
        expect(verdicts).toHaveLength(photos.length);
        expect(new Set(verdicts.map((verdict) => verdict.candidate))).toEqual(new Set(photos));
        const frames = collapse(photos, [], thresholds).kept.length;
        expect(verdicts.filter(({ used }) => used)).toHaveLength(Math.min(slots, frames));
        for (const { reason } of verdicts) expect(reason).not.toBe('');
      }),
    );
  });

  it('says of a photo that lost its place for lack of novelty what it is too like', () => {
    const first = candidate({ vector: unit([1, 0, 0]), score: 0.9 });
    const same = candidate({ vector: unit([1, 0.5, 0]), score: 0.88 });
    const other = candidate({ vector: unit([0, 1, 0.2]), score: 0.8 });
    const rest = candidate({ vector: unit([0, 0, 1]), score: 0.3 });
    const { verdicts } = cast(request([first, same, other, rest], { slots: 2 }));
    expect(verdicts.map(({ used, reason }) => [used, reason])).toEqual([
      [true, 'like the query'],
      [true, 'like the query'],
      [false, `too like ${first.file.split('/').pop()} (0.89)`],
      [false, 'no slot left'],
    ]);
  });

  it('says so where it is like none of those that were chosen, and lists what is left by its score', () => {
    const first = candidate({ vector: unit([1, 0, 0]), score: 0.9 });
    const other = candidate({ vector: unit([0, 0, 1]), score: 0.79 });
    const apart = candidate({ vector: unit([0.55, 0.835, 0]), score: 0.8 });
    const last = candidate({ vector: unit([0, 0.1, -1]), score: 0.1 });
    const { verdicts } = cast(request([last, apart, other, first], { slots: 2 }));
    expect(verdicts.map(({ candidate: photo, reason }) => [photo, reason])).toEqual([
      [first, 'like the query'],
      [other, 'like the query'],
      [apart, 'no slot left'],
      [last, 'no slot left'],
    ]);
  });

  it('measures novelty against the photos named by hand', () => {
    const seed = candidate({ vector: unit([1, 0, 0]) });
    const like = candidate({ vector: unit([1, 0.6, 0]), score: 0.82 });
    const other = candidate({ vector: unit([0, 1, 0.2]), score: 0.8 });
    const used = (seeds: readonly Candidate[]) =>
      cast(request([like, other], { slots: 1, seeds })).verdicts.find((verdict) => verdict.used)?.candidate;
    expect([used([]), used([seed])]).toEqual([like, other]);
  });

  it('uses nothing below the floor, whatever slots stay empty', () => {
    const least = fc.integer({ min: -1000, max: 1000 }).map((thousandths) => thousandths / 1000);
    fc.assert(
      fc.property(candidates, fc.nat(16), least, fc.boolean(), (photos, slots, floor, keepBursts) => {
        const { verdicts, alike } = cast(request(photos, { slots, keepBursts, floor: { by: 'cosine', least: floor } }));
        const like = photos.filter(({ score }) => score >= floor);
        expect(alike).toBe(like.length);
        for (const { candidate: photo, used, reason } of verdicts) {
          if (used) expect(like).toContain(photo);
          if (!like.includes(photo)) expect(reason).toBe(`not like the query (${photo.score.toFixed(2)})`);
        }
        const frames = collapse(like, [], thresholds).kept.length;
        expect(verdicts.filter(({ used }) => used).length).toBeGreaterThanOrEqual(Math.min(slots, frames));
      }),
    );
  });

  it('judges by agreement, and names it, where the floor is one of agreement', () => {
    const kin = candidate({ vector: unit([1, 0, 0]), score: 0.4, agreement: 0.9 });
    const stranger = candidate({ vector: unit([0, 1, 0]), score: 0.7, agreement: 0.2 });
    const nextOfKin = candidate({ vector: unit([0, 1, 1]), score: 0.9, agreement: 0.7 });
    const far = candidate({ vector: unit([0, 0, 1]), score: 0.1 });
    const opposite = candidate({ vector: unit([0, 0, -1]), score: 0.05, agreement: -0.001 });
    const { verdicts, alike } = cast(
      request([stranger, nextOfKin, kin, far, opposite], { floor: { by: 'agreement', least: 0.65 } }),
    );
    expect(alike).toBe(2);
    expect(verdicts.map(({ candidate: photo, used, reason }) => [photo, used, reason])).toEqual([
      [kin, true, 'like the query'],
      [nextOfKin, true, 'like the query'],
      [stranger, false, 'not like the query (agreement 0.20)'],
      [far, false, 'not like the query (0.10)'],
      [opposite, false, 'not like the query (agreement 0.00)'],
    ]);
  });

  it('takes for a word what shows it and agrees with the best, in the order of how well it shows it', () => {
    const best = candidate({ vector: unit([1, 0, 0]), score: 0.9, agreement: 0.6 });
    const other = candidate({ vector: unit([0, 1, 0]), score: 0.5, agreement: 0.9 });
    const stranger = candidate({ vector: unit([0, 0, 1]), score: 0.7, agreement: 0.4 });
    const dim = candidate({ vector: unit([0, 0, -1]), score: 0.1, agreement: 0.95 });
    const photos = [best, stranger, other, dim];
    const floor = { by: 'share', least: 0.3, leastAgreement: 0.5 } as const;
    expect(
      cast(request(photos, { floor })).verdicts.map(({ candidate: photo, used, reason }) => [photo, used, reason]),
    ).toEqual([
      [best, true, 'seems to show it'],
      [other, true, 'seems to show it'],
      [stranger, false, 'unlike the photos that show it best (agreement 0.40)'],
      [dim, false, 'hardly shows it (0.10)'],
    ]);
    const { alike } = cast(request(photos, { floor: { by: 'share', least: 0.3 } }));
    expect(alike).toBe(3);
  });

  describe('with a burst', () => {
    /** Frames a second apart, each a little further from the first. */
    const frames = (count: number, startMs: number, direction = [1, 0, 0]): Candidate[] =>
      Array.from({ length: count }, (_, i) =>
        candidate({
          vector: unit(direction.map((value, at) => value + (at === 2 ? 0.1 * i : 0))),
          takenMs: startMs + 1000 * i,
          quality: 100 - i,
          score: 0.9 - i / 100,
        }),
      );

    it('shows further frames of the moment of the query, while there are fewer than three references', () => {
      const [self, ...others] = frames(5, 0);
      if (self === undefined) throw new Error('no frame');
      const { verdicts } = cast(request(others, { query: self, fixed: [self] }));
      const used = verdicts.filter((verdict) => verdict.used);
      expect(used.map(({ candidate: photo }) => photo)).toEqual(others.slice(0, 3));
      expect(new Set(used.map(({ reason }) => reason))).toEqual(
        new Set([`another frame of the moment of ${nameOf(self)}`]),
      );
      expect(verdicts.at(-1)?.reason).toBe(`burst of ${nameOf(self)}`);
    });

    it('shows them beside the best frame of that moment when the query is not sent', () => {
      const [self, ...others] = frames(5, 0);
      if (self === undefined) throw new Error('no frame');
      const { verdicts } = cast(request(others, { query: self }));
      expect(verdicts.map(({ used, reason }) => [used, reason])).toEqual([
        [true, 'best of 4 alike'],
        [true, `another frame of the moment of ${nameOf(others[0])}`],
        [true, `another frame of the moment of ${nameOf(others[0])}`],
        [false, `burst of ${nameOf(others[0])}, less sharp`],
      ]);
    });

    it('shows further frames of whatever shows the words, while there are fewer than three references', () => {
      const shown = frames(5, 0);
      const elsewhere = candidate({ vector: rooted([0, 1, 0]), takenMs: 9e12, score: 0.5 });
      const byWord = { query: null, floor: { by: 'share', least: 0.3 } } as const;
      const used = (photos: readonly Candidate[]): string[] =>
        cast(request(photos, byWord)).verdicts.flatMap(({ used, reason }) => (used ? [reason] : []));
      const further = `another frame of the moment of ${nameOf(shown[0] ?? elsewhere)}`;
      expect(used(shown)).toEqual(['best of 5 alike', further, further]);
      expect(used([...shown, elsewhere])).toEqual(['best of 5 alike', 'seems to show it', further]);
    });

    it('sends no frame twice that was saved again, with other bytes and at its own time', () => {
      const shown = frames(3, 0);
      const again = shown.map((frame) =>
        candidate({ vector: frame.vector, takenMs: frame.takenMs, score: 0.95, quality: 1 }),
      );
      const used = (query: Candidate | null): readonly Candidate[] =>
        cast(request([...again, ...shown], { query, fixed: query === null ? [] : [query], keepBursts: true }))
          .verdicts.filter((verdict) => verdict.used)
          .map((verdict) => verdict.candidate);
      expect(new Set(used(null).map(({ vector }) => vector)).size).toBe(3);
      expect(used(null)).toHaveLength(3);
      const [self] = shown;
      expect(used(self ?? null).map(({ vector }) => vector)).toEqual(shown.slice(1).map(({ vector }) => vector));
    });

    it.each([
      ['without a time', null],
      ['with the time of the saving', 9e12],
    ])('knows the moment of a frame that was saved again %s, and sends that frame no second time', (_, takenMs) => {
      const others = frames(5, 0);
      const [, saved] = others;
      if (saved === undefined) throw new Error('no frame');
      const again = candidate({ vector: saved.vector, takenMs, file: '/q/again.jpg' });
      const { verdicts } = cast(request(others, { query: again, fixed: [again] }));
      const used = verdicts.filter((verdict) => verdict.used);
      expect(used.map(({ candidate: photo }) => photo)).toEqual([others[0], others[2], others[3]]);
      expect(new Set(used.map(({ reason }) => reason))).toEqual(new Set(['another frame of the moment of again.jpg']));
      expect(verdicts.find((verdict) => verdict.candidate === saved)?.reason).toBe('too like again.jpg (1.00)');
    });

    it('takes a photo that is alike, but no copy, for no frame of the moment when its time is unknown', () => {
      const others = frames(3, 0);
      const kin = candidate({ vector: rooted([1, 0.6, 0]), takenMs: null });
      expect(rootCosine(kin.vector, others[0]?.vector ?? kin.vector)).toBeLessThan(thresholds.nearDuplicate);
      const used = cast(request(others, { query: kin })).verdicts.filter((verdict) => verdict.used);
      expect(used).toHaveLength(1);
    });

    it('shows further frames of other moments only when bursts are to be kept', () => {
      const others = frames(3, 60_000, [0, 1, 0]);
      const used = (keepBursts: boolean): (readonly [Candidate, string])[] =>
        cast(request(others, { keepBursts }))
          .verdicts.filter((verdict) => verdict.used)
          .map(({ candidate: photo, reason }) => [photo, reason]);
      expect(used(false).map(([photo]) => photo)).toEqual(others.slice(0, 1));
      expect(used(true).map(([photo]) => photo)).toEqual(others);
      expect(used(true)[2]?.[1]).toBe(`another frame of the moment of ${nameOf(others[0])}`);
    });

    it('sends no copy as another frame', () => {
      const [self] = frames(1, 0);
      if (self === undefined) throw new Error('no frame');
      const copy = candidate({ vector: self.vector, takenMs: 0, sha256: self.sha256, score: 1 });
      const { verdicts } = cast(request([copy], { query: self, fixed: [self], keepBursts: true }));
      expect(verdicts).toEqual([expect.objectContaining({ used: false, reason: `copy of ${nameOf(self)}` })]);
    });
  });
});
