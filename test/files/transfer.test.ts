import type { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TransferKind, type Transferred, transfer } from '../../src/files/transfer/apply.ts';
import { makeFolders } from '../../src/files/transfer/disk.ts';
import { openJournals } from '../../src/files/transfer/journal.ts';
import { planTransfers } from '../../src/files/transfer/plan.ts';
import { undoMoves } from '../../src/files/transfer/undo.ts';
import { Killed, ModelDisk } from './model-disk.ts';

const JOURNALS = '/data/undo';
const signal = new AbortController().signal;

function run(disk: ModelDisk, kind: TransferKind, from: readonly string[], folder = '/to'): Promise<Transferred> {
  const bundles = from.map((file) => ({ stem: /([^/]*)\.[^/]*$/.exec(file)?.[1] ?? '', files: [file] }));
  const deps = { disk, journals: JOURNALS, signal, now: () => new Date(0), onDone: () => undefined };
  return transfer(kind, bundles, folder, deps);
}

/** The contents of the person's files, whatever they are called, leaving out what we may leave behind. */
function photosOf(files: ReadonlyMap<string, string>): string[] {
  const own = [...files].filter(([name, content]) => !/\/data\/|\/\.curate-/.test(name) && content !== '');
  return own.map(([, content]) => content);
}

const name = fc.constantFrom('a.jpg', 'A.JPG', 'a-2.jpg', 'b.jpg', 'b.heic', 'a.b.jpg');
const world = fc.record({
  /** Names in each folder; contents are all different. */
  first: fc.uniqueArray(name, { maxLength: 4 }),
  second: fc.uniqueArray(name, { maxLength: 4 }),
  there: fc.uniqueArray(name, { maxLength: 4 }),
  otherVolume: fc.boolean(),
  hardLinks: fc.boolean(),
});

function setUp({ first, second, there }: typeof world extends fc.Arbitrary<infer T> ? T : never) {
  const from = [...first.map((file) => `/one/${file}`), ...second.map((file) => `/two/${file}`)];
  const all = [...from, ...there.map((file) => `/to/${file}`)];
  return { from, all, files: Object.fromEntries(all.map((file) => [file, `content of ${file}`])) };
}

/** What could not be put back. */
async function undoAll(disk: ModelDisk) {
  const failed = [];
  for (const id of await openJournals(disk, JOURNALS)) {
    // A killed process gets no further than closing the journal.
    const undone = await undoMoves(disk, JOURNALS, id, signal).catch((error) => {
      if (!(error instanceof Killed)) throw error;
      return { failed: [] };
    });
    failed.push(...undone.failed);
  }
  return failed;
}

