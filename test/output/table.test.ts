import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it, vi } from 'vitest';
import { renderHits, table } from '../../src/output/terminal/table.ts';
import { CONTROL, hostileName, hostilePath, resultRow } from './rows.ts';

const plain = { columns: null, color: false };

/** Without the newline after every line, which must be there. */
function lines(text: string): string[] {
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

describe('a table', () => {
  it('aligns columns by the cells that characters take on a terminal', () => {
    const rows = [
      ['a', '1'],
      ['日本', '1,234'],
      ['😀😀😀', '7'],
    ];
    expect(lines(table(rows, ['left', 'right']))).toEqual(['a           1', '日本    1,234', '😀😀😀      7']);
  });

  it('leaves out no column, however many alignments are given', () => {
    expect(lines(table([['a', 'b', 'c']], ['right']))).toEqual(['a  b  c']);
  });

  it('takes as many rows as there may be photos', () => {
    // More than fit on the stack as arguments of one call.
    expect(table(Array(150_000).fill(['a']), ['left'])).toHaveLength(300_000);
  });

  it('holds one line for each row, whatever the cells hold', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostileName, hostileName), { minLength: 1, maxLength: 5 }), (rows) => {
        const shown = lines(table(rows, ['left', 'right']));
        expect(shown).toHaveLength(rows.length);
        for (const line of shown) expect(line).not.toMatch(CONTROL);
      }),
    );
  });
});

