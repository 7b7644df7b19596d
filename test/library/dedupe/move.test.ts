import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openJournals } from '../../../src/files/transfer/journal.ts';
import { undoMoves } from '../../../src/files/transfer/undo.ts';
import type { Group, GroupPhoto } from '../../../src/library/dedupe/groups.ts';
import { type MovedDoubles, moveDoubles } from '../../../src/library/dedupe/move.ts';
import { Killed, ModelDisk } from '../../files/model-disk.ts';

const JOURNALS = '/data/undo';
const signal = new AbortController().signal;

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');
const contentOf = (file: string): string => (file.endsWith('.jpg') ? 'a photo' : `what belongs to it: ${file}`);

function photo(path: string, beside: readonly string[] = []): GroupPhoto {
  const file = `/photos/${path}`;
  return {
    file,
    path,
    files: [file, ...beside.map((name) => `/photos/${name}`)],
    bytes: 1,
    freed: 1,
    sha256: sha256('a photo'),
    width: 1,
    height: 1,
    reason: '',
    isNew: false,
    frame: null,
    rating: null,
  };
}

function group(keeper: GroupPhoto, ...others: readonly GroupPhoto[]): Group {
  return {
    kind: 'identical',
    keeper,
    alsoKept: [],
    others: others.map((other) => ({ ...other, score: 1 })),
    kept: [],
    agreed: null,
    warnings: [],
    isLarge: false,
  };
}

const diskOf = (groups: readonly Group[], more: Readonly<Record<string, string>>, options = {}): ModelDisk => {
  const files = groups.flatMap(({ keeper, others }) => [keeper, ...others].flatMap((one) => one.files));
  return new ModelDisk({ ...Object.fromEntries(files.map((file) => [file, contentOf(file)])), ...more }, options);
};

const run = (disk: ModelDisk, groups: readonly Group[]): Promise<MovedDoubles> =>
  moveDoubles(groups, '/away', { disk, journals: JOURNALS, signal, now: () => new Date(0), onDone: () => undefined });

const GROUPS = [
  group(photo('a/1.jpg'), photo('a/2.jpg', ['a/2.xmp', 'a/2.cr2']), photo('b/2.jpg')),
  // The keeper of the first group yields to another: what it stands for went before.
  group(photo('c/1.jpg'), photo('a/1.jpg', ['a/1.jpg.xmp'])),
];
const THERE = { '/away/a/2.xmp': 'not ours' };

/** The person's files: without journals, drafts and names that were only claimed. */
const own = (disk: ModelDisk): Map<string, string> =>
  new Map([...disk.contents()].filter(([name, content]) => !/^\/data\/|\/\.curate-/.test(name) && content !== ''));

const awayFolders = (disk: ModelDisk): string[] => [...disk.folders].filter((folder) => folder.startsWith('/away/'));

