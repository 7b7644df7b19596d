import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledFile } from '../../src/embedding/catalogue.ts';
import { Classifier, openClassifier } from '../../src/embedding/classifier/classifier.ts';
import { cosine, toUnitLength } from '../../src/embedding/vector.ts';
import { bundledModel } from '../support/words.ts';

const CLASSES = 1000;
const DIM = 2048;
const SCALE = 30;
const bytes = readFileSync(bundledFile('resnet50.words.bin'));
const classifier = new Classifier(bytes, { classes: CLASSES, dim: DIM, scale: SCALE });

/** A vector as a model gives it: sparse, not negative, of unit length. */
const anyVector = fc
  .array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 64 })
  .filter((values) => values.some((value) => value > 0.01))
  .map((values) => toUnitLength(Float32Array.from({ length: DIM }, (_, i) => values[(i * 7919) % values.length] ?? 0)));

/** The same by the definition, in float64, from the file's own numbers. */
function softmax(vector: Float32Array): number[] {
  const logits = Array.from({ length: CLASSES }, (_, c) => {
    let product = 0;
    for (let d = 0; d < DIM; d++) product += bytes.readInt8(8 * CLASSES + c * DIM + d) * (vector[d] ?? 0);
    return SCALE * bytes.readFloatLE(4 * c) * product + bytes.readFloatLE(4 * (CLASSES + c));
  });
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

describe('the shares of the classes', () => {
  test('are those of the definition', () => {
    fc.assert(
      fc.property(anyVector, (vector) => {
        const [shares] = classifier.probabilities([vector]);
        const expected = softmax(vector);
        expect(Math.max(...expected.map((share, c) => Math.abs(share - (shares?.[c] ?? Number.NaN))))).toBeLessThan(
          1e-3,
        );
      }),
      { numRuns: 5 },
    );
  });

  test('lie in [0, 1] and sum to 1, whatever the vector and however many there are', () => {
    fc.assert(
      fc.property(fc.array(anyVector, { maxLength: 70 }), (vectors) => {
        const all = classifier.probabilities(vectors);
        expect(all.length).toBe(vectors.length);
        for (const shares of all) {
          expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
          expect(Math.abs(shares.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-4);
        }
      }),
      { numRuns: 10 },
    );
  });

  test('do not depend on what is computed beside them', () => {
    fc.assert(
      fc.property(fc.array(anyVector, { minLength: 1, maxLength: 40 }), (vectors) => {
        const together = classifier.probabilities(vectors);
        expect(together).toEqual(vectors.flatMap((vector) => classifier.probabilities([vector])));
      }),
      { numRuns: 10 },
    );
  });

  test('are not computed of a vector of another length', () => {
    expect(() => classifier.probabilities([new Float32Array(3)])).toThrow(RangeError);
  });
});

test('a direction has unit length, and that of one class finds it', () => {
  for (const index of [0, 134, 999]) {
    const direction = classifier.direction([index]);
    expect(cosine(direction, direction)).toBeCloseTo(1, 5);
    const [shares] = classifier.probabilities([direction]);
    expect(shares?.indexOf(Math.max(...shares))).toBe(index);
  }
});

test('a file that is cut short is refused', () => {
  expect(() => new Classifier(bytes.subarray(1), { classes: CLASSES, dim: DIM, scale: SCALE })).toThrow(RangeError);
});

describe('a model', () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'curate-words-'));
  });
  afterAll(() => rmSync(home, { recursive: true }));

  test('that comes with curate knows words, by its content rather than its name', async () => {
    const model = await bundledModel('resnet50-int8', home);
    expect((await openClassifier({ ...model, id: 'mine' })).classifier.classes).toBe(CLASSES);
  });

  test('without words says so, and which has some', async () => {
    const model = { ...(await bundledModel('resnet50', home)), id: 'mine', sha256: '0'.repeat(64) };
    await expect(openClassifier(model)).rejects.toMatchObject({
      code: 'words_unavailable',
      message: 'The model mine knows no words.',
      hint: expect.stringContaining('resnet50, resnet50-int8'),
    });
  });
});
