import { existsSync } from 'node:fs';
import { type mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeFolders } from '../../src/files/folders.ts';
import { type TransferKind, type Transferred, transfer } from '../../src/files/transfer/apply.ts';
import { type Disk, realDisk } from '../../src/files/transfer/disk.ts';
import { openJournals, readJournal } from '../../src/files/transfer/journal.ts';
import { type Bundle, planTransfers } from '../../src/files/transfer/plan.ts';
import { undoMoves } from '../../src/files/transfer/undo.ts';
import { Killed, ModelDisk } from './model-disk.ts';

const JOURNALS = '/data/undo';
const FILES = { own: 'mine', taken: 'theirs' };
const signal = new AbortController().signal;

/** Files of one folder and one name but for the ending belong together, as a photo and its sidecar do. */
function bundlesOf(from: readonly string[]): Bundle[] {
  const together = new Map<string, string[]>();
  for (const file of from) {
    const stem = file.replace(/\.[^./]*$/, '');
    together.set(stem, [...(together.get(stem) ?? []), file]);
  }
  return [...together].map(([stem, files]) => ({ stem: basename(stem), files }));
}

function run(disk: Disk, kind: TransferKind, from: readonly string[], folder = '/to'): Promise<Transferred> {
  const deps = { disk, journals: JOURNALS, signal, now: () => new Date(0), onDone: () => undefined };
  return transfer(kind, bundlesOf(from), folder, deps);
}

const folded = (name: string): string => name.normalize('NFC').toLowerCase();

/** Where files go: those of a bundle get the first number with which the names of all of them are free. */
function plainly(from: readonly string[], there: readonly string[]): Map<string, string> {
  const taken = new Set(there.map(folded));
  return new Map(
    bundlesOf(from).flatMap(({ stem, files }) => {
      const named = (n: number) => files.map((file) => `${stem}${n === 1 ? '' : `-${n}`}${extname(file)}`);
      let n = 1;
      while (named(n).some((name) => taken.has(folded(name)))) n += 1;
      for (const name of named(n)) taken.add(folded(name));
      return files.map((file, i) => [file, `/to/${named(n)[i]}`] as const);
    }),
  );
}

/** The contents of the person's files, whatever they are called, leaving out what we may leave behind. */
function photosOf(files: ReadonlyMap<string, string>): string[] {
  const own = [...files].filter(([name, content]) => !/\/data\/|\/\.curate-/.test(name) && content !== '');
  return own.map(([, content]) => content);
}

/** Twins in case and in the form of an accent, names that a number would make, sidecars. */
const name = fc.constantFrom(
  ...['a.jpg', 'A.JPG', 'a.xmp', 'a-2.jpg', 'a-2.xmp', 'b.jpg', 'b.heic', 'a.b.jpg'],
  ...['caf\u00e9.jpg', 'cafe\u0301.jpg', 'cafe\u0301.xmp'],
);
const world = fc.record({
  /** Names in each folder; contents are all different. */
  first: fc.uniqueArray(name, { maxLength: 5 }),
  second: fc.uniqueArray(name, { maxLength: 5 }),
  there: fc.uniqueArray(name, { maxLength: 5, selector: folded }),
  otherVolume: fc.boolean(),
  hardLinks: fc.boolean(),
  /** Whether the folder that files go to tells twins apart. */
  folds: fc.boolean(),
});
type Sample = typeof world extends fc.Arbitrary<infer T> ? T : never;

const optionsOf = ({ otherVolume, hardLinks, folds }: Sample) => ({
  volumes: otherVolume ? ['/to'] : [],
  folding: folds ? ['/to'] : [],
  hardLinks,
});

