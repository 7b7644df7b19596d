import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duration, grouped } from '../../src/output/text.ts';

describe('a duration in words', () => {
  it.each([
    [0.42, '0.4 s'],
    [59.6, '1 min 0 s'],
    [190, '3 min 10 s'],
    [7170, '2 h 0 min'],
    [7199, '2 h 0 min'],
    [3599.7, '1 h 0 min'],
  ])('%d seconds are "%s"', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it('never says sixty of a smaller unit', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (s) => !/\b60 (s|min)\b/.test(duration(s))));
  });
});

describe('a whole number in groups of three digits', () => {
  it('is written as English has it', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (n) => grouped(n) === n.toLocaleString('en-US')));
    expect([0, 999, 1000, -1000, 1_234_567].map(grouped)).toEqual(['0', '999', '1,000', '-1,000', '1,234,567']);
  });
});
