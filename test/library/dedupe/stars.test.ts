import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KINDS, type Kind, type Relation, type Star, stars } from '../../../src/library/dedupe/stars.ts';

/** A symmetric table of kinds between photos, an order of keeping, and who may keep and go. */
const world = fc.integer({ min: 1, max: 9 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    cells: fc.array(fc.option(fc.constantFrom<Kind>(...KINDS), { freq: 2 }), { minLength: n * n, maxLength: n * n }),
    order: fc.shuffledSubarray([...Array(n).keys()], { minLength: n }),
    keeps: fc.array(fc.boolean(), { minLength: n, maxLength: n }),
    goes: fc.array(fc.boolean(), { minLength: n, maxLength: n }),
    held: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)), {
      minLength: n,
      maxLength: n,
    }),
    kinds: fc.subarray([...KINDS], { minLength: 1 }),
  }),
);
type Sample = typeof world extends fc.Arbitrary<infer T> ? T : never;

const kindOf = ({ cells, n }: Sample, a: number, b: number): Kind | null =>
  a === b ? null : (cells[Math.min(a, b) * n + Math.max(a, b)] ?? null);

function run(sample: Sample, relabel: (photo: number) => number = (photo) => photo): Star[] {
  const back = new Map([...Array(sample.n).keys()].map((photo) => [relabel(photo), photo]));
  const original = (photo: number): number => back.get(photo) ?? -1;
  const related = (photo: number): Relation[] =>
    [...Array(sample.n).keys()].flatMap((other) => {
      const kind = kindOf(sample, original(photo), original(other));
      return kind === null ? [] : [{ photo: other, kind, score: 1 }];
    });
  return stars({
    order: sample.order.map(relabel),
    related,
    mayKeep: (photo) => sample.keeps[original(photo)] ?? false,
    mayGo: (photo) => sample.goes[original(photo)] ?? false,
    isHeld: (photo) => sample.held[original(photo)] ?? false,
    kinds: sample.kinds,
  });
}

/** The definition, word by word: to whom each photo goes, or null. */
function byDefinition(sample: Sample): Map<number, { readonly keeper: number; readonly kind: Kind }> {
  const { order, keeps, goes, held, kinds } = sample;
  const gone = new Map<number, { keeper: number; kind: Kind }>();
  const standsFor = (keeper: number): number[] =>
    [...gone].flatMap(([photo, to]) => (to.keeper === keeper ? [photo, ...standsFor(photo)] : []));
  for (const kind of KINDS) {
    if (!kinds.includes(kind)) continue;
    for (const [i, keeper] of order.entries()) {
      if (gone.has(keeper) || !keeps[keeper]) continue;
      for (const photo of order.slice(i + 1)) {
        if (gone.has(photo) || !goes[photo] || held[photo] || kindOf(sample, keeper, photo) !== kind) continue;
        if (standsFor(photo).every((one) => kindOf(sample, keeper, one) !== null)) gone.set(photo, { keeper, kind });
      }
    }
  }
  return gone;
}

describe('stars', () => {
  it('are what the definition says', () => {
    fc.assert(
      fc.property(world, (sample) => {
        const found = new Map(
          run(sample).flatMap(({ kind, keeper, others }) => others.map(({ photo }) => [photo, { keeper, kind }])),
        );
        expect(found).toEqual(byDefinition(sample));
      }),
      { numRuns: 500 },
    );
  });

  it('lose nothing: whoever goes is like one that stays, and like every keeper on the way to it', () => {
    fc.assert(
      fc.property(world, (sample) => {
        const to = new Map(run(sample).flatMap(({ keeper, others }) => others.map(({ photo }) => [photo, keeper])));
        for (const photo of to.keys()) {
          let keeper = to.get(photo);
          while (keeper !== undefined) {
            expect(kindOf(sample, photo, keeper)).not.toBeNull();
            keeper = to.get(keeper);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('show beside a keeper what is held, and no star of nothing but what is', () => {
    fc.assert(
      fc.property(world, (sample) => {
        for (const { kind, keeper, others, held } of run(sample)) {
          expect(others.length > 0 || !sample.held[keeper]).toBe(true);
          expect(others.length + held.length).toBeGreaterThan(0);
          expect(others.every(({ photo }) => !sample.held[photo])).toBe(true);
          for (const { photo } of held)
            expect([sample.held[photo], kindOf(sample, keeper, photo)]).toEqual([true, kind]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('do not depend on how photos are numbered', () => {
    fc.assert(
      fc.property(
        world.chain((sample) =>
          fc.tuple(fc.constant(sample), fc.shuffledSubarray([...Array(sample.n).keys()], { minLength: sample.n })),
        ),
        ([sample, numbers]) => {
          const plain = run(sample).map(({ kind, keeper, others }) => [kind, keeper, others.map(({ photo }) => photo)]);
          const back = (number: number): number => numbers.indexOf(number);
          const relabelled = run(sample, (photo) => numbers[photo] ?? -1).map(({ kind, keeper, others }) => [
            kind,
            back(keeper),
            others.map(({ photo }) => back(photo)),
          ]);
          expect(relabelled).toEqual(plain);
        },
      ),
    );
  });

  it('do not chain: the ends of a row in which only neighbours are alike stay apart', () => {
    const row = (photo: number): Relation[] =>
      [photo - 1, photo + 1]
        .filter((other) => other >= 0 && other < 5)
        .map((other) => ({ photo: other, kind: 'similar', score: 0.95 }));
    const found = stars({
      order: [0, 1, 2, 3, 4],
      related: row,
      mayKeep: () => true,
      mayGo: () => true,
      isHeld: () => false,
      kinds: KINDS,
    });
    expect(found.map(({ keeper, others }) => [keeper, ...others.map(({ photo }) => photo)])).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });
});
