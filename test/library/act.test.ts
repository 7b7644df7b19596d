import { createHash } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli.ts';
import { act as actAloud } from '../../src/commands/act.ts';
import { type SearchFlags, show } from '../../src/commands/search-show.ts';
import { realDisk } from '../../src/files/transfer/disk.ts';
import { Journal } from '../../src/files/transfer/journal.ts';
import { replaceFile } from '../../src/files/transfer/replace.ts';
import { type Action, actOn, type Indexed, undoMoved } from '../../src/library/act/act.ts';
import { hitOfLastSearch, rememberSearch } from '../../src/library/query/last-search.ts';
import type { Answer } from '../../src/library/query/search.ts';
import type { Session } from '../../src/library/session.ts';
import { loadSettings } from '../../src/settings.ts';
import { makePhoto } from '../support/photo-maker.ts';
import { testWorld } from '../support/world.ts';

// In this process rather than in one beside it, whose script the sources do not have.
vi.mock('../../src/photos/display.ts', async () => {
  const { renderPhoto } = await import('../../src/photos/render.ts');
  return { openDisplay: () => renderPhoto };
});

let home: string;
const elsewhere: string[] = [];
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-act-')));
  await mkdir(join(home, 'photos'));
  for (const name of ['a.jpg', 'a.CR2', 'a.jpg.xmp', 'b.jpg']) await writeFile(join(home, 'photos', name), name);
  await utimes(join(home, 'photos', 'a.jpg'), 1_000_000, 1_000_000);
});
afterEach(() =>
  Promise.all([home, ...elsewhere.splice(0)].map((folder) => rm(folder, { recursive: true, force: true }))),
);

const photo = (name: string): string => join(home, 'photos', name);
const data = (): string => join(home, 'data');
const never = new AbortController().signal;

/** As it was indexed just now. */
async function indexed(name: string): Promise<Indexed> {
  const file = photo(name);
  const now = await stat(file).catch(() => null);
  if (now === null) return { file, sha256: '', size: 0, mtimeMs: 0 };
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { file, sha256, size: now.size, mtimeMs: Math.round(now.mtimeMs) };
}

async function act(kind: Action['kind'], folder: string, ...names: string[]) {
  const photos = await Promise.all(names.map(indexed));
  return actOn(photos, { kind, folder }, { data: data(), signal: never, now: () => new Date() });
}

it('copies photos with their times and what belongs to them into a folder that it makes, and numbers what is there already', async () => {
  const folder = join(home, 'new', 'folder');
  await act('copy', folder, 'a.jpg', 'b.jpg');
  await act('copy', folder, 'a.jpg');
  expect((await readdir(folder)).sort()).toEqual([
    ...['a-2.CR2', 'a-2.jpg', 'a-2.jpg.xmp'],
    ...['a.CR2', 'a.jpg', 'a.jpg.xmp', 'b.jpg'],
  ]);
  expect((await stat(join(folder, 'a.jpg'))).mtimeMs).toBe(1_000_000_000);
  expect((await readdir(join(home, 'photos'))).length).toBe(4);
});

it('links to the photos', async () => {
  const { done } = await act('link', join(home, 'links'), 'a.jpg');
  expect(await readlink(join(home, 'links', 'a.jpg'))).toBe(photo('a.jpg'));
  expect(done).toEqual([{ from: photo('a.jpg'), to: join(home, 'links', 'a.jpg') }]);
});

it('moves a photo with what belongs to it, and puts all of it back, once', async () => {
  const { done, failed, undo } = await act('move', join(home, 'best'), 'a.jpg', 'gone.jpg');
  expect(failed).toEqual([{ path: photo('gone.jpg'), reason: 'it is not there; its drive may be away' }]);
  expect(done).toHaveLength(3);
  expect((await readdir(join(home, 'best'))).sort()).toEqual(['a.CR2', 'a.jpg', 'a.jpg.xmp']);
  expect(await readdir(join(home, 'photos'))).toEqual(['b.jpg']);
  const undone = await undoMoved(data(), undo ?? undefined, never);
  expect(undone.restored).toHaveLength(3);
  expect(await readFile(photo('a.CR2'), 'utf8')).toBe('a.CR2');
  await expect(undoMoved(data(), undefined, never)).rejects.toMatchObject({ code: 'nothing_to_undo' });
});

it('writes nothing where there is nothing to undo, and moves nothing where it cannot write down what it moves', async () => {
  await expect(undoMoved(data(), undefined, never)).rejects.toMatchObject({ code: 'nothing_to_undo' });
  expect(await readdir(home)).toEqual(['photos']);
  // As a read-only volume would have it.
  await writeFile(data(), '');
  await expect(act('move', join(home, 'best'), 'a.jpg')).rejects.toMatchObject({ code: 'data_unwritable' });
  await expect(undoMoved(data(), undefined, never)).rejects.toMatchObject({ code: 'nothing_to_undo' });
  expect(await readFile(photo('a.jpg'), 'utf8')).toBe('a.jpg');
});

