import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { productsOf } from '../../src/store/milvus/products.ts';

const VALUE = fc.float({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true });

describe('products of a vector with others', () => {
  it('are their inner products, of every dimension and however many', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 21 }), fc.integer({ min: 0, max: 300 })).chain(([dim, count]) => {
      const vector = fc.array(VALUE, { minLength: dim, maxLength: dim }).map((values) => new Float32Array(values));
      return fc.tuple(vector, fc.array(vector, { minLength: count, maxLength: count }));
    });
    fc.assert(
      fc.property(cases, ([vector, others]) => {
        const products = productsOf(vector, others);
        expect(products).toHaveLength(others.length);
        others.forEach((other, i) => {
          expect(products[i]).toBeCloseTo(
            vector.reduce((sum, value, d) => sum + value * (other[d] ?? 0), 0),
            12,
          );
        });
      }),
      { numRuns: 40 },
    );
  });

  it('do not depend on what is multiplied beside', () => {
    const vector = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i));
    const others = Array.from({ length: 200 }, (_, n) => vector.map((value) => Math.cos(n * value)));
    expect(productsOf(vector, others)).toEqual(others.flatMap((other) => productsOf(vector, [other])));
  });
});