describe('the table of search results', () => {
  it('says of a search by words how sure it is that each photo shows them, and has no such column otherwise', () => {
    const rows = [resultRow({ shown: 'clear' }), resultRow({ shown: 'unlikely' })];
    expect(lines(renderHits(rows, plain)).map((line) => /Shown|clear|unlikely/.exec(line)?.[0])).toEqual([
      'Shown',
      'clear',
      'unlikely',
    ]);
    expect(renderHits([resultRow({})], plain)).not.toContain('Shown');
  });

  it('links names to their files where the terminal knows links, and takes no more room for it', () => {
    const row = resultRow({ path: '/photos/a b\u001b.jpg' });
    const shown = renderHits([row], { columns: 60, color: false, links: true });
    expect(shown).toContain('\u001b]8;;file:///photos/a%20b%1B.jpg\u001b\\');
    expect(stripVTControlCharacters(shown)).toBe(renderHits([row], { columns: 60, color: false }));
    expect(renderHits([{ ...row, available: false }], { columns: 60, color: false, links: true })).not.toContain(
      'file:',
    );
  });

  it('shows a file\u2019s time, marked as that, for a photo without a date where photos were chosen by time', () => {
    const modifiedAt = new Date(2023, 5, 1, 9, 5).toISOString();
    const row = resultRow({ takenAt: null, takenFrom: null, modifiedAt });
    expect(renderHits([row], plain, { fileTimes: true })).toContain('2023-06-01 09:05 (file)');
    expect(renderHits([row], plain)).not.toContain('2023');
    expect(renderHits([resultRow({ modifiedAt })], plain, { fileTimes: true })).not.toContain('(file)');
  });

  it('shows rank, score, path, date and size', () => {
    expect(lines(renderHits([resultRow()], plain))).toEqual([
      '#  Score  Photo                    Taken               Size',
      '1  0.982  /photos/2024/kitten.jpg  2024-06-15 14:32  3.6 MB',
    ]);
  });

  it('leaves the date empty for a photo that does not say, and out when none does', () => {
    const rows = [resultRow(), resultRow({ rank: 2, takenAt: null })];
    expect(lines(renderHits(rows, plain))[2]).toBe('2  0.982  /photos/2024/kitten.jpg                    3.6 MB');
    expect(lines(renderHits(rows.slice(1), plain))[0]).toBe('#  Score  Photo                      Size');
  });

  it('keeps every path whole where nobody looks at a terminal', () => {
    const path = `/${'folder/'.repeat(60)}kitten.jpg`;
    expect(renderHits([resultRow({ path })], plain)).toContain(path);
  });

  it('marks a photo whose drive is away', () => {
    expect(renderHits([resultRow({ available: false })], plain)).toContain('kitten.jpg (drive away or deleted)');
  });

  it('gives up size and date before the path becomes illegible', () => {
    const hit = resultRow({ path: '/home/ann/Pictures/2024/summer/evening/IMG_2041.jpg' });
    expect(renderHits([hit], { columns: 70, color: false })).toMatch(/IMG_2041\.jpg {2}2024-06-15 14:32 {2}3\.6 MB/);
    expect(renderHits([hit], { columns: 46, color: false })).not.toContain('Taken');
  });

  it('says below each photo why it was found, within the terminal, and takes no room from its path for that', () => {
    const path = '/home/ann/Pictures/2024/summer/evening/IMG_2041.jpg';
    const row = resultRow({ path, closerThan: '99,999 of 100,000 pairs', likeness: 'very alike' });
    const narrow = { columns: 60, color: false };
    const [head, hit, ...why] = lines(renderHits([row], narrow, { explained: true }));
    expect([head, hit].map((line) => `${line}\n`).join('')).toBe(renderHits([row], narrow));
    expect(why).toEqual(['          closer than 99,999 of 100,000 pairs; ranked by its', '          surroundings']);
    expect(renderHits([resultRow()], narrow, { explained: true })).toBe(renderHits([resultRow()], narrow));
  });

  it('says of words what each makes of the photo, and what else is seen in it', () => {
    const term = (value: string, share: number, weight = 1) => ({ kind: 'word' as const, value, weight, share });
    const like = (value: string, share: number) => ({ ...term(value, share), kind: 'photo' as const });
    const seen = [{ word: 'collie', score: 0.702, kind: null }];
    const why = (...terms: readonly (ReturnType<typeof term> | ReturnType<typeof like>)[]) =>
      lines(renderHits([resultRow({ explanation: { terms, seen } })], plain, { explained: true }))[2]?.trim();
    expect(why(term('dog', 0.9124))).toBe('seen: collie 0.702');
    expect(why(term('dog', 0.9124), like('/a/b.jpg', 0.5), term('cat', 0.01, -1))).toBe(
      'dog 0.912, b.jpg 0.500, not cat 0.010; seen: collie 0.702',
    );
    expect(why(like('-', 0.5), term('dog', 0.9))).toMatch(/^standard input 0.500, dog 0.900; /);
    const many = [0.4, 0.9, 0.1, 0.5].map((share, i) => like(`/a/${i}.jpg`, share));
    expect(why(term('dog', 0.9124), ...many)).toBe('dog 0.912, 4 photos 0.100 to 0.900; seen: collie 0.702');
    const crane = [{ word: 'crane', score: 0.9, kind: 'wading bird' }];
    const bird = resultRow({ explanation: { terms: [term('crane', 0.9)], seen: crane } });
    expect(renderHits([bird], plain, { explained: true })).toContain('seen: crane (wading bird) 0.900');
    const unclear = resultRow({ explanation: { terms: [term('dog', 0.02)], seen: [] } });
    expect(renderHits([unclear], plain, { explained: true })).toContain('seen: nothing clear enough for a word');
  });

  // What takes characters together that are not ASCII is made at its first use, which takes a tenth of a search.
  it('does without a segmenter where the names of photos are ASCII, however much they are shortened', () => {
    const segmenting = vi.spyOn(Intl.Segmenter.prototype, 'segment');
    const shown = (path: string): string => renderHits([resultRow({ path })], { columns: 60, color: true });
    expect(shown('/photos/a folder with a long name/and another one/kitten.jpg')).toContain('…');
    expect(segmenting).not.toHaveBeenCalled();
    expect(shown('/photos/ein Ordner für Kätzchen/und noch einer/Kätzchen.jpg')).toContain('…');
    expect(segmenting).toHaveBeenCalled();
    segmenting.mockRestore();
  });

  it('keeps the dates by which photos were chosen where the terminal is narrow', () => {
    const hit = resultRow({ path: '/home/ann/Pictures/2024/summer/evening/IMG_2041.jpg', likeness: 'alike' });
    const shown = renderHits([hit], { columns: 46, color: false }, { fileTimes: true });
    expect(shown).toContain('2024-06-15 14:32');
    expect(shown).not.toContain('alike');
    for (const line of lines(shown)) expect(stringWidth(line)).toBeLessThanOrEqual(46);
  });

  it('uses colour only when it may', () => {
    expect(renderHits([resultRow()], { columns: 80, color: true })).toContain('\u001b[');
    expect(renderHits([resultRow()], { columns: 80, color: false })).not.toContain('\u001b');
  });

  it('says the same with colours and without', () => {
    const hits = [resultRow(), resultRow({ rank: 2, available: false })];
    const colored = renderHits(hits, { columns: 60, color: true });
    expect(stripVTControlCharacters(colored)).toBe(renderHits(hits, { columns: 60, color: false }));
  });

  it('never writes minus zero', () => {
    expect(renderHits([resultRow({ score: -0.0001 })], plain)).toContain(' 0.000 ');
  });

  it('stays within the terminal and holds no control character, whatever the paths', () => {
    const hits = fc.array(
      fc.record({ path: hostilePath, available: fc.boolean(), score: fc.float({ min: -1, max: 1, noNaN: true }) }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(hits, fc.integer({ min: 40, max: 160 }), fc.boolean(), (found, columns, color) => {
        const rows = found.map((hit, i) =>
          resultRow({
            ...hit,
            rank: i + 1,
            explanation: {
              terms: ['a', hit.path].map((value) => ({ kind: 'photo', value, weight: 1, share: 1 })),
              seen: [],
            },
          }),
        );
        const shown = lines(stripVTControlCharacters(renderHits(rows, { columns, color })));
        expect(shown).toHaveLength(rows.length + 1);
        const [first = resultRow()] = rows;
        shown.push(...lines(stripVTControlCharacters(renderHits([first], { columns, color }, { explained: true }))));
        for (const line of shown) {
          expect(line).not.toMatch(CONTROL);
          expect(stringWidth(line)).toBeLessThanOrEqual(columns);
        }
      }),
      { numRuns: 300 },
    );
  });
});
