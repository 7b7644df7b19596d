import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ancestorsOf,
  findLineage,
  lineagesIn,
  type Unreadable,
  unansweredOf,
} from '../../src/picture/lineage/files.ts';
import {
  type FailedRequest,
  type Lineage,
  parseLineage,
  resolveStored,
  storedPath,
} from '../../src/picture/lineage/lineage.ts';
import { lineage, pictureOf } from './samples.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'curate-lineage-'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'case-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Writes a picture and its lineage file. */
async function put(name: string, content: string, more: Partial<Lineage> = {}): Promise<Lineage> {
  const made = lineage({ picture: pictureOf(content, name), ...more });
  await writeFile(join(folder, name), content);
  await writeFile(join(folder, `${name}.json`), JSON.stringify(made));
  return made;
}

it('tells of requests of the same prompt that nobody saw the answer of', async () => {
  const answered = await put('answered.png', 'a', { prompt: 'a dog' });
  const { responseIds: _, picture: __, usage: ___, ...common } = answered;
  const write = async (name: string, code: string, more: Partial<Lineage> = {}): Promise<void> => {
    const told = { error: { code, message: 'No answer.' }, billing: 'may have been billed', arrived: [] };
    await writeFile(
      join(folder, `${name}.json`),
      JSON.stringify({ ...common, ...told, schema: 'curate.failed/1', ...more }),
    );
  };
  const at = (id: string, started: string): Partial<Lineage> => ({ request: { id, started, seconds: 0 } });
  const [first, second] = ['5f1d9a4e-8c29-4a55-9d0c-1d1f0a3f8a01', '5f1d9a4e-8c29-4a55-9d0c-1d1f0a3f8a02'];
  expect(await unansweredOf(folder, 'a dog')).toEqual([]);
  await write('answered.unanswered', 'unanswered');
  await write('a-dog.unanswered', 'unanswered', at(second, '2026-11-25T10:00:00.000Z'));
  await write('z-dog.unanswered', 'unanswered', at(first, '2026-11-24T10:00:00.000Z'));
  await write('a-cat.unanswered', 'unanswered', { ...at(first, '2026-11-24T10:00:00.000Z'), prompt: 'a cat' });
  await write('late.failed', 'timeout', at(first, '2026-11-24T10:00:00.000Z'));
  const told = await unansweredOf(folder, 'a dog');
  expect(told.map(({ file }) => basename(file))).toEqual(['z-dog.unanswered.json', 'a-dog.unanswered.json']);
  expect(await unansweredOf(join(folder, 'not-there'), 'a dog')).toEqual([]);
});