function setUp({ first, second, there }: Sample) {
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
        const disk = new ModelDisk(files, optionsOf(about));
        const { done, failed } = await run(disk, kind, from);
        expect(failed).toEqual([]);
        expect(new Map(done.map((one) => [one.from, one.to]))).toEqual(plainly(from, about.there));
        const after = disk.contents();
        for (const [file, content] of Object.entries(files)) {
          if (file.startsWith('/to/') || kind !== 'move') expect(after.get(file)).toBe(content);
          else expect(after.has(file)).toBe(false);
        }
        for (const { from: source, to } of done) {
          expect(after.get(to)).toBe(kind === 'link' ? `link to ${source}` : `content of ${source}`);
          expect(to).not.toMatch(/part$/);
        }
        const inFolder = [...after.keys()].filter((file) => file.startsWith('/to/')).map(folded);
        expect(new Set(inFolder).size).toBe(inFolder.length);
        expect([...after.keys()].filter((file) => file.includes('.part'))).toEqual([]);
        // What is said to be done outlasts a power cut.
        disk.cutPower(() => 0);
        for (const { to } of done) expect(disk.contents().get(to)).toBe(after.get(to));
      }),
    );
  });

  it('loses and overwrites nothing when killed at any step, or when the power fails, and undoing puts every moved file back', async () => {
    const death = fc.record({ steps: fc.nat(40), torn: fc.boolean(), power: fc.option(fc.infiniteStream(fc.nat(3))) });
    const die = (disk: ModelDisk, { power }: typeof death extends fc.Arbitrary<infer T> ? T : never): void => {
      if (power !== null) disk.cutPower((changes) => Math.min(changes, power.next().value));
    };
    await fc.assert(
      fc.asyncProperty(world, death, death, async (about, first, second) => {
        const { from, all, files } = setUp(about);
        const options = optionsOf(about);
        const dying = new ModelDisk(files, { ...options, ...first });
        await run(dying, 'move', from).catch((error) => expect(error).toBeInstanceOf(Killed));
        die(dying, first);
        const contents = Object.values(files);
        const kept = photosOf(dying.contents());
        for (const content of contents) expect(kept).toContain(content);
        for (const file of all.filter((one) => one.startsWith('/to/'))) {
          expect(dying.contents().get(file)).toBe(`content of ${file}`);
        }
        // Undone, killed while that was under way, and undone again.
        const again = new ModelDisk(dying.files, { ...options, ...second });
        await undoAll(again);
        die(again, second);
        for (const content of contents) expect(photosOf(again.contents())).toContain(content);
        const last = new ModelDisk(again.files, options);
        expect(await undoAll(last)).toEqual([]);
        // Once something was moved, the copies in the making go with the rest.
        const hasMoved = [...dying.contents().keys()].some((file) => file.startsWith(JOURNALS));
        const ours = hasMoved ? /\/data\// : /\/data\/|\/\.curate-/;
        const restored = new Map([...last.contents()].filter(([file]) => !ours.test(file)));
        expect(restored).toEqual(new Map(Object.entries(files)));
      }),
      { numRuns: 200 },
    );
  });

  it('touches no file but what it makes when copying or linking is killed at any step', async () => {
    const kinds = fc.constantFrom<TransferKind>('copy', 'link');
    await fc.assert(
      fc.asyncProperty(world, kinds, fc.nat(40), fc.boolean(), async (about, kind, steps, torn) => {
        const { from, files } = setUp(about);
        const disk = new ModelDisk(files, { ...optionsOf(about), steps, torn });
        await run(disk, kind, from).catch((error) => expect(error).toBeInstanceOf(Killed));
        const after = disk.contents();
        const wanted = plainly(from, about.there);
        for (const [file, content] of Object.entries(files)) expect(after.get(file)).toBe(content);
        for (const [file, content] of after) {
          // A name that was claimed is empty, and a copy in the making has a name of its own.
          if (file in files || content === '' || basename(file).startsWith('.curate-')) continue;
          const [source] = [...wanted].find(([, to]) => to === file) ?? [];
          expect(content).toBe(kind === 'link' ? `link to ${source}` : `content of ${source}`);
        }
      }),
      { numRuns: 200 },
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

  it('gives way, by each way of transferring, when another program takes a name at the last moment, and undoes what it did alone', async () => {
    for (const kind of ['move', 'copy', 'link'] as const) {
      for (const options of [
        { isEarly: true },
        { isEarly: false, hardLinks: false },
        { isEarly: true, volumes: ['/to'] },
        { isEarly: false, volumes: ['/to'], hardLinks: false },
      ]) {
        const disk = new ModelDisk({ '/one/a.jpg': 'photo' }, options);
        const { state, link } = disk;
        const take = (name: string): void => {
          if (name === '/to/a.jpg') disk.files.set(name, { number: 99, content: 'theirs' });
        };
        // Between looking at a name and taking it, and between two ways of taking it.
        disk.link = (file, name) =>
          link.call(disk, file, name).catch((error) => {
            take(name);
            throw error;
          });
        if (kind === 'link' || options.isEarly) {
          disk.state = async (file) => {
            const found = await state.call(disk, file);
            if (found === null) take(file);
            return found;
          };
        }
        const { done, undo } = await run(disk, kind, ['/one/a.jpg']);
        expect(done).toEqual([{ from: '/one/a.jpg', to: '/to/a-2.jpg' }]);
        const own = [...disk.contents()].filter(([file]) => !file.startsWith('/data/'));
        expect(own.map(([file, content]) => (file === '/to/a.jpg' ? content : file)).sort()).toEqual(
          [...(kind === 'move' ? [] : ['/one/a.jpg']), '/to/a-2.jpg', 'theirs'].sort(),
        );
        if (kind !== 'move') continue;
        const { restored, failed } = await undoMoves(disk, JOURNALS, undo ?? '', signal);
        expect({ restored, failed }).toEqual({ restored: [{ from: '/to/a-2.jpg', to: '/one/a.jpg' }], failed: [] });
        expect(disk.contents().get('/to/a.jpg')).toBe('theirs');
      }
    }
  });

  it.each([
    ['its old name cannot be removed', {}, 'remove'],
    ['its old name cannot be removed from another volume', { volumes: ['/to'] }, 'remove'],
    ['it cannot be renamed', { hardLinks: false }, 'rename'],
    ['it is changed while it is copied', { volumes: ['/to'] }, 'change'],
    ['it is a link', {}, 'symlink'],
  ] as const)('leaves a file as it is, with nothing to take back, when %s', async (_, options, what) => {
    const disk = new ModelDisk(
      { '/one/a.jpg': 'photo', '/one/b.jpg': 'another', '/to/.curate-1.part': 'draft' },
      options,
    );
    const { [what === 'rename' ? 'rename' : 'remove']: step, copy, state } = disk;
    const failing = async (file: string): Promise<never> => {
      throw Object.assign(new Error('EACCES'), { code: 'EACCES', path: file });
    };
    if (what === 'remove')
      disk.remove = async (file) => (file === '/one/a.jpg' ? failing(file) : step.call(disk, file, ''));
    if (what === 'rename')
      disk.rename = async (file, to) => (file === '/one/a.jpg' ? failing(file) : step.call(disk, file, to));
    if (what === 'change') {
      disk.copy = async (file, into) => {
        const sha256 = await copy.call(disk, file, into);
        if (file === '/one/a.jpg') disk.files.set(file, { number: 1, content: 'longer by now' });
        return sha256;
      };
    }
    if (what === 'symlink') {
      disk.state = async (file) => {
        const found = await state.call(disk, file);
        return file === '/one/a.jpg' && found !== null ? { ...found, isFile: false } : found;
      };
    }
    const { done, failed, undo } = await run(disk, 'move', ['/one/a.jpg', '/one/b.jpg']);
    expect(done).toEqual([{ from: '/one/b.jpg', to: '/to/b.jpg' }]);
    expect(failed.map(({ path }) => path)).toEqual(['/one/a.jpg']);
    expect((await readJournal(disk, JOURNALS, undo ?? '')).moves).toEqual(done);
    const own = [...disk.contents()].filter(([file]) => !file.startsWith('/data/'));
    expect(own).toEqual([
      ['/one/a.jpg', what === 'change' ? 'longer by now' : 'photo'],
      ['/to/b.jpg', 'another'],
    ]);
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
    // Nor over one of the same size, be it on another volume under the same number.
    const { number } = (await disk.state('/to/a.jpg')) ?? { number: 0 };
    const apart = new ModelDisk(disk.files, { volumes: ['/to'] });
    apart.files.set('/one/a.jpg', { number, content: 'phot\u00f3' });
    expect((await undoMoves(apart, JOURNALS, undo ?? '', signal)).failed).toHaveLength(1);
    expect([apart.contents().get('/one/a.jpg'), apart.contents().get('/to/a.jpg')]).toEqual(['phot\u00f3', 'photo']);
  });

  it('keeps two moves of one second apart', async () => {
    const disk = new ModelDisk({ '/one/a.jpg': 'photo', '/one/b.jpg': 'another' });
    const [first, second] = [await run(disk, 'move', ['/one/a.jpg']), await run(disk, 'move', ['/one/b.jpg'])];
    expect(await openJournals(disk, JOURNALS)).toEqual([first.undo, second.undo]);
    await undoMoves(disk, JOURNALS, second.undo ?? '', signal);
    expect([...disk.contents().keys()].filter((file) => !file.startsWith('/data/'))).toEqual([
      '/to/a.jpg',
      '/one/b.jpg',
    ]);
  });
});

describe.each([
  [
    'a real disk',
    async (folder: string): Promise<Disk> => {
      for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, name), content);
      return realDisk;
    },
  ],
  [
    'the disk of these tests',
    async (folder: string): Promise<Disk> =>
      new ModelDisk(Object.fromEntries(Object.entries(FILES).map(([name, content]) => [join(folder, name), content]))),
  ],
])('%s', (_, make) => {
  it('takes no name from another file, and removes no folder that holds one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'curate-disk-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const disk = await make(folder);
    const [own, taken] = [join(folder, 'own'), join(folder, 'taken')];
    const taking = { code: 'EEXIST' };
    await expect(disk.link(own, taken)).rejects.toMatchObject(taking);
    await expect(disk.symlink(own, taken)).rejects.toMatchObject(taking);
    await expect(disk.claim(taken)).rejects.toMatchObject(taking);
    await expect(disk.write(taken, 'else')).rejects.toMatchObject(taking);
    await expect(disk.copy(own, taken)).rejects.toMatchObject(taking);
    await disk.removeFolder(folder);
    expect([await disk.read(own), await disk.read(taken)]).toEqual(['mine', 'theirs']);
    expect((await disk.state(own))?.number).not.toBe((await disk.state(taken))?.number);
    await disk.link(own, join(folder, 'second'));
    expect((await disk.state(join(folder, 'second')))?.number).toBe((await disk.state(own))?.number);
    const copied = join(folder, 'copy');
    expect(await disk.copy(own, copied)).toBe(await disk.sha256(copied));
    expect(await disk.read(copied)).toBe('mine');
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

it.skipIf(!existsSync('/proc/self'))('does not try for ever where no folder can be', async () => {
  await expect(makeFolders('/proc/curate/photos')).rejects.toMatchObject({ code: 'ENOENT' });
});

it('leaves it to no module to make folders in the way that does', async () => {
  const modules = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts'));
  expect(modules.length).toBeGreaterThan(300);
  const texts = await Promise.all(
    modules.map(async (name) => [name, await readFile(join('src', name), 'utf8')] as const),
  );
  expect(texts.flatMap(([name, text]) => (/mkdir(Sync)?\([^;]*recursive: true/.test(text) ? [name] : []))).toEqual([]);
});
