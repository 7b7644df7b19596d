import { access, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchDocument } from '../../src/output/documents/library.ts';
import { Home, repository } from '../support/cli.ts';

const photos = join(repository, 'fixtures', 'photos', 'pets');
let home: Home;
beforeAll(async () => {
  home = await Home.make();
  expect(await home.curate(['index', photos])).toMatchObject({ code: 0 });
});
afterAll(() => home.remove());

const named = ({ results }: SearchDocument): (string | undefined)[] =>
  results.map(({ path }) => path.split('/').at(-1));

describe('curate search', () => {
  it('finds by words, photos and both, away from others, and remembers what it found', async () => {
    const said = await home.curate(['search', 'dog', '--not', 'cat', '-k', '1', '--explain']);
    expect(said.stdout).toMatch(/dog-\d\.jpg .*\n {10}dog \d\.\d{3}, not cat 0\.\d{3}; seen: \S.* \d\.\d{3}\n$/);
    const dogs = await home.json<SearchDocument>(['search', 'dogs', '-k', '3']);
    expect(named(dogs).sort()).toEqual(['dog-1.jpg', 'dog-2.jpg', 'dog-3.jpg']);
    expect(dogs).toMatchObject({ query: ['dogs'], terms: [{ kind: 'word', value: 'dog', weight: 1 }] });
    const third = dogs.results[2]?.path ?? '';
    const like = await home.json<SearchDocument>(['search', '@3:0.7', 'dog', '--not', 'cat', '-k', '2']);
    expect(like).toMatchObject({
      exit: 0,
      query: [third, 'dog'],
      terms: [
        { kind: 'photo', value: third, weight: 0.7 },
        { kind: 'word', value: 'dog', weight: 1 },
        { kind: 'word', value: 'cat', weight: -1 },
      ],
    });
    expect(named(like).every((name) => name?.startsWith('dog-'))).toBe(true);
  });

  it('answers each query of a list by itself, with errors in their places', async () => {
    const input = ['cat', 'no.jpg', '*.txt', join(photos, 'dog-1.jpg')].join('\n');
    const { code, stdout } = await home.curate(['search', '--from', '-', '--each', '--json', '-k', '1'], { input });
    const lines = stdout.trimEnd().split('\n');
    const documents = lines.map(
      (line) => JSON.parse(line) as { schema: string; query?: string[]; error?: { code: string } },
    );
    expect(code).toBe(3);
    expect(documents.map(({ schema, query, error }) => query?.[0] ?? `${schema} ${error?.code}`)).toEqual([
      'cat',
      'curate.error/1 query_unreadable',
      'curate.error/1 no_photos',
      join(photos, 'dog-1.jpg'),
    ]);
  });

  it('refuses once what every query is to be away from and nobody knows, and says once what of it cannot be read', async () => {
    const search = ['search', '--each', 'dog', 'cat', '-k', '1', '--as', 'paths'];
    const unknown = await home.curate([...search, '--not', 'casstle']);
    expect([unknown.code, unknown.stderr.match(/"casstle"/g)?.length, unknown.stdout]).toEqual([2, 1, '']);
    const joined = await home.curate([...search, '--not', 'border', '--not', 'collie']);
    expect(joined).toMatchObject({ code: 0, stderr: '' });
    const folder = join(home.path, 'some-broken');
    await mkdir(folder);
    await copyFile(join(photos, 'kitten-1.jpg'), join(folder, 'good.jpg'));
    await writeFile(join(folder, 'bad.jpg'), 'no photo');
    const lacking = await home.curate([...search, '--not', folder]);
    expect([lacking.code, lacking.stderr.match(/bad\.jpg cannot be used/g)?.length]).toEqual([3, 1]);
    expect(lacking.stdout.trim().split('\n')).toHaveLength(2);
  });

  it('lets each answer of several be drawn, and says once where nothing can be', async () => {
    const { code, stderr } = await home.curate(['search', '--each', 'dog', 'cat', '-k', '1', '--show']);
    expect(code).toBe(0);
    expect(stderr.match(/--show needs a terminal/g)).toHaveLength(1);
  });

  it('shows the answers to each on one page, and fails where none found anything and that is asked for', async () => {
    const sheet = join(home.path, 'each.html');
    const search = ['search', '--each', 'dog', 'cat', '-k', '1', '--fail-empty'];
    expect(await home.curate([...search, '--sheet', sheet])).toMatchObject({ code: 0 });
    expect(await readFile(sheet, 'utf8')).toMatch(/Answers to 2 queries.*Photos of<\/span> <bdi>dog.*<bdi>cat/s);
    expect(await home.curate([...search, '--min-score', '0.9999'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/No photo scores that much: the best score is 0\.\d{3}\./),
    });
  });

  it('lets a comic be made of a word, or of what was found', async () => {
    const made = await home.json<{ references: { path: string; role: string; used: boolean }[] }>([
      'comic',
      'dog',
      'a comic of this dog',
      '--dry-run',
      '--out',
      join(home.path, 'dry'),
    ]);
    const sent = made.references.filter(({ used }) => used);
    expect(sent.every(({ path, role }) => role === 'reference' && /dog-\d\.jpg$/.test(path))).toBe(true);
    expect([made.exit, sent.length > 0]).toEqual([0, true]);
    const folder = await home.json<{ error: { code: string } }>(['comic', photos, 'a comic', '--dry-run']);
    expect(folder).toMatchObject({ exit: 2, error: { code: 'usage' } });
  });

  it('refuses an unknown word', async () => {
    const refused = await home.json<{ error: { code: string } }>(['search', 'casstle']);
    expect(refused).toMatchObject({ exit: 2, schema: 'curate.error/1', error: { code: 'unknown_word' } });
  });

  it('tells programs that nothing was done with nothing, and makes no folder for it', async () => {
    const folder = join(home.path, 'nothing');
    const found = await home.json<{ acted: unknown }>(['search', 'dog', '--name', 'none*', '--move-to', folder]);
    expect(found).toMatchObject({ exit: 0, acted: { kind: 'move', folder, done: [], failed: [], undo: null } });
    await expect(access(folder)).rejects.toThrow('ENOENT');
  });

  it('says of a hit of the last search whose file is gone that its drive may be away', async () => {
    const gone = join(home.path, 'gone.jpg');
    const lastSearch = join(home.path, '.local', 'share', 'curate', 'last-search.json');
    await writeFile(lastSearch, JSON.stringify({ paths: [gone] }));
    for (const each of [[], ['--each']]) {
      expect((await home.curate(['search', ...each, '@1'])).stderr).toContain(
        `${gone} cannot be used: it does not exist.\n  Check the spelling, or connect the drive it is on.`,
      );
    }
  });

  it('says of a folder that is not there that it is not, where nothing lies below it', async () => {
    const nowhere = join(photos, 'nowhere');
    for (const args of [
      ['search', 'dog', '--in', nowhere],
      ['export', join(home.path, 'none.csv'), '--in', nowhere],
    ]) {
      expect(await home.curate(args)).toMatchObject({
        code: 0,
        stderr: expect.stringContaining(`There is no folder ${nowhere}.`),
      });
    }
  });

  it('takes a photo on standard input', async () => {
    const input = await readFile(join(photos, 'kitten-1.jpg'));
    const found = await home.json<SearchDocument>(['search', '-', '-k', '1'], { input });
    expect(found).toMatchObject({ exit: 0, query: ['-'] });
    expect(named(found)).toEqual(['kitten-1.jpg']);
  });
});
