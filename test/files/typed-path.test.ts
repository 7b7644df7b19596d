import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restrictionOf } from '../../src/commands/flags/filter.ts';
import { typedPath } from '../../src/files/typed-path.ts';

const composed = (text: string): string => text.normalize('NFC');
const decomposed = (text: string): string => text.normalize('NFD');

let cwd: string;
beforeAll(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), 'curate-typed-')));
  await mkdir(join(cwd, decomposed('Füssen'), composed('Möwen')), { recursive: true });
  await writeFile(join(cwd, decomposed('Füssen'), composed('Möwen'), decomposed('für.jpg')), 'x');
  for (const form of [composed, decomposed]) await writeFile(join(cwd, form('zwölf.jpg')), 'x');
});
afterAll(() => rm(cwd, { recursive: true }));

describe('a path that a person typed', () => {
  const there = (): string => join(cwd, decomposed('Füssen'), composed('Möwen'), decomposed('für.jpg'));

  it.each([
    ['composed', composed],
    ['decomposed', decomposed],
  ])('in %s form means what has the name in any form, at each level', (_, form) => {
    expect(typedPath(cwd, form('Füssen/Möwen/für.jpg'))).toBe(there());
    expect(typedPath('/', join(cwd, form('Füssen/Möwen/für.jpg')))).toBe(there());
    expect(restrictionOf(cwd, { in: [form('Füssen')] })).toEqual({ folders: [join(cwd, decomposed('Füssen'))] });
  });

  it('means what has the name to the byte, where several look so', () => {
    for (const form of [composed, decomposed]) {
      expect(typedPath(cwd, form('zwölf.jpg'))).toBe(join(cwd, form('zwölf.jpg')));
    }
  });

  it('stays as it was typed where nothing has the name, or several have it in other forms', async () => {
    expect(typedPath(cwd, 'no/such.jpg')).toBe(join(cwd, 'no', 'such.jpg'));
    expect(typedPath(cwd, composed('Füssen/größer/1.jpg'))).toBe(
      join(cwd, decomposed('Füssen'), composed('größer'), '1.jpg'),
    );
    // One with two marks, which may be written in more than two ways.
    const forms = [composed('ệ'), decomposed('ệ'), 'ẹ\u0302'];
    for (const name of forms.slice(0, 2)) await writeFile(join(cwd, name), 'x');
    expect(typedPath(cwd, forms[2] ?? '')).toBe(join(cwd, forms[2] ?? ''));
  });
});