describe('moving doubles', () => {
  it('keeps folders, and what belongs together under one name where a name is taken', async () => {
    const disk = diskOf(GROUPS, THERE);
    const { moved, failed, undo } = await run(disk, GROUPS);
    expect(failed).toEqual([]);
    expect(moved.map(({ from, to }) => `${from} ${to}`)).toEqual([
      '/photos/a/2.jpg /away/a/2-2.jpg',
      '/photos/a/2.xmp /away/a/2-2.xmp',
      '/photos/a/2.cr2 /away/a/2-2.cr2',
      '/photos/b/2.jpg /away/b/2.jpg',
      '/photos/a/1.jpg /away/a/1.jpg',
      '/photos/a/1.jpg.xmp /away/a/1.jpg.xmp',
    ]);
    expect(disk.contents().get('/photos/c/1.jpg')).toBe('a photo');
    expect(disk.contents().get('/away/a/2.xmp')).toBe('not ours');
    disk.folders.add('/away/mine');
    const back = await undoMoves(disk, JOURNALS, undo ?? '', signal);
    expect(back.failed).toEqual([]);
    expect(own(disk)).toEqual(own(diskOf(GROUPS, THERE)));
    // Of the folders in it only those that the move made are gone.
    expect(awayFolders(disk)).toEqual(['/away/mine']);
  });

  it('loses nothing when killed at any step, never empties a group, and is undone all the same', async () => {
    const kinds = fc.record({ otherVolume: fc.boolean(), hardLinks: fc.boolean(), torn: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(kinds, fc.nat(60), async ({ otherVolume, hardLinks, torn }, steps) => {
        const options = { volumes: otherVolume ? ['/away'] : [], hardLinks };
        const dying = diskOf(GROUPS, THERE, { ...options, steps, torn });
        const before = own(dying);
        await run(dying, GROUPS).catch((error) => expect(error).toBeInstanceOf(Killed));
        const left = own(dying);
        for (const [file, content] of before) {
          // By its own name, or by that under the other folder, and whole.
          const names = [...left].filter(([, its]) => its === content).map(([name]) => name);
          const base = file.replace(/^.*\/(\d)\.(.*)$/, '$1');
          expect(names.some((name) => name === file || (name.startsWith('/away/') && name.includes(`/${base}`)))).toBe(
            true,
          );
        }
        expect(left.get('/photos/c/1.jpg')).toBe('a photo');
        expect(left.get('/away/a/2.xmp')).toBe('not ours');
        const again = new ModelDisk(dying.files, { ...options, folders: dying.folders });
        for (const id of await openJournals(again, JOURNALS)) {
          expect((await undoMoves(again, JOURNALS, id, signal)).failed).toEqual([]);
        }
        expect(own(again)).toEqual(before);
        expect(awayFolders(again)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [
      'the keeper is gone',
      (disk: ModelDisk) => void disk.files.delete('/photos/a/1.jpg'),
      'which was to stay, is not there',
    ],
    [
      'the keeper has changed',
      (disk: ModelDisk) => void disk.files.set('/photos/a/1.jpg', { number: 90, content: 'else' }),
      'which was to stay, has changed',
    ],
    [
      'the photo has changed',
      (disk: ModelDisk) => void disk.files.set('/photos/a/2.jpg', { number: 90, content: 'else' }),
      'it has changed',
    ],
    [
      'both became one file',
      (disk: ModelDisk) =>
        void disk.files.set('/photos/a/2.jpg', disk.files.get('/photos/a/1.jpg') ?? { number: 0, content: '' }),
      'it is the very file that was to stay',
    ],
  ])('leaves a photo where it is when %s', async (_, change, reason) => {
    const groups = [group(photo('a/1.jpg'), photo('a/2.jpg'))];
    const disk = diskOf(groups, {});
    change(disk);
    const before = own(disk);
    const { moved, failed, undo } = await run(disk, groups);
    expect({ moved, undo }).toEqual({ moved: [], undo: null });
    expect(failed).toEqual([{ path: '/photos/a/2.jpg', reason: expect.stringContaining(reason) }]);
    expect(own(disk)).toEqual(before);
  });

  it('puts a photo back when what belongs to it cannot follow', async () => {
    const groups = [group(photo('a/1.jpg'), photo('a/2.jpg', ['a/2.xmp']))];
    const disk = diskOf(groups, {});
    const link = disk.link.bind(disk);
    disk.link = async (file, name) => {
      if (file.endsWith('.xmp')) throw Object.assign(new Error('full'), { code: 'ENOSPC', path: name });
      return link(file, name);
    };
    const { moved, failed, undo } = await run(disk, groups);
    expect({ moved, undo }).toEqual({ moved: [], undo: null });
    expect(failed).toEqual([{ path: '/photos/a/2.jpg', reason: 'the disk is full' }]);
    expect(own(disk)).toEqual(own(diskOf(groups, {})));
    // There is nothing to undo, so that an undoing means the run before.
    expect(await openJournals(disk, JOURNALS)).toEqual([]);
    expect(awayFolders(disk)).toEqual([]);
  });

  it('says what stands in the way, and at which end', async () => {
    const groups = [group(photo('a/1.jpg'), photo('a/2.jpg'))];
    const reasonWhen = async (hinder: (disk: ModelDisk) => void): Promise<string | undefined> => {
      const disk = diskOf(groups, {});
      hinder(disk);
      return (await run(disk, groups)).failed[0]?.reason;
    };
    const fails = (code: string, syscall: string, path: string) => async (): Promise<never> => {
      throw Object.assign(new Error(code), { code, syscall, path });
    };
    expect(
      await reasonWhen((disk) => {
        disk.makeFolder = async (folder) => {
          if (folder.startsWith('/away')) await fails('EROFS', 'mkdir', folder)();
        };
      }),
    ).toBe('/away/a is read-only');
    const remove = ModelDisk.prototype.remove;
    expect(
      await reasonWhen((disk) => {
        disk.remove = async (file) =>
          file.startsWith('/photos') ? fails('EROFS', 'unlink', file)() : remove.call(disk, file);
      }),
    ).toBe('it cannot be taken away: /photos/a is read-only');
    // The system names the photo, which is not what is wrong.
    expect(
      await reasonWhen((disk) => {
        disk.link = fails('ENOSPC', 'link', '/photos/a/2.jpg');
      }),
    ).toBe('the disk is full');
  });

  it('leaves a group that is too large alone', async () => {
    const groups = [{ ...group(photo('a/1.jpg'), photo('a/2.jpg')), isLarge: true }];
    const disk = diskOf(groups, {});
    expect(await run(disk, groups)).toEqual({ moved: [], failed: [], undo: null });
  });
});
