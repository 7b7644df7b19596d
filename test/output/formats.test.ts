import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvLine, tsvLine } from '../../src/output/delimited.ts';
import { explanationText } from '../../src/output/explanation.ts';
import { laidOut, picked, renderAs } from '../../src/output/terminal/formats.ts';
import { CONTROL, hostileName, resultRow } from './rows.ts';

const piped = { terminal: { columns: null, color: false }, fileTimes: false };

/** Reads CSV as RFC 4180 says. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (let at = 0; at < text.length; ) {
    const [whole = '', quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/.exec(text.slice(at)) ?? [];
    rows.at(-1)?.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    at += whole.length;
    if (end !== ',' && at < text.length) rows.push([]);
  }
  return rows;
}

it('writes CSV and TSV that read back as they were', () => {
  const cells = fc.array(fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', '\t', '\\', ' ', 'a', '日') }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(fc.array(cells, { minLength: 1, maxLength: 4 }), (rows) => {
      expect(readCsv(rows.map(csvLine).join(''))).toEqual(rows);
      const tsv = rows.map(tsvLine).join('').slice(0, -1).split('\n');
      const back = tsv.map((line) =>
        line
          .split('\t')
          .map((cell) => cell.replace(/\\(.)/g, (_, c: string) => ({ t: '\t', n: '\n', r: '\r' })[c] ?? c)),
      );
      expect(back).toEqual(rows);
    }),
  );
});

it('prints the fields that are asked for, in their order', () => {
  const rows = [resultRow({ takenAt: null, camera: null })];
  const layout = { fields: ['name', 'score', 'camera'] as const };
  expect(renderAs('csv', rows, layout, piped)).toBe('name,score,camera\nkitten.jpg,0.9817,\n');
  expect(renderAs('tsv', rows, layout, piped)).toBe('name\tscore\tcamera\nkitten.jpg\t0.9817\t\n');
  expect(renderAs('table', rows, layout, piped)).toBe('name        score  camera\nkitten.jpg  0.982\n');
  const first = { ...piped, oneOfMany: { query: 'a,b.jpg', isFirst: true } };
  const next = { ...piped, oneOfMany: { query: 'dog', isFirst: false } };
  expect(renderAs('csv', rows, layout, first)).toBe('query,name,score,camera\n"a,b.jpg",kitten.jpg,0.9817,\n');
  expect(renderAs('tsv', rows, layout, next)).toBe('dog\tkitten.jpg\t0.9817\t\n');
  expect(picked(rows, layout)).toEqual([{ name: 'kitten.jpg', score: 0.9817, camera: null }]);
  expect(picked(rows, {})).toEqual(rows);
});

it('shortens paths and names in the middle where the fields asked for are too wide for the terminal', () => {
  const rows = [1, 2].map((n) =>
    resultRow({ path: `/photos/a long name of a folder/and another one below it/${'kitten '.repeat(4)}000${n}.jpg` }),
  );
  const fields = ['rank', 'path', 'name', 'camera', 'takenAt'] as const;
  const on = (columns: number | null) => {
    const text = renderAs('table', rows, { fields }, { terminal: { columns, color: false }, fileTimes: false });
    return text.trimEnd().split('\n');
  };
  for (const columns of [80, 100, 200]) {
    for (const line of on(columns)) expect(line.length).toBeLessThanOrEqual(columns);
    expect(on(columns)[2]).toMatch(/0002\.jpg .*0002\.jpg .*Canon EOS 5D .*14:32/);
  }
  expect(on(null)[1]).toContain(rows[0]?.path);
  expect(on(400)).toEqual(on(null));
});

it('links a name to its file also where its path is relative', () => {
  const layout = { relativeTo: '/photos/2023' };
  const terminal = { columns: 80, color: false, links: true };
  const shown = renderAs('table', laidOut([resultRow()], layout), layout, { terminal, fileTimes: false });
  expect(shown).toContain('../2024/\u001b]8;;file:///photos/2024/kitten.jpg\u001b\\kitten.jpg');
});

it('links names and paths among the fields that are asked for, in columns as wide as without', () => {
  const rows = [resultRow(), resultRow({ path: '/photos/2024/a.jpg', available: false })];
  const layout = { fields: ['name', 'path', 'camera'], relativeTo: '/photos' } as const;
  const on = (links: boolean): string => {
    const terminal = { columns: 80, color: false, links };
    return renderAs('table', laidOut(rows, layout), layout, { terminal, fileTimes: false });
  };
  const link = (text: string): string => `\u001b]8;;file:///photos/2024/kitten.jpg\u001b\\${text}\u001b]8;;\u001b\\`;
  expect(on(true)).toContain(`${link('kitten.jpg')}  ${link('2024/kitten.jpg')}  Canon`);
  expect(stripVTControlCharacters(on(true))).toBe(on(false));
  expect(on(true)).not.toContain('a.jpg\u001b');
});

it('says of what is in front as a near-duplicate what is true of one query and of the mean of several', () => {
  const row = resultRow({ closerThan: '999 of 1,000 pairs', rankedBy: 'near-duplicate' });
  expect(explanationText(row)).toBe('closer than 999 of 1,000 pairs; almost exactly what was searched for');
});

it('leaves the path of a photo alone that is not on this machine', () => {
  const away = resultRow({ path: 'family:/2024/a.jpg', available: false, mounted: false });
  expect(laidOut([away], { relativeTo: '/photos' })).toEqual([away]);
});

it('prints paths whole, relative where that is wanted, and safe on a terminal', () => {
  const rows = laidOut([resultRow(), resultRow({ path: '/other/b.jpg' })], { relativeTo: '/photos/2023' });
  expect(renderAs('paths', rows, {}, piped)).toBe('../2024/kitten.jpg\n../../other/b.jpg\n');
  fc.assert(
    fc.property(hostileName, (name) => {
      const row = resultRow({ path: `/photos/${name}` });
      expect(renderAs('paths', [row], {}, piped)).toBe(`/photos/${name}\n`);
      const seen = renderAs('paths', [row], {}, { ...piped, terminal: { columns: 80, color: true } });
      expect(seen.slice(0, -1)).not.toMatch(CONTROL);
    }),
  );
});
