import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { parseList, parseTerm, type Term } from '../../../src/library/query/parse.ts';

const nowhere = () => null;

/** As a person types it. */
function written({ what, weight }: Term): string {
  const texts = {
    photo: () => (what as { path: string }).path,
    folder: () => (what as { path: string }).path,
    glob: () => (what as { pattern: string }).pattern,
    word: () => `word:${(what as { text: string }).text}`,
    stdin: () => '-',
    hit: () => `@${(what as { rank: number }).rank}`,
  };
  return texts[what.kind]() + (weight === 1 ? '' : `:${weight}`);
}

/** Names of any kind, those that look like something else included. */
const name = fc.oneof(
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc.constantFrom(
    'a.jpg',
    'a\nb.jpg',
    'a.jpg:0.7',
    '*.jpg',
    'word:dog',
    'https://x/y.jpg',
    '[1]',
    'dog',
    '-x',
    'a:b',
    ':1',
  ),
);
const path = name.filter((text) => text !== '-' && !/^@\d+$/.test(text) && !text.includes('\0'));
const weight = fc.integer({ min: 1, max: 5000 }).map((n) => n / 1000);
const word = fc.stringMatching(/^[a-z][a-z '-]{0,20}$/).map((text) => text.trim());

describe('an argument of a search', () => {
  it('that is a file or folder is that, whatever else it looks like, with or without a weight', () => {
    fc.assert(
      fc.property(path, fc.constantFrom('photo', 'folder'), weight, (text, kind, one) => {
        const look = (typed: string) => (typed !== text ? null : kind === 'folder' ? 'folder' : 'file');
        const what = { kind, path: text } as const;
        expect(parseTerm(text, look)).toEqual({ what, weight: 1 });
        // "word:dog:0.5" is the word, forced, though a file "word:dog" is there.
        fc.pre(!/^word:|^[a-z][a-z0-9+.-]*:\/\//i.test(text));
        expect(parseTerm(`${text}:${one}`, look)).toEqual({ what, weight: one });
      }),
    );
  });

  it('is read as it is written', () => {
    const what = fc.oneof(
      word.map((text) => ({ kind: 'word', text }) as const),
      fc.constant({ kind: 'stdin' } as const),
      fc.integer({ min: 1, max: 10_000 }).map((rank) => ({ kind: 'hit', rank }) as const),
      fc
        .constantFrom('*.jpg', '{a,b}.jpg', 'a/**/b?.png', '{cat,dog}/*', '[ab].jpg')
        .map((pattern) => ({ kind: 'glob', pattern }) as const),
    );
    fc.assert(
      fc.property(fc.record({ what, weight }), (term) => {
        expect(parseTerm(written(term), nowhere)).toEqual(term);
      }),
    );
  });

  it('is a word when nothing else is meant by it', () => {
    fc.assert(
      fc.property(word, weight, (text, one) => {
        expect(parseTerm(text, nowhere)).toEqual({ what: { kind: 'word', text }, weight: 1 });
        expect(parseTerm(`${text}:${one}`, nowhere)).toEqual({ what: { kind: 'word', text }, weight: one });
      }),
    );
    expect(parseTerm('St. Bernard', nowhere).what).toEqual({ kind: 'word', text: 'St. Bernard' });
    expect(parseTerm('word:a.jpg', nowhere).what).toEqual({ kind: 'word', text: 'a.jpg' });
    expect(parseTerm('beach:.5', nowhere)).toEqual({ what: { kind: 'word', text: 'beach' }, weight: 0.5 });
  });

  it.each([
    ['no.jpg', 'query_unreadable'],
    ['no.txt', 'query_unreadable'],
    ['no/dog', 'query_unreadable'],
    ['no.jpg:0.5', 'query_unreadable'],
    ['https://example.org/cat.jpg', 'web_address'],
    ['file:///cat.jpg', 'web_address'],
    ['dog:0', 'usage'],
    ['dog:-1', 'usage'],
    ['no.jpg:-.5', 'usage'],
    ['@x', 'usage'],
    ['word:', 'usage'],
    ['word: ', 'usage'],
    ['', 'usage'],
    ['@0', 'usage'],
  ])('%j is refused as %s', (text, code) => {
    expect(() => parseTerm(text, nowhere)).toThrow(expect.objectContaining({ code }));
  });
});

it('the address of a file is answered with its path, one of the web with what to do', () => {
  const hintOf = (text: string): unknown => {
    try {
      return parseTerm(text, nowhere);
    } catch (error) {
      return error instanceof UserError ? error.hint : error;
    }
  };
  expect(hintOf('file:///photos/my%20cat.jpg')).toBe('Name the file by its path: /photos/my cat.jpg');
  expect(hintOf('file://nas/cat.jpg')).toBe('Name the file by its path: /path/to/photo.jpg');
  expect(hintOf('https://example.org/cat.jpg')).toBe('Save the photo first, and name the file.');
});

describe('a list of queries', () => {
  it('is read as it is written, by NUL or by line', () => {
    const entry = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/[\0\r\n]/.test(text));
    fc.assert(
      fc.property(fc.array(entry), fc.constantFrom('\n', '\r\n', '\0'), fc.boolean(), (entries, end, ended) => {
        const text = entries.join(end) + (ended && entries.length > 0 ? end : '');
        expect(parseList(text)).toEqual(entries);
      }),
    );
    expect(parseList('a\nb.jpg\0c.jpg\0')).toEqual(['a\nb.jpg', 'c.jpg']);
  });
});
