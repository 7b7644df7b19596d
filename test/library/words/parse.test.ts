import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bundledFile } from '../../../src/embedding/catalogue.ts';
import { parseWord, parseWords } from '../../../src/library/words/parse.ts';
import { readVocabulary } from '../../../src/library/words/vocabulary.ts';

const vocabulary = readVocabulary(readFileSync(bundledFile('words.json'), 'utf8'));
const words = [...vocabulary.words.keys()];
const anyWord = fc.constantFrom(...words);

function classesOf(text: string): readonly number[] | null {
  const parsed = parseWord(text, vocabulary);
  return parsed.kind === 'known' ? parsed.classes : null;
}

/** As people write plurals: the rules of a school book, apart from the code's own. */
function plural(word: string): string {
  if (/(s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

describe('the table of words', () => {
  test('has a thousand classes at most, and each word some of them', () => {
    for (const { classes } of vocabulary.meanings) {
      expect(classes.length).toBeGreaterThan(0);
      expect(classes).toEqual([...new Set(classes)].sort((a, b) => a - b));
      expect(classes.at(-1)).toBeLessThan(1000);
    }
  });

  test('knows every class by some word', () => {
    const named = new Set(words.flatMap((word) => classesOf(word) ?? []));
    expect(Array.from({ length: 1000 }, (_, i) => i).filter((i) => !named.has(i))).toEqual([]);
  });

  test('holds what people decided by reading, as it stands beside the script that makes it', () => {
    const rows = (name: string): string[][] =>
      readFileSync(new URL(`../../../models/derive/words/${name}`, import.meta.url), 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split('\t'));
    const everyday = rows('everyday.tsv').flatMap(([some = '', means = '', lacks]) =>
      some.split(', ').map((word) => ({ word, meanings: means.split(' | ').length, lacks: lacks ?? null })),
    );
    for (const { word, meanings, lacks } of everyday) {
      expect(vocabulary.words.get(word)?.filter((meaning) => meaning.everyday).length, word).toBe(meanings);
      expect(vocabulary.lacks.get(word) ?? null, word).toBe(lacks);
    }
    const absent = rows('absent.tsv').flatMap(([some = '', near = '']) =>
      some.split(', ').map((word) => [word, near === '' ? [] : near.split(', ')] as const),
    );
    expect(vocabulary.absent).toEqual(new Map(absent));
    const kept = new Set(everyday.map(({ word }) => word));
    for (const [word = ''] of rows('dropped.txt')) {
      if (!word.endsWith('*') && !kept.has(word)) expect(vocabulary.words.has(word), word).toBe(false);
    }
  });

  test('has no word both known and absent, and only known words near the absent', () => {
    for (const [word, near] of vocabulary.absent) {
      expect(parseWord(word, vocabulary).kind, word).toBe('unknown');
      for (const one of near) expect(classesOf(one), `${word}: ${one}`).not.toBeNull();
    }
  });
});

describe('a word as people type it', () => {
  test('is found in any case, with spaces, hyphens or underscores', () => {
    fc.assert(
      fc.property(anyWord, fc.constantFrom(' ', '-', '_', '  ', ' - '), (word, gap) => {
        const expected = classesOf(word);
        expect(classesOf(word.toUpperCase())).toEqual(expected);
        expect(classesOf(`  ${word.replaceAll(' ', gap)} `)).toEqual(expected);
      }),
    );
  });

  test('is found by its plural, unless that is a word of its own', () => {
    const owned = words.filter((word) => vocabulary.words.has(plural(word)) || vocabulary.absent.has(plural(word)));
    const missed = words.filter(
      (word) => !owned.includes(word) && !/s$/.test(word) && classesOf(plural(word)) === null,
    );
    expect(missed).toEqual([]);
  });

  test('gives the same word when what was found is asked for', () => {
    for (const word of words) {
      const parsed = parseWord(word, vocabulary);
      expect(parsed.kind, word).toBe('known');
      if (parsed.kind === 'known') expect(classesOf(parsed.word), word).toEqual(parsed.classes);
    }
  });

  test.each([
    ['mice', 'mouse'],
    ['geese', 'goose'],
    ['wolves', 'wolf'],
    ['foxes', 'fox'],
    ['oxen', 'ox'],
    ['calves', 'calf'],
    ['knives', 'knife'],
    ['berries', 'berry'],
    ['puppies', 'puppy'],
    ['sheep', 'sheep'],
    ['fishes', 'fish'],
    ['Aeroplanes', 'airplane'],
    ['grey wolves', 'gray wolf'],
    ['sulfur butterflies', 'sulphur butterfly'],
    ['cowboys hats', 'cowboy hat'],
    ["ladies' slippers", "lady's slipper"],
    ['Jack o’Lanterns', "jack-o'-lantern"],
    ['bow-tie', 'bow tie'],
    ['bowtie', 'bow tie'],
    ['TVs', 'television'],
    ['couch', 'sofa'],
    ['Cafés', 'restaurant'],
    ['Labradors', 'labrador retriever'],
    ['footwear', 'shoes'],
    ['apparel', 'clothes'],
    ['bars', 'pub'],
  ])('"%s" is "%s"', (typed, word) => {
    expect(classesOf(typed)).toEqual(classesOf(word));
    expect(classesOf(typed)).not.toBeNull();
  });

  test('has all its meanings, and says which', () => {
    const crane = parseWord('cranes', vocabulary);
    expect(crane).toMatchObject({ kind: 'known', word: 'crane', lacks: null });
    if (crane.kind === 'known') {
      expect(crane.meanings.map(({ kind }) => kind)).toEqual(['wading bird', 'lifting device']);
      expect(crane.classes).toEqual([134, 517]);
    }
  });

  test('has the classes that people mean, where WordNet means others', () => {
    expect(classesOf('huskies')).toEqual([248, 250]);
    // Neither vultures nor owls.
    expect(classesOf('eagle')).toEqual([21, 22]);
    // A swimsuit is hosiery to WordNet, and a cup of tea a punch.
    expect(classesOf('footwear')).not.toContain(638);
    expect(classesOf('alcohol')).not.toContain(968);
    expect(classesOf('shield')).toEqual([787]);
  });

  test('has a meaning that people do not have in mind only where it is said alone', () => {
    expect(classesOf('plane')).toEqual([404, 726, 895, 908]);
    expect(classesOf('airplane')).toEqual([404, 895, 908]);
  });

  test.each([
    ['tv set', 'television'],
    ['digital camera', 'camera'],
    ['fish tank', 'aquarium'],
    ['telephone box', 'phone box'],
    ['jet plane', 'airplane'],
    ['baby stroller', 'pram'],
    ['espresso machine', 'espresso maker'],
    ['glass of wine', 'wine glass'],
    ['table tennis', 'ping-pong ball'],
    ['stop sign', 'street sign'],
    ['bike helmets', 'crash helmet'],
    ['slice of pizza', 'pizza'],
    ['wedding dress', 'evening gown'],
  ])('of several parts is one name: %s is what %s is', (text, same) => {
    expect(parseWords(text, vocabulary)).toMatchObject({ kind: 'known', words: [{ classes: classesOf(same) }] });
  });

  test('says which other things it is taken for', () => {
    const taken = (text: string): unknown => {
      const parsed = parseWord(text, vocabulary);
      return parsed.kind === 'known' && parsed.meanings.map((meaning) => meaning.taken && meaning.kind);
    };
    expect(taken('hedgehogs')).toEqual(['porcupine']);
    expect(taken('beach')).toEqual(['seashore, sandbar']);
    expect(taken('kangaroo')).toEqual(['wallaby']);
    expect(taken('monitor')).toEqual(['Komodo dragon', false]);
    expect(taken('suspension bridge')).toEqual([false]);
    expect(taken('dog')).toEqual([false]);
    expect(taken('border collie')).toEqual([false]);
  });

  test('says what else it means that the model has not learnt', () => {
    expect(parseWord('mouse', vocabulary)).toMatchObject({ kind: 'known', lacks: 'the animal' });
  });
});

describe('a word that no photo is found by', () => {
  test.each([
    'person',
    'people',
    'wedding',
    'sunsets',
    'bats',
    'entity',
    'whole',
    'ear',
    'artifact',
    'sweet potatoes',
    'sewing needle',
    'tights',
    'soda can',
    '',
  ])('"%s" is unknown', (typed) => {
    expect(parseWord(typed, vocabulary).kind).toBe('unknown');
  });

  test.each([
    ['colie', 'collie'],
    ['german shephard', 'german shepherd'],
    ['strawbery', 'strawberry'],
    ['bernese', 'bernese mountain dog'],
    ['wedding', 'gown'],
    ['borderr', 'border collie'],
    ['retreiver', 'golden retriever'],
    ['bands', 'stage'],
    ['poppies', 'flower'],
    ['ruins', 'castle'],
    ['elefant', 'elephant'],
    ['bycicle', 'bicycle'],
  ])('"%s" has "%s" near', (typed, near) => {
    expect(parseWord(typed, vocabulary)).toMatchObject({ nearest: expect.arrayContaining([near]) });
  });

  test('has five of them at most, the most alike first', () => {
    const near = ['strawbery', 'cax', 'bax', 'colie'].map((typed) => {
      const parsed = parseWord(typed, vocabulary);
      return parsed.kind === 'unknown' ? parsed.nearest : [];
    });
    expect(
      near
        .map((words) => words.length)
        .sort()
        .at(-1),
    ).toBe(5);
    expect([near[0]?.[0], near[3]?.[0]]).toEqual(['strawberry', 'collie']);
  });

  test('is not taken for one that merely looks like it', () => {
    expect(parseWord('map', vocabulary)).toMatchObject({ kind: 'unknown', nearest: [] });
    expect(parseWord('person', vocabulary)).toEqual({
      kind: 'unknown',
      word: 'person',
      nearest: [],
      spelt: false,
      beside: [],
    });
  });

  test.each(['little girl', 'blue sky', 'new york', 'golden hour', 'old man', 'big ben'])(
    '"%s" is not near to a name that shares one of its words',
    (typed) => {
      expect(parseWords(typed, vocabulary)).toMatchObject({ kind: 'unknown', nearest: [] });
    },
  );

  test.each([
    ['kids playing', ['crib', 'teddy']],
    ['lavender field', ['flower', 'daisy', 'vase', 'hay', 'rapeseed']],
    ['our swimming pool', ['bathing cap', 'swimming trunks']],
    ['cherry blossoms', ['flower', 'daisy', 'vase']],
  ])('"%s" has near what is near to its words, of which none is misspelt', (typed, nearest) => {
    expect(parseWords(typed, vocabulary)).toMatchObject({ kind: 'unknown', nearest, spelt: false, beside: [] });
  });

  test.each([
    ['sun flower', 'sunflower'],
    ['snow man', 'snowman'],
    ['Wind Mills', 'windmill'],
  ])('is known to be absent however it is joined: %s', (text, together) => {
    const said = parseWords(text, vocabulary);
    expect(said).toMatchObject({ kind: 'unknown', word: text, beside: [], spelt: false });
    expect(said).toMatchObject({ nearest: vocabulary.absent.get(together) });
  });

  test('is named without the words that show nothing', () => {
    expect(parseWords('a photo of our sunset', vocabulary)).toMatchObject({ word: 'sunset' });
    expect(parseWords('our swimming pools', vocabulary)).toMatchObject({ word: 'swimming pools' });
    expect(parseWords('the retreiver', vocabulary)).toMatchObject({ word: 'retreiver', spelt: true });
  });

  test('says whether what is near is merely spelt like it', () => {
    expect(parseWord('retreiver', vocabulary)).toMatchObject({ spelt: true });
    expect(parseWord('wedding', vocabulary)).toMatchObject({ spelt: false });
  });

  test('has known words near it, never more than five', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (typed) => {
        const parsed = parseWord(typed, vocabulary);
        if (parsed.kind === 'known') return;
        expect(parsed.nearest.length).toBeLessThanOrEqual(5);
        for (const near of parsed.nearest) expect(classesOf(near)).not.toBeNull();
      }),
    );
  });
});

