import fc from 'fast-check';
import type { Candidate } from '../../src/casting/candidate.ts';

export function unit(values: readonly number[]): Float32Array {
  const length = Math.hypot(...values) || 1;
  return Float32Array.from(values, (value) => value / length);
}

let serial = 0;

export function candidate(overrides: Partial<Candidate> & { readonly vector: Float32Array }): Candidate {
  serial += 1;
  return {
    file: `/photos/IMG_${serial}.jpg`,
    sha256: serial.toString(16).padStart(64, '0'),
    score: 0.8,
    agreement: null,
    takenMs: null,
    quality: 100,
    width: 4000,
    height: 3000,
    ...overrides,
  };
}

/** Photos in eight dimensions, some of them taken within seconds of each other. */
export const candidates: fc.Arbitrary<Candidate[]> = fc.array(
  fc
    .record({
      values: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
      // Thousandths: no -0, and no two scores so close that a product rounds them together.
      score: fc.integer({ min: -1000, max: 1000 }).map((thousandths) => thousandths / 1000),
      takenMs: fc.option(fc.integer({ min: 0, max: 60_000 })),
      quality: fc.integer({ min: 0, max: 3 }),
      side: fc.constantFrom(500, 1000, 2000),
    })
    .filter(({ values }) => Math.hypot(...values) > 0.1)
    .map(({ values, score, takenMs, quality, side }) =>
      candidate({ vector: unit(values), score, takenMs, quality, width: side, height: side }),
    ),
  { maxLength: 14 },
);
