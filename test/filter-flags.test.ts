import { Command } from 'commander';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addFilterOptions, type FilterFlags, filtersGiven, restrictionOf } from '../src/commands/flags/filter.ts';
import { parseClock } from '../src/photos/metadata/taken.ts';
import { FIRST_AXIS, photo } from './store/samples.ts';
import { MemoryTable } from './support/memory-store.ts';

function flags(...argv: string[]): FilterFlags {
  const command = addFilterOptions(new Command().exitOverride().configureOutput({ writeErr: () => undefined }));
  return command.parse(argv, { from: 'user' }).opts<FilterFlags>();
}
const parse = (...argv: string[]) => restrictionOf('/home/me', flags(...argv));

it('names the filters that were given, and no others', () => {
  expect(filtersGiven(flags())).toBeNull();
  expect(filtersGiven(flags('--in', 'a', '--in', 'b'))).toBe('--in');
  expect(filtersGiven(flags('--format', 'raw', '--before', '2024'))).toBe('--before and --format');
  expect(filtersGiven(flags('--landscape', '--min-size', '9', '--camera', 'canon'))).toBe(
    '--camera, --landscape and --min-size',
  );
});

it('says in values what "only the landscapes of 2023 from my Canon" restricts', () => {
  expect(parse('--after', '2023', '--before', '2024', '--landscape', '--camera', 'canon')).toEqual({
    takenAfterMs: Date.UTC(2023, 0, 1),
    takenBeforeMs: Date.UTC(2024, 0, 1),
    undated: { afterMs: new Date(2023, 0, 1).getTime(), beforeMs: new Date(2024, 0, 1).getTime() },
    shapes: ['landscape'],
    camera: 'canon',
  });
  expect(parse()).toEqual({});
});

it('takes folders and patterns several times, formats by any of their names, and a maker\u2019s RAW alone', () => {
  expect(parse('--in', 'a', '--in', '/b', '--exclude', '*.png', '--exclude', 'old/')).toEqual({
    folders: ['/home/me/a', '/b'],
    exclude: ['*.png', 'old/'],
  });
  expect(parse('--format', 'JPG', '--format', '.cr3').endings).toEqual(['jpg', 'jpeg', 'jpe', 'jfif', 'jif', 'cr3']);
  expect(parse('--format', 'raw').endings).toContain('nef');
});

it.each([
  [['--after', '2023-02-30'], /year, month or day/],
  [['--format', 'psd'], /one of jpeg, heic, raw/],
  [['--min-size', '0'], /whole number/],
  [['--after', '2024', '--before', '2023'], /both after/],
  [['--after', '2024', '--before', '2024-01'], /both after/],
  [['--after', '0050'], /year, month or day/],
  [['--name', ''], /empty/],
  [['--name', 'trips/*.jpg'], /--in/],
  [['--camera', ' '], /empty/],
  [['--in', ''], /empty/],
  [['--exclude', ''], /empty/],
  [['--exclude', './trips'], /relative to the library/],
  [['--exclude', import.meta.dirname], /relative to the library/],
])('refuses %j', (argv, message) => {
  expect(() => parse(...argv)).toThrow(message);
});

const two = (n: number): string => String(n).padStart(2, '0');
/** As far as a day goes: often the first or the last of a month or year. */
const dayText = fc
  .tuple(fc.constantFrom(2023, 2024), fc.constantFrom(1, 2, 12), fc.constantFrom(1, 2, 28, 29, 31))
  .filter(([year, month, day]) => new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day)
  .map(([year, month, day]) => `${year}-${two(month)}-${two(day)}`);
/** As a clock on the wall shows it. */
const wallText = fc
  .tuple(dayText, fc.constantFrom('00:00:00', '00:00:01', '07:41:00', '23:59:59'))
  .map(([day, time]) => `${day}T${time}`);
const flagText = fc.tuple(dayText, fc.constantFrom(4, 7, 10)).map(([day, length]) => day.slice(0, length));
const shot = fc.record({
  wall: wallText,
  /** Of EXIF; null for a photo that only its file dates. */
  offset: fc.option(fc.constantFrom('', '+05:30', '-11:00', '+14:00', 'Z')),
  ending: fc.constantFrom('jpg', 'JPEG', 'heic', 'CR2', 'nef', 'png'),
  sides: fc.constantFrom<[number, number]>([4000, 3000], [3000, 4000], [1599, 1600], [1600, 1600]),
});
const wish = fc.record(
  {
    after: flagText,
    before: flagText,
    shapes: fc.subarray(['landscape', 'portrait', 'square']),
    minSize: fc.constantFrom(1, 1599, 1600, 1601),
    format: fc.subarray(['jpeg', 'heic', 'raw', 'nef']),
  },
  { requiredKeys: [] },
);
const ENDINGS: Readonly<Record<string, RegExp>> = {
  jpeg: /^jpe?g$/i,
  heic: /^heic$/,
  raw: /^(cr2|nef)$/i,
  nef: /^nef$/,
};

it('lets through what the flags say, by the clock that the camera showed, whatever its offset', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(shot, { minLength: 20, maxLength: 40 }), wish, async (shots, asked) => {
      const { after, before, shapes = [], minSize, format = [] } = asked;
      const first = (text: string): string => `${text}-01-01`.slice(0, 10);
      fc.pre(after === undefined || before === undefined || first(after) < first(before));
      const table = new MemoryTable();
      await table.upsert(
        shots.map(({ wall, offset, ending, sides: [width, height] }, i) => {
          const takenMs =
            offset === null
              ? null
              : (parseClock(wall.replaceAll('-', ':').replace('T', ' '), '', offset)?.takenMs ?? 0);
          // A date without a zone is read by this machine's clock, as its files are.
          return photo(`${i}.${ending}`, {
            takenMs,
            mtimeMs: offset === null ? new Date(wall).getTime() : 0,
            width,
            height,
          });
        }),
      );
      const restriction = parse(
        ...(after === undefined ? [] : ['--after', after]),
        ...(before === undefined ? [] : ['--before', before]),
        ...shapes.map((shape) => `--${shape}`),
        ...(minSize === undefined ? [] : ['--min-size', `${minSize}`]),
        ...format.flatMap((one) => ['--format', one]),
      );
      const expected = shots.flatMap(({ wall, ending, sides: [width, height] }, i) => {
        const shape = width === height ? 'square' : width > height ? 'landscape' : 'portrait';
        const passes =
          (after === undefined || wall >= after) &&
          (before === undefined || wall < before) &&
          (shapes.length === 0 || shapes.includes(shape)) &&
          Math.min(width, height) >= (minSize ?? 0) &&
          (format.length === 0 || format.some((one) => ENDINGS[one]?.test(ending)));
        return passes ? [`${i}.${ending}`] : [];
      });
      const { folders: _, ...filter } = restriction;
      const found = await table.search(FIRST_AXIS, { k: 100, filter });
      expect(found.map(({ path }) => path).sort()).toEqual(expected.sort());
    }),
  );
});
