import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { layoutOf } from '../../src/commands/flags/format.ts';
import { addSheetOptions, type SheetFlags, sheetWishes } from '../../src/commands/flags/sheet.ts';
import { linkTo } from '../../src/output/sheet/contents.ts';
import { layOutSheet } from '../../src/output/sheet/layout.ts';

it('links photos below the base by it, and others where they lie', () => {
  const base = { url: 'https://nas.local/photos/', folder: '/photos' };
  expect(linkTo('/photos/a b/c#1.jpg', base)).toBe('https://nas.local/photos/a%20b/c%231.jpg');
  expect(linkTo('/other/c.jpg', base)).toBe('file:///other/c.jpg');
  expect(linkTo('/photos/a/c.jpg', { url: '', folder: '/photos' })).toBe('a/c.jpg');
  expect(linkTo('/photos/at 10:30.jpg', base)).toBe('https://nas.local/photos/at%2010%3A30.jpg');
  expect(linkTo('/photos/..a.jpg', { url: '', folder: '/photos' })).toBe('..a.jpg');
  expect(linkTo('/photos-2/a.jpg', base)).toBe('file:///photos-2/a.jpg');
  expect(linkTo('/photos/a.jpg', undefined)).toBe('file:///photos/a.jpg');
});

it('links relative to where the page really lies', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'curate-links-')));
  await mkdir(join(folder, 'photos'));
  await symlink(join(folder, 'photos'), join(folder, 'link'));
  const sheet = join(folder, 'link', 'a.html');
  expect(sheetWishes('/', { sheet }).links).toEqual({ url: '', folder: join(folder, 'photos') });
  expect(layoutOf('/', { relativeTo: join(folder, 'link') })).toEqual({ relativeTo: join(folder, 'photos') });
  await rm(folder, { recursive: true });
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
