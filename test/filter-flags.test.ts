import { Command } from 'commander';
import { expect, it } from 'vitest';
import { addFilterOptions, type FilterFlags, restrictionOf } from '../src/commands/flags/filter.ts';

function parse(...argv: string[]) {
  const command = addFilterOptions(new Command().exitOverride().configureOutput({ writeErr: () => undefined }));
  return restrictionOf('/home/me', command.parse(argv, { from: 'user' }).opts<FilterFlags>());
}

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