it('says how the rest can be put back where a folder was renamed, and when there is nothing left to put back', async () => {
  const undo = async (): Promise<{ readonly code: number; readonly said: string }> => {
    const world = testWorld({ env: { CURATE_HOME: home } });
    return { code: await run(['undo'], world), said: world.err() };
  };
  await act('move', join(home, 'best'), 'b.jpg');
  await rename(join(home, 'best'), join(home, 'renamed'));
  expect(await undo()).toEqual({ code: 3, said: expect.stringContaining('a folder that was renamed its old name') });
  await rename(join(home, 'renamed'), join(home, 'best'));
  expect(await undo()).toEqual({ code: 0, said: 'Put back 1 file.\n' });
  await act('move', join(home, 'best'), 'b.jpg');
  await rename(join(home, 'best', 'b.jpg'), photo('b.jpg'));
  expect(await undo()).toEqual({ code: 0, said: 'All of it is where it was.\n' });
});

it('says of a file that it had made itself that it is gone, and of another that it is as it was', async () => {
  const journals = join(data(), 'undo');
  const journal = await Journal.begin(realDisk, journals, new Date());
  for (const name of ['a.jpg.xmp', 'b.jpg.xmp'])
    await replaceFile(realDisk, journal, { file: photo(name), text: 'new' });
  const world = testWorld({ env: { CURATE_HOME: home } });
  expect(await run(['undo'], world)).toBe(0);
  expect(world.out().trimEnd().split('\n')).toEqual([
    `${photo('b.jpg.xmp')} is gone again: that run had made it.`,
    `${photo('a.jpg.xmp')} is as it was before.`,
  ]);
  expect(world.err()).toBe('Put back 1 file. Removed 1 file that had not been there before.\n');
});

it('removes with an undoing the folders that it made and that are empty, and no others', async () => {
  await mkdir(join(home, 'there'));
  for (const folder of ['new', 'there']) {
    const { undo } = await act('move', join(home, folder, 'best'), 'b.jpg');
    await undoMoved(data(), undo ?? undefined, never);
  }
  expect((await readdir(home)).sort()).toEqual(['data', 'photos', 'there']);
  expect(await readdir(join(home, 'there'))).toEqual([]);
  const { undo } = await act('move', join(home, 'new', 'best'), 'b.jpg');
  await writeFile(join(home, 'new', 'mine.txt'), 'mine');
  await undoMoved(data(), undo ?? undefined, never);
  expect(await readdir(join(home, 'new'))).toEqual(['mine.txt']);
});

it('puts back a part: a photo with what belongs to it, by its old or its new name, or a folder', async () => {
  const best = join(home, 'best');
  const { undo } = await act('move', best, 'a.jpg', 'b.jpg');
  const names = async (): Promise<string[]> => (await readdir(join(home, 'photos'))).sort();
  const part = (...paths: string[]) => undoMoved(data(), undo ?? undefined, never, paths);
  await expect(part(join(best, 'c.jpg'))).rejects.toMatchObject({
    code: 'nothing_to_undo',
    message: `The move ${undo} has nothing at ${join(best, 'c.jpg')}.`,
  });
  expect((await part(join(best, 'a.jpg'))).restored).toHaveLength(3);
  expect(await names()).toEqual(['a.CR2', 'a.jpg', 'a.jpg.xmp']);
  // The rest is still to be had, by the last move alone as well.
  expect((await undoMoved(data(), undefined, never, [photo('b.jpg')])).restored).toHaveLength(1);
  expect((await names()).length).toBe(4);
  await expect(part(best)).rejects.toMatchObject({ code: 'nothing_to_undo' });
  await act('move', best, 'a.jpg', 'b.jpg');
  expect((await undoMoved(data(), undefined, never, [best])).restored).toHaveLength(4);
});

it.each(['copy', 'link', 'move'] as const)(
  'leaves a file alone that another has replaced since it was indexed: %s',
  async (kind) => {
    const found = await Promise.all(['a.jpg', 'b.jpg'].map(indexed));
    // As long as before, so that nothing but what it holds tells.
    await writeFile(photo('a.jpg'), 'A.jpg');
    // Merely touched.
    await utimes(photo('b.jpg'), 2_000_000, 2_000_000);
    const folder = join(home, 'best');
    const deps = { data: data(), signal: never, now: () => new Date() };
    const { done, failed, left } = await actOn(found, { kind, folder }, deps);
    const reason = 'a.jpg has changed since it was indexed';
    const stays = kind === 'link' ? ['a.jpg'] : ['a.jpg', 'a.CR2', 'a.jpg.xmp'];
    expect(failed.map(({ path }) => path).sort()).toEqual(stays.map(photo).sort());
    expect(new Set(failed.map((one) => one.reason))).toEqual(new Set([reason]));
    expect({ left, to: done.map(({ to }) => to) }).toEqual({ left: 0, to: [join(folder, 'b.jpg')] });
    expect((await readdir(join(home, 'photos'))).filter((name) => name !== 'b.jpg').sort()).toEqual([
      'a.CR2',
      'a.jpg',
      'a.jpg.xmp',
    ]);
  },
);

