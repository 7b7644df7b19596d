import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bundledFile } from '../../../src/embedding/catalogue.ts';
import { Classifier } from '../../../src/embedding/classifier/classifier.ts';
import { cosine } from '../../../src/embedding/vector.ts';
import { directionsOf } from '../../../src/library/words/directions.ts';
import { rankByTerms, rememberedShares, shareOf, type Term } from '../../../src/library/words/rank.ts';
import { seenIn } from '../../../src/library/words/seen.ts';
import { readVocabulary } from '../../../src/library/words/vocabulary.ts';

const bytes = readFileSync(bundledFile('resnet50.words.bin'));
const classifier = new Classifier(bytes, { classes: 1000, dim: 2048, scale: 30 });
const vocabulary = readVocabulary(readFileSync(bundledFile('words.json'), 'utf8'));
const context = { classifier, similar: 0.62 };

const anyClasses = fc.uniqueArray(fc.nat({ max: 999 }), { minLength: 1, maxLength: 30 });
/** As of a photo that shows a few classes at once. */
const anyVector = anyClasses.map((classes) => classifier.direction(classes));
const anyRows = fc.array(
  anyVector.map((vector) => ({ vector })),
  { minLength: 1, maxLength: 12 },
);
const anyWeight = fc.constantFrom(1, 0.5, 2, -1);
const anyTerm: fc.Arbitrary<Term> = fc.oneof(
  fc.record({ kind: fc.constant('word' as const), classes: anyClasses, weight: anyWeight }),
  fc.record({ kind: fc.constant('photo' as const), vector: anyVector, weight: anyWeight }),
);

