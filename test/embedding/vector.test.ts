import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cosine, rootCosine } from '../../src/embedding/vector.ts';
import { unit } from '../casting/photos.ts';

const vector = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 7, maxLength: 7 })
  .filter((values) => Math.hypot(...values) > 0.1)
  .map(unit);

it('the root cosine is the cosine of the signed square roots', () => {
  const root = (values: Float32Array): Float32Array =>
    unit(Array.from(values, (value) => Math.sign(value) * Math.sqrt(Math.abs(value))));
  fc.assert(
    fc.property(vector, vector, (a, b) => {
      expect(rootCosine(a, b)).toBeCloseTo(cosine(root(a), root(b)), 5);
      expect(rootCosine(a, b)).toBe(rootCosine(b, a));
      expect(rootCosine(a, a)).toBeCloseTo(1, 6);
    }),
  );
});