describe('several words', () => {
  test('are found beside each other, the longest names first', () => {
    const parsed = parseWords('Border collies on the beach', vocabulary);
    expect(parsed.kind === 'known' && parsed.words.map(({ word }) => word)).toEqual(['border collie', 'beach']);
  });

  test('are found in what is said of a photo', () => {
    for (const typed of ['photos of my dog', 'a picture of dogs', 'the dog in this photo', '"dog"', 'Dogs!'])
      expect(parseWords(typed, vocabulary), typed).toMatchObject({ kind: 'known', words: [{ word: 'dog' }] });
  });

  test.each(['cats, dogs', 'cat & dog', 'cat+dog', 'a cat (and a dog)'])('are found in "%s"', (typed) => {
    expect(parseWords(typed, vocabulary)).toMatchObject({ kind: 'known', words: [{ word: 'cat' }, { word: 'dog' }] });
  });

  test('any two known words are each found again', () => {
    const plain = words.filter((word) => /^[a-z]{4,}$/.test(word));
    fc.assert(
      fc.property(fc.constantFrom(...plain), fc.constantFrom(...plain), (one, other) => {
        const parsed = parseWords(`${one} and ${other}`, vocabulary);
        expect(parsed.kind === 'known' && parsed.words.map(({ classes }) => classes)).toEqual(
          [one, other].map(classesOf),
        );
      }),
    );
  });

  test('are unknown as soon as one of them is, which is named, and the others are near', () => {
    expect(parseWords('dog wedding', vocabulary)).toEqual({
      kind: 'unknown',
      word: 'wedding',
      nearest: ['groom', 'gown'],
      spelt: false,
      beside: ['dog'],
    });
  });
});