describe('transferring files', () => {
  it('copies and moves every file, keeps names that are free, and overwrites nothing', async () => {
    const kinds = fc.constantFrom<TransferKind>('copy', 'move', 'link');
    await fc.assert(
      fc.asyncProperty(world, kinds, async (about, kind) => {
        const { from, files } = setUp(about);
        const disk = new ModelDisk(files, { volumes: about.otherVolume ? ['/to'] : [], hardLinks: about.hardLinks });
        const { done, failed } = await run(disk, kind, from);
        expect(failed).toEqual([]);
        expect(done.map((one) => one.from)).toEqual(from);
        const after = disk.contents();
        for (const [file, content] of Object.entries(files)) {
          if (file.startsWith('/to/') || kind !== 'move') expect(after.get(file)).toBe(content);
          else expect(after.has(file)).toBe(false);
        }
        for (const { from: source, to } of done) {
          expect(after.get(to)).toBe(kind === 'link' ? `link to ${source}` : `content of ${source}`);
          expect(to).not.toMatch(/part$/);
        }
        const arrived = done.map(({ to }) => to.toLowerCase());
        expect(new Set([...arrived, ...about.there.map((file) => `/to/${file}`.toLowerCase())]).size).toBe(
          arrived.length + new Set(about.there.map((file) => file.toLowerCase())).size,
        );
        expect([...after.keys()].filter((file) => file.includes('.part'))).toEqual([]);
      }),
    );
  });

  it('loses and overwrites nothing when killed at any step, and undoing puts every moved file back', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.nat(30), fc.boolean(), fc.nat(30), async (about, steps, torn, undoSteps) => {
        const { from, all, files } = setUp(about);
        const options = { volumes: about.otherVolume ? ['/to'] : [], hardLinks: about.hardLinks };
        const dying = new ModelDisk(files, { ...options, steps, torn });
        await run(dying, 'move', from).catch((error) => expect(error).toBeInstanceOf(Killed));
        const contents = Object.values(files);
        const kept = photosOf(dying.contents());
        for (const content of contents) expect(kept).toContain(content);
        for (const file of all.filter((one) => one.startsWith('/to/'))) {
          expect(dying.contents().get(file)).toBe(`content of ${file}`);
        }
        // Undone, killed while that was under way, and undone again.
        const again = new ModelDisk(dying.files, { ...options, steps: undoSteps, torn });
        await undoAll(again);
        for (const content of contents) expect(photosOf(again.contents())).toContain(content);
        const last = new ModelDisk(again.files, options);
        expect(await undoAll(last)).toEqual([]);
        // Once something was moved, the copies in the making go with the rest.
        const hasMoved = [...dying.contents().keys()].some((file) => file.startsWith(JOURNALS));
        const ours = hasMoved ? /\/data\// : /\/data\/|\/\.curate-/;
        const restored = new Map([...last.contents()].filter(([file]) => !ours.test(file)));
        expect(restored).toEqual(new Map(Object.entries(files)));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves a file where it is when its copy on another volume is not equal to it', async () => {
    const disk = new ModelDisk({ '/one/a.jpg': 'photo' }, { volumes: ['/to'] });
    const sha256 = disk.sha256.bind(disk);
    disk.sha256 = async (file) => (file.startsWith('/to/') ? 'something else' : sha256(file));
    const { done, failed, undo } = await run(disk, 'move', ['/one/a.jpg']);
    expect({ done, failed, undo }).toEqual({
      done: [],
      failed: [{ path: '/one/a.jpg', reason: 'its copy is not equal to it' }],
      undo: null,
    });
    expect(disk.contents().get('/one/a.jpg')).toBe('photo');
    expect(disk.contents().has('/to/a.jpg')).toBe(false);
  });

  it('gives way when another program takes a name at the last moment, and undoes what it did alone', async () => {
    const disk = new ModelDisk({ '/one/a.jpg': 'photo' });
    const link = disk.link.bind(disk);
    disk.link = async (file, to) => {
      if (to === '/to/a.jpg') disk.files.set(to, { number: 99, content: 'theirs' });
      return link(file, to);
    };
    const { done, undo } = await run(disk, 'move', ['/one/a.jpg']);
    expect(done).toEqual([{ from: '/one/a.jpg', to: '/to/a-2.jpg' }]);
    const { restored, failed } = await undoMoves(disk, JOURNALS, undo ?? '', signal);
    expect({ restored, failed }).toEqual({ restored: [{ from: '/to/a-2.jpg', to: '/one/a.jpg' }], failed: [] });
    expect(disk.contents().get('/to/a.jpg')).toBe('theirs');
  });

  it('does not undo over a file that has the old name by now', async () => {
    const disk = new ModelDisk({ '/one/a.jpg': 'photo' });
    const { undo } = await run(disk, 'move', ['/one/a.jpg']);
    disk.files.set('/one/a.jpg', { number: 50, content: 'another' });
    const { restored, failed } = await undoMoves(disk, JOURNALS, undo ?? '', signal);
    expect(restored).toEqual([]);
    expect(failed).toEqual([{ path: '/to/a.jpg', reason: 'another file has its old name' }]);
    expect(disk.contents().get('/to/a.jpg')).toBe('photo');
    expect(await openJournals(disk, JOURNALS)).toEqual([undo]);
  });
});

describe('the plan', () => {
  it('numbers all files of a bundle alike, and leaves what lies there already', () => {
    const bundle = { stem: 'a', files: ['/one/a.jpg', '/one/a.jpg.xmp', '/one/a.CR2'] };
    const twice = [bundle, { stem: 'A', files: ['/two/A.jpg'] }, { stem: 'b', files: ['/to/b.jpg'] }];
    expect(planTransfers(twice, '/to', ['a.cr2', 'b.jpg']).map(({ to }) => to)).toEqual([
      '/to/a-2.jpg',
      '/to/a-2.jpg.xmp',
      '/to/a-2.CR2',
      '/to/A.jpg',
    ]);
  });
});

it('says what stands in the way of nested folders, where Node says that there are none', async () => {
  const failure = (code: string): Error => Object.assign(new Error(code), { code });
  const readOnly = (async (_: string, options?: { readonly recursive?: boolean }) => {
    throw failure(options?.recursive ? 'ENOENT' : 'EROFS');
  }) as unknown as typeof mkdir;
  await expect(makeFolders(join(tmpdir(), 'none', 'such'), readOnly)).rejects.toMatchObject({ code: 'EROFS' });
});
