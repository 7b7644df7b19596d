import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession } from '../../../src/embedding/inference.ts';
import { preprocess } from '../../../src/embedding/preprocess.ts';
import { cosine, toUnitLength } from '../../../src/embedding/vector.ts';
import { directionsOf } from '../../../src/library/words/directions.ts';
import { type KnownWord, parseWord } from '../../../src/library/words/parse.ts';
import { rankByTerms } from '../../../src/library/words/rank.ts';
import { seenIn } from '../../../src/library/words/seen.ts';
import { loadWords, type Words } from '../../../src/library/words/vocabulary.ts';
import { decodePhoto } from '../../../src/photos/decode.ts';
import { walk } from '../../../src/photos/walk.ts';
import { repository } from '../../support/cli.ts';
import { bundledModel, modelsWithWords } from '../../support/words.ts';

const folder = join(repository, 'fixtures', 'photos');
const shown = readFileSync(join(repository, 'fixtures', 'words.tsv'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.normalize('NFC').split('\t'))
  .map(([word = '', ...photos]) => ({ word, photos }));

/** Where the other photos show it, too, or hardly: measured in bench/README.md instead. */
const HARD = new Set(['fig', 'flower', 'arch', 'pet']);

interface Row {
  readonly path: string;
  readonly vector: Float32Array;
}

describe.each(await modelsWithWords())('with the vectors of %s', (id) => {
  let home: string;
  let words: Words;
  let rows: Row[];
  let similar: number;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'curate-words-'));
    const model = await bundledModel(id, home);
    words = await loadWords(model);
    similar = model.thresholds.similar;
    const infer = await openSession(model, join(home, 'cache'));
    rows = [];
    for (const { path } of (await walk(folder)).files) {
      const decoded = await decodePhoto(readFileSync(join(folder, path)), { reduceFor: model.input.resizeShortSide });
      if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
      const vector = toUnitLength(await infer(preprocess(decoded.image, decoded.size, model.input)));
      rows.push({ path: path.normalize('NFC'), vector });
    }
  });
  afterAll(() => rmSync(home, { recursive: true }));

  const known = (text: string): KnownWord => {
    const parsed = parseWord(text, words.vocabulary);
    if (parsed.kind === 'unknown') throw new Error(`${text} is unknown`);
    return parsed;
  };
  const rank = (...texts: readonly string[]): { path: string; score: number }[] =>
    rankByTerms(
      rows,
      texts.map((text) => ({ kind: 'word', classes: known(text).classes, weight: 1 })),
      { classifier: words.classifier, similar },
    ).map(({ row, score }) => ({ path: row.path, score }));
  const vectorOf = (path: string): Float32Array => {
    const row = rows.find((one) => one.path === path);
    if (row === undefined) throw new Error(`there is no photo ${path}`);
    return row.vector;
  };

  test.each(shown.filter(({ word }) => !HARD.has(word)))('"$word" puts the photos that show it first', (one) => {
    const first = rank(one.word).slice(0, one.photos.length);
    expect(first.map(({ path }) => path).sort()).toEqual([...one.photos].sort());
  });

  test('a word that no photo shows has a small share in all', () => {
    expect(rank('beach')[0]?.score).toBeLessThan(0.1);
    expect(rank('phone')[0]?.score).toBeLessThan(0.1);
  });

  test('two words together come before either', () => {
    // The only insect on a flower, and hardly a flower for all the insect.
    expect(rank('insect', 'flower')[0]?.path).toBe('Garden/bee.jpg');
  });

  test('a word and a photo find what is both', () => {
    const terms = [
      { kind: 'photo', vector: vectorOf('pets/kitten-1.jpg'), weight: 1 },
      { kind: 'word', classes: known('cat').classes, weight: 1 },
    ] as const;
    const found = rankByTerms(rows, terms, { classifier: words.classifier, similar });
    const kittens = ['pets/kitten-1.jpg', 'pets/kitten-2.jpg', 'pets/kitten-3.jpg', 'pets/kitten-4.jpg'];
    expect(
      found
        .slice(0, 4)
        .map(({ row }) => row.path)
        .sort(),
    ).toEqual(kittens);
  });

  test('a word with a negative weight keeps its photos away', () => {
    const terms = [
      { kind: 'word', classes: known('animal').classes, weight: 1 },
      { kind: 'word', classes: known('bird').classes, weight: -1 },
    ] as const;
    const found = rankByTerms(rows, terms, { classifier: words.classifier, similar });
    const birds = shown.find(({ word }) => word === 'bird')?.photos ?? [];
    const animals = shown.find(({ word }) => word === 'animal')?.photos ?? [];
    const expected = animals.filter((path) => !birds.includes(path));
    expect(
      found
        .slice(0, expected.length)
        .map(({ row }) => row.path)
        .sort(),
    ).toEqual([...expected].sort());
  });

  test('a search along the directions of a word finds its best photos', () => {
    for (const { word } of shown) {
      const [best] = rank(word);
      const candidates = directionsOf(known(word).classes, words.classifier).flatMap((direction) =>
        rows
          .map(({ path, vector }) => ({ path, score: cosine(vector, direction) }))
          .sort((a, b) => b.score - a.score)
          .slice(0, 6),
      );
      expect(
        candidates.map(({ path }) => path),
        word,
      ).toContain(best?.path);
    }
  });

  test.each([
    ['pets/dog-1.jpg', 'German shepherd', 'dog'],
    ['2025-05 Füssen/neuschwanstein.jpg', 'castle', 'building'],
    ['Orientation/kingfisher-1.jpg', 'jacamar', 'bird'],
    ['Küche/citrus-1.jpg', 'lemon', 'citrus'],
  ])('in %s it sees a %s and a %s, and is brief', (path, narrow, wide) => {
    const [shares] = words.classifier.probabilities([vectorOf(path)]);
    if (shares === undefined) throw new Error('no shares');
    const names = seenIn(shares, words.vocabulary).map(({ meaning }) => meaning.name);
    expect(names).toEqual(expect.arrayContaining([narrow, wide]));
    expect(names.length).toBeLessThanOrEqual(6);
  });
});