describe('ranking by terms', () => {
  test('keeps every row, the best first, all scores and shares in [0, 1]', () => {
    fc.assert(
      fc.property(anyRows, fc.array(anyTerm, { minLength: 1, maxLength: 4 }), (rows, terms) => {
        const ranked = rankByTerms(rows, terms, context);
        expect(new Set(ranked.map(({ row }) => row))).toEqual(new Set(rows));
        expect(ranked.map(({ score }) => score)).toEqual([...ranked.map(({ score }) => score)].sort((a, b) => b - a));
        for (const { score, shares } of ranked) {
          for (const value of [score, ...shares]) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(1);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  test('scores by the mean that the definition gives, weight by weight, and sorts by it', () => {
    const weights = fc.constantFrom(1, 0.5, 2, 0.3, -1, -2);
    // Classes in common, as "dog" and "border collie" have.
    const some = fc.subarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 1, maxLength: 4 });
    const term: fc.Arbitrary<Term> = fc.oneof(
      fc.record({ kind: fc.constant('word' as const), classes: some, weight: weights }),
      fc.record({ kind: fc.constant('photo' as const), vector: anyVector, weight: weights }),
    );
    const rows = fc.array(
      fc.record({
        vector: fc.oneof(
          anyVector,
          some.map((classes) => classifier.direction(classes)),
        ),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(rows, fc.array(term, { minLength: 1, maxLength: 4 }), (photos, terms) => {
        const ranked = rankByTerms(photos, terms, context);
        const scores = photos.map((row) => {
          const softmax = [...(classifier.probabilities([row.vector])[0] ?? [])];
          const shares = terms.map((one) => {
            if (one.kind === 'photo') return 1 / (1 + Math.exp(-(cosine(row.vector, one.vector) - 0.62) / 0.05));
            // What the other words leave to this one, where it is a word to be like.
            const others = terms.flatMap((other) =>
              other !== one && other.kind === 'word' && other.weight > 0 && one.weight > 0 ? other.classes : [],
            );
            const sum = (isMeant: (index: number) => boolean): number =>
              Math.min(
                1,
                softmax.reduce((all, part, index) => all + (isMeant(index) ? part : 0), 0),
              );
            const isOwn = (index: number): boolean => one.classes.includes(index);
            return Math.min(1, sum(isOwn) / sum((index) => isOwn(index) || !others.includes(index)));
          });
          const parts = shares.map((share, i) => {
            const weight = terms[i]?.weight ?? 0;
            return Math.max(1e-6, weight < 0 ? 1 - share : share) ** Math.abs(weight);
          });
          // What is to be away from lowers the mean, and is not one of those that it is the mean of.
          const wanted = terms.reduce((sum, { weight }) => sum + Math.max(0, weight), 0);
          return { row, score: parts.reduce((product, part) => product * part, 1) ** (1 / (wanted || 1)), shares };
        });
        for (const { row, score, shares } of ranked) {
          const expected = scores.find((one) => one.row === row);
          expect(score).toBeCloseTo(expected?.score ?? Number.NaN, 4);
          for (const [i, share] of shares.entries()) expect(share).toBeCloseTo(expected?.shares[i] ?? Number.NaN, 4);
        }
        expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).sort((a, b) => b - a));
      }),
      { numRuns: 60 },
    );
  });

  test('by one word scores by its part of the softmax', () => {
    fc.assert(
      fc.property(anyVector, anyClasses, (vector, classes) => {
        const [only] = rankByTerms([{ vector }], [{ kind: 'word', classes, weight: 1 }], context);
        const [shares] = classifier.probabilities([vector]);
        const share = shares === undefined ? Number.NaN : shareOf(shares, classes);
        expect(only?.score).toBeCloseTo(Math.max(1e-6, share), 5);
      }),
      { numRuns: 30 },
    );
  });

  test('is the same with shares that are kept, and reads each row once', () => {
    let read = 0;
    const sharesOf = rememberedShares({
      probabilities: (vectors) => {
        read += vectors.length;
        return classifier.probabilities(vectors);
      },
    });
    fc.assert(
      fc.property(anyRows, anyClasses, anyClasses, (some, ...words) => {
        const rows = some.map((row) => ({ ...row, id: row.vector.join() }));
        const before = read;
        for (const classes of words) {
          const term = { kind: 'word', classes, weight: 1 } as const;
          expect(rankByTerms(rows, [term], { ...context, sharesOf })).toEqual(rankByTerms(rows, [term], context));
        }
        expect(read - before).toBeLessThanOrEqual(rows.length);
      }),
      { numRuns: 30 },
    );
  });

  test('forgets the shares that were kept longest, and not before there are thousands', () => {
    const asked: number[] = [];
    const sharesOf = rememberedShares({
      probabilities: (vectors) => {
        asked.push(vectors.length);
        return vectors.map(() => new Float32Array(1));
      },
    });
    const most = Array.from({ length: 8_001 }, (_, i) => ({ id: `${i}`, vector: new Float32Array(1) }));
    sharesOf(most);
    sharesOf(most.slice(1));
    sharesOf(most.slice(0, 1));
    expect(asked).toEqual([8_001, 0, 1]);
  });

  test('by one photo orders by cosine', () => {
    fc.assert(
      fc.property(anyRows, anyVector, (rows, vector) => {
        const ranked = rankByTerms(rows, [{ kind: 'photo', vector, weight: 1 }], context);
        const cosines = ranked.map(({ row }) => Math.max(0, cosine(row.vector, vector)));
        for (let i = 1; i < cosines.length; i++) expect(cosines[i]).toBeLessThanOrEqual((cosines[i - 1] ?? 0) + 1e-2);
      }),
      { numRuns: 30 },
    );
  });

  test('what is to be away from only lowers the score, by its share of the photo', () => {
    fc.assert(
      fc.property(anyVector, anyClasses, anyClasses, fc.constantFrom(1, 2), (vector, classes, away, weight) => {
        const score = (...terms: Term[]) => rankByTerms([{ vector }], terms, context)[0]?.score ?? Number.NaN;
        const wanted = { kind: 'word', classes, weight } as const;
        const alone = score(wanted);
        fc.pre(alone > 0.01);
        const less = (1 - score({ kind: 'word', classes: away, weight: 1 })) ** (1 / weight);
        expect(score(wanted, { kind: 'word', classes: away, weight: -1 })).toBeCloseTo(alone * less, 4);
      }),
      { numRuns: 50 },
    );
  });

  test('the same word twice counts once', () => {
    fc.assert(
      fc.property(anyRows, anyClasses, (rows, classes) => {
        const once = rankByTerms(rows, [{ kind: 'word', classes, weight: 1 }], context);
        const twice = rankByTerms(
          rows,
          [1, 1].map((weight) => ({ kind: 'word', classes, weight })),
          context,
        );
        for (const [i, { score }] of twice.entries()) expect(score).toBeCloseTo(once[i]?.score ?? Number.NaN, 6);
      }),
      { numRuns: 20 },
    );
  });
});

test('the directions of a word have unit length, are no more than asked for, and the same every time', () => {
  fc.assert(
    fc.property(anyClasses, fc.integer({ min: 1, max: 8 }), (classes, limit) => {
      const directions = directionsOf(classes, classifier, limit);
      expect(directions.length).toBeGreaterThan(0);
      expect(directions.length).toBeLessThanOrEqual(Math.min(limit, classes.length));
      for (const direction of directions) expect(cosine(direction, direction)).toBeCloseTo(1, 4);
      expect(directionsOf(classes, classifier, limit)).toEqual(directions);
    }),
    { numRuns: 20 },
  );
});

test('what is seen are single classes by their everyday names, and wider words that clearly take in more', () => {
  const meaning = (name: string, classes: number[], everyday = true) => ({
    ...{ name, classes, everyday, kind: null, taken: false },
  });
  const meanings = [
    meaning('Felis domesticus', [0], false),
    meaning('tabby', [0]),
    meaning('carnivore', [0, 1], false),
    meaning('cat', [0, 1]),
    meaning('pet', [0, 1, 2]),
    meaning('animal', [0, 1, 2, 3]),
    meaning('sofa', [4, 5]),
  ];
  const shares = Float32Array.of(0.35, 0.09, 0.03, 0.2, 0.09, 0.15);
  expect(seenIn(shares, { ...vocabulary, meanings }).map((one) => one.meaning.name)).toEqual([
    'animal',
    'cat',
    'tabby',
  ]);
});

test('what is seen is not called what it only stands for in a search', () => {
  const seenOf = (index: number): string | undefined => {
    const [shares = new Float32Array()] = classifier.probabilities([classifier.direction([index])]);
    return seenIn(shares, vocabulary).find(({ meaning }) => meaning.classes.join() === String(index))?.meaning.name;
  };
  // Searches for hedgehogs, dolphins and anteaters look for these; the polar bear is WordNet's "ice bear".
  expect([334, 148, 102, 296].map(seenOf)).toEqual(['porcupine', 'killer whale', 'echidna', 'polar bear']);
});

test('what is seen has names that differ, the most of it first, none below a tenth', () => {
  fc.assert(
    fc.property(anyVector, (vector) => {
      const [shares] = classifier.probabilities([vector]);
      const seen = shares === undefined ? [] : seenIn(shares, vocabulary);
      const scores = seen.map(({ score }) => score);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(scores.every((score) => score >= 0.1 && score <= 1)).toBe(true);
      expect(new Set(seen.map(({ meaning }) => meaning.name)).size).toBe(seen.length);
    }),
    { numRuns: 30 },
  );
});

test('what is seen says which of the things of its name it is', () => {
  const meanings = vocabulary.words.get('crane') ?? [];
  expect(meanings.map(({ kind }) => kind)).toEqual(['wading bird', 'lifting device']);
  for (const { kind, classes } of meanings) {
    const [shares = new Float32Array()] = classifier.probabilities([classifier.direction(classes)]);
    expect(seenIn(shares, vocabulary).find(({ meaning }) => meaning.name === 'crane')?.kind).toBe(kind);
  }
  const [shares = new Float32Array()] = classifier.probabilities([classifier.direction([340])]);
  expect(seenIn(shares, vocabulary)).toContainEqual(expect.objectContaining({ kind: null }));
});