it('leaves a link or folder alone that has the name of a photo by now', async () => {
  const found = await indexed('b.jpg');
  const deps = { data: data(), signal: never, now: () => new Date() };
  await rm(photo('b.jpg'));
  await symlink(photo('a.jpg'), photo('b.jpg'));
  for (const kind of ['copy', 'move'] as const) {
    const { done, failed } = await actOn([found], { kind, folder: join(home, 'best') }, deps);
    expect({ done, failed }).toEqual({
      done: [],
      failed: [{ path: found.file, reason: 'b.jpg has changed since it was indexed' }],
    });
  }
});

it('says when there can be no such folder', async () => {
  await expect(act('copy', photo('a.jpg'), 'b.jpg')).rejects.toMatchObject({ code: 'folder_unwritable' });
});

/** A volume of its own on most Linux systems. */
const shared = await stat('/dev/shm').catch(() => null);
const here = await stat(tmpdir());
it.skipIf(shared === null || shared.dev === here.dev)('moves to another volume and back', async () => {
  const folder = await mkdtemp('/dev/shm/curate-act-');
  elsewhere.push(folder);
  await act('move', folder, 'a.jpg');
  expect((await readdir(folder)).sort()).toEqual(['a.CR2', 'a.jpg', 'a.jpg.xmp']);
  expect((await stat(join(folder, 'a.jpg'))).mtimeMs).toBe(1_000_000_000);
  expect((await undoMoved(data(), undefined, never)).failed).toEqual([]);
  expect((await readdir(join(home, 'photos'))).length).toBe(4);
  expect(await readdir(folder)).toEqual([]);
});

it('says what was moved, and how to take it back, also when it is interrupted on the way', async () => {
  const stop = new AbortController();
  const world = testWorld({ interrupted: stop.signal, env: { CURATE_HOME: home } });
  // Ctrl-C as soon as the bar shows the first file.
  const write = world.stderr.write.bind(world.stderr);
  const stderr = Object.assign(world.stderr, {
    isTTY: true,
    write: (text: string) => {
      if (text.includes('Moving')) stop.abort();
      return write(text);
    },
  });
  const action = { kind: 'move', folder: join(home, 'best') } as const;
  const photos = await Promise.all(['a.jpg', 'b.jpg'].map(indexed));
  const acted = await actAloud({ ...world, stderr }, loadSettings(world), { action, photos, yes: true });
  expect(acted).toMatchObject({ left: 1 });
  expect(acted?.done.map(({ from }) => from).sort()).toEqual(['a.CR2', 'a.jpg', 'a.jpg.xmp'].map(photo));
  expect(world.err()).toContain(`Moved 3 files to ${action.folder}; interrupted before 1 other file.`);
  expect(world.err()).toContain(`Undo: curate undo ${acted?.undo}`);
  expect(await readdir(join(home, 'photos'))).toEqual(['b.jpg']);
});

it('counts what lies in the folder already, and leaves it there', async () => {
  const acted = await act('move', join(home, 'photos'), 'a.jpg', 'b.jpg');
  expect(acted).toMatchObject({ done: [], failed: [], there: 4, left: 0, undo: null });
  const world = testWorld({ env: { CURATE_HOME: home } });
  const action = { kind: 'copy', folder: join(home, 'photos') } as const;
  await actAloud(world, loadSettings(world), { action, photos: [await indexed('b.jpg')] });
  expect(world.err()).toBe(`Copied 0 files to ${action.folder}; 1 file was there already.\n`);
});

it('means by @1 a photo where an undoing has put it back', async () => {
  const world = testWorld({ env: { CURATE_HOME: home } });
  const { data: own } = loadSettings(world).paths;
  const deps = { data: own, signal: never, now: () => new Date() };
  const { done } = await actOn([await indexed('a.jpg')], { kind: 'move', folder: join(home, 'best') }, deps);
  await rememberSearch(own, [photo('b.jpg'), done.find(({ from }) => from === photo('a.jpg'))?.to ?? '']);
  expect(await run(['undo'], world)).toBe(0);
  expect(await hitOfLastSearch(own, 2)).toBe(photo('a.jpg'));
  expect(await hitOfLastSearch(own, 1)).toBe(photo('b.jpg'));
});