it("tells of failed requests, and names what is damaged, but no other program's files", async () => {
  await put('good.png', 'a');
  const { responseIds: _, picture: __, usage: ___, ...common } = lineage();
  const error = { code: 'timeout', message: 'No picture came.' };
  const record = { ...common, schema: 'curate.failed/1', error, billing: 'may have been billed', arrived: [] };
  const files = {
    'a.failed.json': JSON.stringify(record),
    'cut.png.json': JSON.stringify(lineage()).slice(0, 400),
    'empty.png.json': '',
    'newer.json': '{"schema": "curate.lineage/2"}',
    'IMG_1.jpg.json': '{"title": "IMG_1.jpg"}',
    'package.json': '{',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const unreadable: string[] = [];
  const failed: string[] = [];
  const found: string[] = [];
  const search = {
    deep: false,
    onUnreadable: ({ path }: Unreadable) => unreadable.push(basename(path)),
    onFailed: ({ record: { error } }: { record: FailedRequest }) => failed.push(error.code),
  };
  for await (const { file } of lineagesIn(folder, search)) found.push(basename(file));
  expect({ found, failed, unreadable }).toEqual({
    found: ['good.png.json'],
    failed: ['timeout'],
    unreadable: ['cut.png.json', 'empty.png.json', 'newer.json'],
  });
});

async function all(place: string, deep = true): Promise<{ prompts: string[]; unreadable: Unreadable[] }> {
  const prompts: string[] = [];
  const unreadable: Unreadable[] = [];
  const search = { deep, onUnreadable: (one: Unreadable) => unreadable.push(one) };
  for await (const found of lineagesIn(place, search)) prompts.push(found.lineage.prompt);
  return { prompts, unreadable };
}

describe('a lineage', () => {
  it('is found from its picture, its file, a renamed copy and the sha256', async () => {
    const made = await put('a.png', 'content');
    await writeFile(join(folder, 'copy.png'), 'content');
    for (const name of ['a.png', 'a.png.json', 'copy.png', made.picture.sha256, made.picture.sha256.toUpperCase()]) {
      expect((await findLineage(folder, name)).lineage, name).toEqual(made);
    }
    await writeFile(join(folder, 'a.png'), 'changed');
    expect((await findLineage(folder, 'a.png.json')).picture).toBeNull();
    await expect(findLineage(folder, 'a.png')).rejects.toMatchObject({ code: 'no_lineage' });
  });

  it('leads to the picture it was refined from, and so on, and ends where a file is missing or a circle closes', async () => {
    const first = await put('1.png', 'one');
    const second = await put('2.png', 'two', { parent: { path: '1.png', sha256: first.picture.sha256 } });
    await put('3.png', 'three', { parent: { path: '2.png', sha256: second.picture.sha256 } });
    const line = await ancestorsOf(await findLineage(folder, '3.png'));
    expect(line.map((one) => one.lineage.picture.path)).toEqual(['3.png', '2.png', '1.png']);
    await put('1.png', 'one', { parent: { path: '2.png', sha256: second.picture.sha256 } });
    expect(await ancestorsOf(await findLineage(folder, '3.png'))).toHaveLength(3);
    await rm(join(folder, '2.png.json'));
    expect(await ancestorsOf(await findLineage(folder, '3.png'))).toHaveLength(1);
  });

  it('is read as it was written, and nothing else is taken for one', () => {
    const made = lineage();
    expect(parseLineage(JSON.stringify(made))).toEqual(made);
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseLineage(text) === null));
  });

  it('keeps a path so that it leads back from the same folder, wherever that is', () => {
    const name = fc.stringMatching(/^[a-z]{1,6}$/);
    const place = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`);
    fc.assert(
      fc.property(place, place, fc.constantFrom('absolute', 'relative'), (file, from, given) => {
        expect(resolveStored(storedPath(file, given, from), from).file).toBe(file);
      }),
    );
  });
});

describe('looking through folders', () => {
  it('goes below only when asked to, and not into hidden folders', async () => {
    await put('b.png', 'b', { prompt: 'here' });
    for (const below of ['sub', '.hidden', 'node_modules']) await mkdir(join(folder, below));
    await put('sub/a.png', 'a', { prompt: 'below' });
    await put('.hidden/a.png', 'a', { prompt: 'hidden' });
    await put('node_modules/a.png', 'a', { prompt: 'hidden' });
    await writeFile(join(folder, 'other.json'), '{}');
    expect(await all(folder)).toEqual({ prompts: ['here', 'below'], unreadable: [] });
    expect((await all(folder, false)).prompts).toEqual(['here']);
  });

  it('tells what it could not read, instead of taking it for empty', async () => {
    const file = join(folder, 'no-folder');
    await writeFile(file, '');
    expect(await all(file)).toEqual({ prompts: [], unreadable: [{ path: file, reason: expect.any(String) }] });
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'goes on past a folder and a file that may not be read',
    async () => {
      await mkdir(join(folder, 'shut'));
      await put('a.png', 'a', { prompt: 'open' });
      await put('b.png', 'b', { prompt: 'shut' });
      await chmod(join(folder, 'b.png.json'), 0);
      await chmod(join(folder, 'shut'), 0);
      const found = await all(folder);
      await chmod(join(folder, 'shut'), 0o700);
      expect(found.prompts).toEqual(['open']);
      expect(found.unreadable).toEqual(
        ['b.png.json', 'shut'].map((name) => ({ path: join(folder, name), reason: 'you may not read it' })),
      );
    },
  );
});
