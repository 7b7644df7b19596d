import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastScore } from '../../../src/commands/flags/options.ts';
import { loadCatalogue } from '../../../src/embedding/catalogue.ts';
import { leastCosine, likenessOf, rarity } from '../../../src/library/ranking/likeness.ts';
import { closerThan } from '../../../src/output/result-row.ts';

const { models } = await loadCatalogue();
const pairs = models.find(({ id }) => id === 'resnet50')?.ranking?.pairs ?? null;

describe('a least score', () => {
  it.each(['very alike', 'alike', 'related'] as const)(
    'of "%s" lets through what is called that, and no less',
    (level) => {
      if (pairs === null) throw new Error('the default model is calibrated');
      const least = leastCosine(level, pairs);
      expect(likenessOf(rarity(least, pairs))).toBe(level);
      expect(likenessOf(rarity(least - 0.01, pairs))).not.toBe(level);
    },
  );

  it('in numbers is what it says, and in words needs a model that was measured', () => {
    expect(leastCosine(0.42, null)).toBe(0.42);
    expect(() => leastCosine('alike', null)).toThrow('Nobody has measured');
  });

  it.each([
    ['0.5', 0.5],
    ['alike', 'alike'],
    ['Very-Alike', 'very alike'],
    ['related', 'related'],
  ])('is read from "%s"', (text, least) => {
    expect(leastScore(text)).toBe(least);
  });

  it.each(['weak', '2', '', 'near'])('is not read from "%s"', (text) => {
    expect(() => leastScore(text)).toThrow('It must be a number from -1 to 1, or one of');
  });
});

describe('how rare a likeness is', () => {
  it.each([
    [0.5, '5 of 10 pairs'],
    [0.001, '999 of 1,000 pairs'],
    [0.0015, '998 of 1,000 pairs'],
    [0, '999,999 of 1,000,000 pairs'],
    [1, '0 of 10 pairs'],
    [null, null],
  ])('of a share of %d is said as "%s"', (share, words) => {
    expect(closerThan(share)).toBe(words);
  });

  it('never claims more than is known', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1, noNaN: true }), (share) => {
        const [less = '', of = ''] = (closerThan(share) ?? '').replaceAll(',', '').replace(' pairs', '').split(' of ');
        expect(Number(less) / Number(of)).toBeLessThanOrEqual(1 - share + 1e-12);
      }),
    );
  });
});