describe('a search that moves what it finds', () => {
  interface Shown {
    readonly stdout: string;
    readonly data: string;
    readonly failed: unknown;
  }

  async function search(flags: Partial<SearchFlags>): Promise<Shown> {
    await Promise.all(['a.jpg', 'b.jpg'].map((name, i) => makePhoto(photo(name), i)));
    // As a person may call the folder.
    await symlink(join(home, 'photos'), join(home, 'link'));
    const world = testWorld({ env: { CURATE_HOME: home }, cwd: home });
    const settings = loadSettings(world);
    const session = { settings, model: async () => ({ id: 'm', sha256: '0', dim: 1 }) } as unknown as Session;
    const results = await Promise.all(['a.jpg', 'b.jpg'].map(indexed));
    const answer = {
      ...{ terms: [], by: 'photos', notices: [], closest: null },
      results: results.map((one) => ({
        ...{ ...one, score: 0.9, width: 320, height: 240, takenMs: null, available: true },
        ...{ pairShare: null, explanation: null, mtimeMs: 0 },
      })),
    } as unknown as Answer;
    const file = join(home, 'link', 'a.jpg');
    const failed = await show(
      { world, settings: () => settings },
      {
        flags: { order: 'rerank', ...flags } as SearchFlags,
        action: { kind: 'move', folder: join(home, 'best') },
        wanted: [{ kind: 'photo', file, name: 'a.jpg', weight: 1, oneOfMany: false }],
        ...{ answer, elapsedMs: 1, session },
      },
    ).then(
      () => null,
      (error: unknown) => error,
    );
    return { stdout: world.out(), data: settings.paths.data, failed };
  }
  const best = (name: string): string => join(home, 'best', name);

  it.each([
    [{ as: 'paths' }, (a: string, b: string) => `${a}\n${b}\n`],
    [{ print0: true }, (a: string, b: string) => `${a}\0${b}\0`],
    [{ as: 'csv', fields: ['path'] }, (a: string, b: string) => `path\n${a}\n${b}\n`],
    [{ as: 'tsv', fields: ['path'] }, (a: string, b: string) => `path\n${a}\n${b}\n`],
  ] as const)('prints for %j where the photos are now', async (flags, printed) => {
    const { stdout, failed } = await search({ yes: true, ...flags } as Partial<SearchFlags>);
    expect(failed).toBeNull();
    expect(stdout).toBe(printed(best('a.jpg'), best('b.jpg')));
  });

  it('tells programs nothing where the move is not made, and people where the photos are', async () => {
    const { stdout, failed } = await search({ print0: true });
    expect(failed).toMatchObject({ code: 'not_confirmed' });
    expect(stdout).toBe('');
    await rm(join(home, 'link'));
    expect((await search({})).stdout).toContain(join(home, 'photos'));
  });

  it('has both places of each in a document', async () => {
    const { stdout } = await search({ yes: true, json: true });
    const { results, acted } = JSON.parse(stdout) as { results: { path: string }[]; acted: object };
    expect(results.map(({ path }) => path)).toEqual([photo('a.jpg'), photo('b.jpg')]);
    expect(acted).toMatchObject({ done: expect.arrayContaining([{ from: photo('a.jpg'), to: best('a.jpg') }]) });
  });

  it.each([{}, { json: true }])('means by @1 a photo where it is now (%j)', async (flags) => {
    const { data } = await search({ yes: true, ...flags });
    expect(await hitOfLastSearch(data, 1)).toBe(best('a.jpg'));
    expect(await hitOfLastSearch(data, 2)).toBe(best('b.jpg'));
  });

  it('means by @1 a photo where it stays when the move is not made', async () => {
    const { data } = await search({});
    expect(await hitOfLastSearch(data, 1)).toBe(photo('a.jpg'));
  });

  describe('and makes a sheet', () => {
    const page = (): string => join(home, 'page.html');
    const framesOf = (text: string): string[] =>
      [...text.matchAll(/<a class="frame" href="([^"]*)"/g)].map(([, href = '']) => href);

    it('shows and links the photos where they are now, the query among them', async () => {
      expect((await search({ yes: true, sheet: page() })).failed).toBeNull();
      const text = await readFile(page(), 'utf8');
      expect(framesOf(text)).toEqual(['best/a.jpg', 'best/a.jpg', 'best/b.jpg']);
      expect(text).toContain(`in ${join(home, 'best')}/`);
      expect(await readdir(join(home, 'photos'))).toEqual([]);
    });

    it('shows them where they stay when the move is not made', async () => {
      expect((await search({ sheet: page() })).failed).toMatchObject({ code: 'not_confirmed' });
      expect(framesOf(await readFile(page(), 'utf8'))).toEqual(['link/a.jpg', 'photos/a.jpg', 'photos/b.jpg']);
    });
  });
});
