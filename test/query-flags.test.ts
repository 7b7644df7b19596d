import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../src/cli.ts';
import { readAsked } from '../src/commands/flags/query.ts';
import { rememberSearch } from '../src/library/query/last-search.ts';
import { fixturePhotos } from './output/rows.ts';
import { testWorld } from './support/world.ts';

let home: string;
beforeAll(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-query-flags-')));
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function refused(...args: string[]): Promise<string> {
  const world = testWorld({ env: { CURATE_HOME: home }, cwd: home });
  expect(await run(args, world)).toBe(2);
  expect(world.out()).toBe('');
  return world.err();
}

describe('a list of queries', () => {
  const listed = async (bytes: string | Buffer): Promise<readonly string[]> => {
    await writeFile(join(home, 'list'), bytes);
    return (await readAsked(testWorld({ cwd: home }), home, [], { from: ['list'] })).wanted;
  };

  it('may begin with the mark that editors on Windows put in front, in UTF-8 or UTF-16', async () => {
    const text = '\ufeffphotos/Füßen.jpg\r\nbeach\r\n';
    expect(await listed(text)).toEqual(['photos/Füßen.jpg', 'beach']);
    expect(await listed(Buffer.from(text, 'utf16le'))).toEqual(['photos/Füßen.jpg', 'beach']);
    expect(await listed(Buffer.from(text, 'utf16le').swap16())).toEqual(['photos/Füßen.jpg', 'beach']);
  });

  it('may stand beside others, each of which is read once', async () => {
    await writeFile(join(home, 'dogs'), 'dog\n');
    await writeFile(join(home, 'cats'), 'cat\0kitten\0');
    const asked = await readAsked(testWorld({ cwd: home }), home, ['bird'], { from: ['dogs', 'cats', 'dogs'] });
    expect(asked.wanted).toEqual(['bird', 'dog', 'cat', 'kitten']);
    await writeFile(join(home, 'none'), '');
    await writeFile(join(home, 'void'), '');
    await expect(readAsked(testWorld({ cwd: home }), home, [], { from: ['none', 'void'] })).rejects.toThrow(
      'the lists none and void are empty.',
    );
  });

  it('that is empty, or a photo, is said to be that', async () => {
    await expect(listed('\n')).rejects.toThrow('There is nothing to search for: the list list is empty.');
    const [photo = ''] = fixturePhotos;
    await expect(readAsked(testWorld(), home, [], { from: [photo] })).rejects.toMatchObject({
      code: 'list_unreadable',
      message: `The list ${photo} cannot be read: it is a photo itself.`,
    });
  });
});

describe('a search', () => {
  it('says when there is only what to be away from, and that the last one found nothing', async () => {
    expect(await refused('search', '--not', 'dog')).toContain('nothing to search for, only what to be away from.');
    await rememberSearch(join(home, 'data'), []);
    expect(await refused('search', '@1')).toContain('There is no hit @1 of the last search: it found nothing.');
  });

  it('names the fields that there are where one is asked for that there is not', async () => {
    expect(await refused('search', 'dog', '--fields', 'name,taken')).toMatch(/There is no field "taken"; .*takenAt/);
  });

  it('that is to be explained does not print paths alone', async () => {
    expect(await refused('search', 'dog', '--explain', '--as', 'paths')).toContain('Leave out --as paths.');
    expect(await refused('search', 'dog', '--explain', '--print0')).toContain('Leave out --print0.');
  });

  it('of which fields are chosen does not print paths alone', async () => {
    for (const paths of [['--as', 'paths'], ['--print0']]) {
      expect(await refused('search', 'dog', '--fields', 'name', ...paths)).toContain(`instead of ${paths.join(' ')}:`);
    }
  });
});

describe('curate export', () => {
  it('puts nothing beside a folder that has the name of the file', async () => {
    await mkdir(join(home, 'folder.npy'));
    expect(await refused('export', 'folder.npy', '--force')).toContain('folder.npy is a folder.');
    await mkdir(join(home, 'taken.json'));
    expect(await refused('export', 'taken.npy', '--force')).toContain('taken.json is a folder.');
  });
});

describe('curate words', () => {
  it('says of a folder, an address or a hit that is none what it is, and not that it does not exist', async () => {
    expect(await refused('words', './')).toContain('./ is no single photo.');
    expect(await refused('words', '*.jpg')).toContain('*.jpg is no single photo.');
    expect(await refused('words', 'https://example.org/cat.jpg')).toContain('is an address');
    expect(await refused('words', '@99')).toContain('There is no hit @99 of the last search: ');
  });
});

describe('curate show', () => {
  it('says of an address what it is, and not that a file of a garbled name does not exist', async () => {
    expect(await refused('show', 'https://example.org/cat.jpg')).toContain('https://example.org/cat.jpg is an address');
    expect(await refused('show', 'file:///cat.jpg')).toContain('Name the file by its path: /cat.jpg');
  });

  it('writes no sequences on a terminal that would show them as they are', async () => {
    const world = testWorld({ env: { CURATE_HOME: home, TERM: 'dumb' }, cwd: home });
    const [photo = ''] = fixturePhotos;
    Object.assign(world.stdout, { isTTY: true });
    expect(await run(['show', photo], world)).toBe(1);
    expect([world.out(), world.err()]).toEqual(['', expect.stringContaining('This terminal cannot draw')]);
  });
});
