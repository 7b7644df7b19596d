import { mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rememberSearch } from '../../../src/library/query/last-search.ts';
import { type QueryTerm, resolveTerm } from '../../../src/library/query/resolve.ts';

let cwd: string;
let dataFolder: string;
beforeAll(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), 'curate-resolve-')));
  dataFolder = join(cwd, '.data', 'curate');
  await mkdir(join(cwd, 'dog', 'deep'), { recursive: true });
  await mkdir(join(cwd, 'cat'));
  const files = ['a.jpg', 'b.jpg', 'notes.txt', 'a.jpg:0.5', join('dog', 'c.png'), join('dog', 'deep', 'd.jpg')];
  for (const file of files) await writeFile(join(cwd, file), 'x');
});
afterAll(() => rm(cwd, { recursive: true }));

const here = () => ({ cwd, dataFolder, standardInput: async () => join(cwd, 'b.jpg') });
const resolved = (text: string, away = false): Promise<QueryTerm[]> => resolveTerm(text, away, here());
const filesOf = async (text: string): Promise<string[]> =>
  (await resolved(text)).map((term) => (term.kind === 'photo' ? term.file.slice(cwd.length + 1) : `word ${term.text}`));

describe('an argument of a search stands for', () => {
  it('the file, the photos of the folder, or those that the pattern matches, and else the word', async () => {
    expect(await filesOf('a.jpg')).toEqual(['a.jpg']);
    expect(await filesOf(join(cwd, 'a.jpg'))).toEqual(['a.jpg']);
    expect(await filesOf('dog')).toEqual([join('dog', 'c.png'), join('dog', 'deep', 'd.jpg')]);
    expect(await filesOf('word:dog')).toEqual(['word dog']);
    expect(await filesOf('*')).toEqual(['a.jpg', 'b.jpg']);
    expect(await filesOf('**/{c,d}.*')).toEqual([join('dog', 'c.png'), join('dog', 'deep', 'd.jpg')]);
    expect(await filesOf('beach')).toEqual(['word beach']);
  });

  it('what has the name in another form of Unicode: file, folder, or what a pattern matches', async () => {
    const folder = 'Füssen'.normalize('NFD');
    const file = join(folder, 'Möwe.jpg'.normalize('NFD'));
    await mkdir(join(cwd, folder));
    await writeFile(join(cwd, file), 'x');
    for (const text of ['Füssen/Möwe.jpg', 'Füssen', 'Füssen/Mö*']) {
      for (const form of ['NFC', 'NFD']) expect(await filesOf(text.normalize(form))).toEqual([file]);
    }
  });

  it.skipIf(sep === '\\')(
    'photos that a pattern matches by their very names, also where those hold a backslash',
    async () => {
      const odd = await mkdtemp(join(cwd, 'odd-'));
      const names = ['C:\\Users\\me\\1.jpg', '[a] b.jpg'];
      for (const name of names) await writeFile(join(odd, name), 'x');
      const expected = names.map((name) => join(basename(odd), name));
      for (const pattern of [`${odd}/*`, `${basename(odd)}/*`, `./${basename(odd)}/*`]) {
        expect(await filesOf(pattern)).toEqual(expected);
      }
    },
  );

  it('each shot once: of a RAW and its JPEG that', async () => {
    const raws = await mkdtemp(join(cwd, 'raws-'));
    for (const file of ['x.CR2', 'x.JPG', 'y.nef', 'z.jpg']) await writeFile(join(raws, file), 'x');
    const names = async (text: string) => (await filesOf(text)).map((file) => basename(file));
    expect(await names(raws)).toEqual(['x.JPG', 'y.nef', 'z.jpg']);
    expect(await names(`${raws}/*`)).toEqual(['x.JPG', 'y.nef', 'z.jpg']);
    expect(await names(`${raws}/*.CR2`)).toEqual(['x.CR2']);
    expect(await names(join(raws, 'x.CR2'))).toEqual(['x.CR2']);
  });

  it('as much as its weight says, and away from it with a negative one', async () => {
    expect(await resolved('b.jpg:0.5', true)).toMatchObject([{ file: join(cwd, 'b.jpg'), weight: -0.5 }]);
    expect(await resolved('a.jpg:0.5')).toMatchObject([{ file: join(cwd, 'a.jpg:0.5'), weight: 1 }]);
    expect((await resolved('dog:2')).map(({ weight }) => weight)).toEqual([2, 2]);
  });

  it('a photo on standard input, by that name', async () => {
    expect(await resolved('-')).toMatchObject([{ file: join(cwd, 'b.jpg'), name: '-' }]);
  });

  it('a hit of the last search, which only its owner can read', async () => {
    await expect(resolved('@1')).rejects.toMatchObject({ kind: 'usage', message: expect.stringContaining('none yet') });
    await rememberSearch(dataFolder, [join(cwd, 'b.jpg'), join(cwd, 'a.jpg')]);
    expect(await filesOf('@2')).toEqual(['a.jpg']);
    await expect(resolved('@3')).rejects.toMatchObject({ message: expect.stringContaining('it found 2') });
    expect((await stat(join(dataFolder, 'last-search.json'))).mode & 0o777).toBe(0o600);
    await writeFile(join(dataFolder, 'last-search.json'), 'xyzzy');
    await expect(resolved('@1')).rejects.toMatchObject({ kind: 'usage' });
  });

  it('nothing, which is said, where there is no photo', async () => {
    await expect(resolved('cat')).rejects.toMatchObject({
      code: 'no_photos',
      hint: expect.stringContaining('word:cat'),
    });
    const nothing = { code: 'no_photos', hint: 'Name another folder, or a photo.' };
    await expect(resolveTerm('.', false, { ...here(), cwd: join(cwd, 'cat') })).rejects.toMatchObject(nothing);
    await expect(resolved('./cat')).rejects.toMatchObject(nothing);
    await expect(resolved('*.tif')).rejects.toMatchObject({ code: 'no_photos' });
    await expect(resolved('no.jpg')).rejects.toMatchObject({ code: 'query_unreadable' });
  });
});
