import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import type { SheetContents } from '../../src/output/sheet/contents.ts';
import { checkSheetFile, writeSheet } from '../../src/output/sheet/sheet.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { testWorld } from '../support/world.ts';
import { fixturePhotos, manyResults } from './rows.ts';

const [query = ''] = fixturePhotos;
const contents: SheetContents = { queries: [query], results: manyResults(3) };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-sheet-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const write = (file: string): Promise<{ bytes: number }> =>
  writeSheet(testWorld({ cwd: folder }), renderPhoto, file, contents);

async function refusal(attempt: Promise<unknown>): Promise<UserError> {
  const error: unknown = await attempt.then(
    () => new Error('was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof UserError) return error;
  throw error;
}

describe('writing a contact sheet', () => {
  it.each([
    ['sheet.html', '<!doctype html>'],
    ['sheet.jpg', '\xff\xd8\xff'],
    ['sheet.JPEG', '\xff\xd8\xff'],
    ['sheet.png', '\x89PNG'],
    ['sheet.webp', 'RIFF'],
  ])('writes %s in the format of its ending, and nothing beside it', async (name, start) => {
    const { bytes } = await write(name);
    const data = await readFile(join(folder, name));
    expect(data.toString('latin1').startsWith(start)).toBe(true);
    expect(bytes).toBe(data.length);
    expect(await readdir(folder)).toEqual([name]);
  });

  it('writes over a sheet of before', async () => {
    for (const name of ['sheet.html', 'sheet.png', 'sheet.jpg', 'sheet.webp']) {
      await write(name);
      await write(name);
    }
    expect(await readdir(folder)).toHaveLength(4);
  });

  it('follows a link and leaves it a link', async () => {
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere', 'real.html'), join(folder, 'link.html'));
    await write('elsewhere/real.html');
    const before = (await stat(join(folder, 'elsewhere', 'real.html'))).ino;
    await write('link.html');
    expect(await readdir(join(folder, 'elsewhere'))).toEqual(['real.html']);
    expect((await stat(join(folder, 'elsewhere', 'real.html'))).ino).not.toBe(before);
  });

  it('names the endings when the name has another', async () => {
    const error = await refusal(write('sheet.pdf'));
    expect([error.code, error.kind]).toEqual(['usage', 'usage']);
    expect(error.hint).toContain('.html for a page, or in .jpg, .jpeg, .png or .webp');
  });

  it('says in one line that the folder does not exist', async () => {
    const error = await refusal(write('nowhere/sheet.html'));
    expect(error.message).toBe(
      `The contact sheet ${join(folder, 'nowhere/sheet.html')} cannot be written: the folder ${join(folder, 'nowhere')} does not exist.`,
    );
  });

  it('says in one line that a folder has that name', async () => {
    await mkdir(join(folder, 'sheet.html'));
    expect((await refusal(write('sheet.html'))).message).toContain('a folder has that name');
    expect(await readdir(folder)).toEqual(['sheet.html']);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'says in one line that one may not write there',
    async () => {
      await chmod(folder, 0o500);
      expect((await refusal(write('sheet.html'))).message).toContain('you may not write in');
      await chmod(folder, 0o700);
    },
  );

  it('never writes over a photo', async () => {
    const photo = join(folder, 'holiday.jpg');
    await copyFile(fixturePhotos.find((file) => file.endsWith('.jpg')) ?? '', photo);
    const before = await readFile(photo);
    expect((await refusal(write('holiday.jpg'))).code).toBe('sheet_over_photo');
    await symlink(photo, join(folder, 'link.png'));
    expect((await refusal(write('link.png'))).code).toBe('sheet_over_photo');
    expect(await readFile(photo)).toEqual(before);
  });

  it('can be asked beforehand whether it would work', async () => {
    const world = testWorld({ cwd: folder });
    expect(await checkSheetFile(world, 'sheet.webp')).toBe('webp');
    expect((await refusal(checkSheetFile(world, 'nowhere/sheet.webp'))).code).toBe('sheet_write');
    expect(await readdir(folder)).toEqual([]);
  });
});
