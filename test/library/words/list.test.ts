import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bundledFile } from '../../../src/embedding/catalogue.ts';
import { countShown, listWords } from '../../../src/library/words/count.ts';
import { parseWord } from '../../../src/library/words/parse.ts';
import { readVocabulary } from '../../../src/library/words/vocabulary.ts';

const vocabulary = readVocabulary(readFileSync(bundledFile('words.json'), 'utf8'));
const all = listWords(vocabulary, '');

describe('the list of words', () => {
  test('has every word once, in order, with the classes that a search by it has', () => {
    const listed = all.flatMap(({ word, also }) => [word, ...also]);
    expect([...listed].sort()).toEqual([...vocabulary.words.keys()].sort());
    expect(all.map(({ word }) => word)).toEqual(all.map(({ word }) => word).sort());
    for (const { word, classes } of all) {
      const parsed = parseWord(word, vocabulary);
      expect(parsed.kind === 'known' && parsed.classes, word).toEqual(classes);
    }
  });

  test('by a prefix has what begins so, and is found by a synonym, too', () => {
    expect(listWords(vocabulary, 'kitt').map(({ word }) => word)).toEqual(['cat']);
    const borders = listWords(vocabulary, 'Border C');
    expect(borders.map(({ word }) => word)).toEqual(['border collie']);
    expect(listWords(vocabulary, 'xyzzy')).toEqual([]);
  });

  test('names things by what they are, before what only stands for them in a search', () => {
    const named = (prefix: string): string[] => listWords(vocabulary, prefix).map(({ word }) => word);
    expect(named('hedgehog')).toEqual(['porcupine']);
    expect(named('sausage')).toEqual(['hotdog']);
    expect(named('dolphin')).toEqual(['killer whale']);
    expect(named('ice bear')).toEqual(['polar bear']);
  });

  test('takes a plural that no word begins with for its word', () => {
    const [cats, cat] = ['cats', 'cat'].map((text) => listWords(vocabulary, text).map(({ word }) => word));
    expect(cats).toEqual(cat);
    expect(cats).toContain('cat');
    expect(listWords(vocabulary, 'xyzzies')).toEqual([]);
  });

  test('counts a photo for all that it shows, or for those in question', () => {
    const photo = (index: number): Float32Array => Float32Array.from({ length: 1000 }, (_, i) => (i === index ? 1 : 0));
    const [collie, castle] = [photo(232), photo(483)];
    const entries = all.filter(({ word }) => ['dog', 'border collie', 'castle', 'beach'].includes(word));
    expect(entries.map(({ word }) => word)).toEqual(['beach', 'border collie', 'castle', 'dog']);
    const counts = new Uint32Array(entries.length);
    for (const one of [collie, castle]) countShown(one, entries, counts);
    expect([...counts]).toEqual([0, 1, 1, 1]);
    countShown(collie, entries, counts, [1, 2]);
    expect([...counts]).toEqual([0, 2, 1, 1]);
  });
});
