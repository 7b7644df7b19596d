import { Command } from 'commander';
import { expect, it } from 'vitest';
import { addSheetOptions, type SheetFlags, sheetWishes } from '../../src/commands/flags/sheet.ts';
import { linkTo } from '../../src/output/sheet/contents.ts';
import { layOutSheet } from '../../src/output/sheet/layout.ts';

it('links photos below the base by it, and others where they lie', () => {
  const base = { url: 'https://nas.local/photos/', folder: '/photos' };
  expect(linkTo('/photos/a b/c#1.jpg', base)).toBe('https://nas.local/photos/a%20b/c%231.jpg');
  expect(linkTo('/other/c.jpg', base)).toBe('file:///other/c.jpg');
  expect(linkTo('/photos/a/c.jpg', { url: '', folder: '/photos' })).toBe('a/c.jpg');
  expect(linkTo('/photos/a.jpg', undefined)).toBe('file:///photos/a.jpg');
});

it('lays out as many columns as are asked for', () => {
  for (const columns of [2, 3, 7]) expect(layOutSheet(20, 1, 1.5, columns)).toMatchObject({ columns });
});

function wishes(...argv: string[]) {
  const command = addSheetOptions(new Command().exitOverride().configureOutput({ writeErr: () => undefined }));
  return sheetWishes('/home', command.parse(argv, { from: 'user' }).opts<SheetFlags>());
}

it('reads the wishes about a sheet, which must be asked for', () => {
  expect(wishes('--sheet', 'cats/a.html', '--columns', '3')).toEqual({
    columns: 3,
    links: { url: '', folder: '/home/cats' },
  });
  expect(wishes('--sheet', 'a.html', '--link-base', 'https://a.b/c').links).toEqual({
    url: 'https://a.b/c',
    folder: '/home',
  });
  expect(() => wishes('--columns', '3')).toThrow('sheet');
  expect(() => wishes('--sheet', 'a.html', '--link-base', 'photos')).toThrow('address');
});
