import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IndexEvent, IndexReport } from '../../src/library/index/events.ts';
import { indexPhotos } from '../../src/library/index/index-photos.ts';
import { FACTS_VERSION } from '../../src/photos/facts.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { onlyMachine } from '../support/indexer.ts';
import { MemoryStore } from '../support/memory-store.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'curate-index-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

class Bench {
  readonly store = new MemoryStore();
  readonly table = this.store.table(testModel);
  readonly embedder = new HashEmbedder();
  readonly events: IndexEvent[] = [];
  interrupt = new AbortController();

  index(roots: string[], { prune = false, ignore = [] as string[], dryRun = false } = {}): Promise<IndexReport> {
    return indexPhotos(
      {
        store: this.store,
        table: this.table,
        openEmbedder: async () => this.embedder,
        onEvent: (event) => this.events.push(event),
        interrupted: this.interrupt.signal,
        ...onlyMachine(),
        elapsed: () => performance.now(),
        confirmPrune: async () => prune,
      },
      { roots, ignore, dryRun },
    );
  }

  /** What a search could find: absolute file -> content hash. */
  async content(): Promise<Map<string, string>> {
    const roots = new Map((await this.store.libraries()).map(({ id, root }) => [id, root]));
    return new Map(
      [...this.table.stored.values()].map((row) => [join(roots.get(row.library) ?? '?', row.path), row.sha256]),
    );
  }
}

async function put(path: string, content: string): Promise<void> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

describe('facts that an older version kept', () => {
  const stale = async (bench: Bench): Promise<void> => {
    const rows = [...bench.table.stored.values()].map((row) => ({ ...row, takenMs: 1, facts: 0 }));
    await bench.table.upsert(rows);
  };

  it('are read again by the next run, once, and nothing is embedded', async () => {
    const bench = new Bench();
    for (const name of ['1.jpg', '2.jpg', 'copy-of-2.jpg']) await put(`a/${name}`, name.slice(-5));
    await bench.index([join(home, 'a')]);
    const before = new Map(bench.table.stored);
    const embedded = bench.embedder.embedded;
    await stale(bench);
    const [preview] = (await bench.index([join(home, 'a')], { dryRun: true })).libraries;
    const [run] = (await bench.index([join(home, 'a')])).libraries;
    for (const report of [preview, run])
      expect(report).toMatchObject({ photos: 3, unchanged: 3, updated: 0, added: 0 });
    expect(new Map(bench.table.stored)).toEqual(before);
    bench.events.length = 0;
    await bench.index([join(home, 'a')]);
    expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'compared', todo: 0 }));
    expect(bench.embedder.embedded).toBe(embedded);
  });

  it('hold the sharpness of today afterwards, also where only that was measured otherwise', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await bench.index([join(home, 'a')]);
    const [row] = bench.table.stored.values();
    if (row === undefined) throw new Error('nothing was indexed');
    await bench.table.upsert([{ ...row, quality: 9000, facts: 1 }]);
    await bench.index([join(home, 'a')]);
    expect([...bench.table.stored.values()]).toEqual([row]);
    expect(bench.embedder.embedded).toBe(1);
  });

  it('are read again of a photo that moved meanwhile', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await bench.index([join(home, 'a')]);
    await stale(bench);
    await rename(join(home, 'a/1.jpg'), join(home, 'a/2.jpg'));
    const [report] = (await bench.index([join(home, 'a')])).libraries;
    expect(report).toMatchObject({ photos: 1, moved: 1 });
    expect([...bench.table.stored.values()]).toMatchObject([{ path: '2.jpg', takenMs: null, facts: FACTS_VERSION }]);
    expect(bench.embedder.embedded).toBe(1);
  });
});

describe('indexing a folder', () => {
  it('embeds what is new once, and nothing on the second run', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await put('a/b/2.png', 'two');
    const [first] = (await bench.index([join(home, 'a')])).libraries;
    expect(first).toMatchObject({ name: 'a', photos: 2, added: 2, unchanged: 0 });
    const [second] = (await bench.index([join(home, 'a')])).libraries;
    expect(second).toMatchObject({ photos: 2, added: 0, unchanged: 2 });
    expect(bench.embedder.embedded).toBe(2);
  });

  it('keeps the vector of a photo that was only touched', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await bench.index([join(home, 'a')]);
    await utimes(join(home, 'a/1.jpg'), 1000, 1000);
    const [report] = (await bench.index([join(home, 'a')])).libraries;
    expect(report).toMatchObject({ unchanged: 1, updated: 0 });
    expect(bench.embedder.embedded).toBe(1);
    expect([...bench.table.stored.values()][0]?.mtimeMs).toBe(1_000_000);
  });

  it('keeps the vector of a photo that moved, also to another library', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await put('b/2.jpg', 'two');
    await bench.index([join(home, 'a'), join(home, 'b')]);
    await rename(join(home, 'a/1.jpg'), join(home, 'b/3.jpg'));
    const { libraries } = await bench.index([join(home, 'b')]);
    expect(libraries[0]).toMatchObject({ moved: 1, added: 0, photos: 2 });
    expect(bench.embedder.embedded).toBe(2);
    expect(bench.table.stored.size).toBe(2);
  });

  it('gives two photos that swapped names each their own vector', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await put('a/2.jpg', 'two');
    await bench.index([join(home, 'a')]);
    const before = new Map([...bench.table.stored.values()].map((row) => [row.sha256, row.vector]));
    await put('a/1.jpg', 'two');
    await put('a/2.jpg', 'one');
    await utimes(join(home, 'a/1.jpg'), 5, 5);
    await utimes(join(home, 'a/2.jpg'), 6, 6);
    await bench.index([join(home, 'a')]);
    for (const row of bench.table.stored.values()) expect(row.vector).toEqual(before.get(row.sha256));
  });

  it('reports a damaged photo, goes on, and forgets it when it had been sound', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await put('a/2.jpg', 'broken');
    const [report] = (await bench.index([join(home, 'a')])).libraries;
    expect(report?.failed).toEqual([{ path: join(home, 'a/2.jpg'), code: 'corrupt', reason: 'it is damaged' }]);
    expect(report?.photos).toBe(1);
    await put('a/1.jpg', 'broken');
    expect((await bench.index([join(home, 'a')])).libraries[0]?.photos).toBe(0);
  });

  it('mentions hidden names, links and system folders, and passes over what is no photo', async () => {
    const bench = new Bench();
    await put('a/.hidden.jpg', 'x');
    await put('a/@eaDir/thumb.jpg', 'x');
    await put('a/notes.txt', 'x');
    await put('a/1.jpg', 'one');
    await symlink('.', join(home, 'a/loop'));
    const [report] = (await bench.index([join(home, 'a')])).libraries;
    expect(report?.photos).toBe(1);
    expect(report?.skipped.map(({ path }) => path).sort()).toEqual(
      ['.hidden.jpg', '@eaDir', 'loop'].map((name) => join(home, 'a', name)),
    );
  });

  it('counts a RAW file and its JPEG once, until the JPEG is gone', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'developed');
    await put('a/1.CR2', 'raw');
    await put('a/2.nef', 'alone');
    const [report] = (await bench.index([join(home, 'a')])).libraries;
    expect(report).toMatchObject({
      photos: 2,
      added: 2,
      skipped: [{ path: join(home, 'a/1.CR2'), reason: 'RAW of 1.jpg' }],
    });
    await rm(join(home, 'a/1.jpg'));
    expect((await bench.index([join(home, 'a')])).libraries[0]).toMatchObject({ photos: 2, added: 1, removed: 1 });
  });

  it('takes a RAW file in place of a JPEG that cannot be read, for as long as it cannot', async () => {
    const bench = new Bench();
    const root = join(home, 'a');
    const failed = [{ path: join(root, '1.jpg'), code: 'corrupt', reason: 'it is damaged' }];
    await put('a/1.jpg', 'broken');
    await put('a/1.cr2', 'raw');
    expect((await bench.index([root])).libraries[0]).toMatchObject({ photos: 1, added: 1, failed, skipped: [] });
    for (const _ of [2, 3]) {
      const [again] = (await bench.index([root])).libraries;
      expect(again).toMatchObject({ photos: 1, added: 0, unchanged: 1, removed: 0, failed, skipped: [] });
      expect(bench.embedder.embedded).toBe(1);
    }
    expect([...(await bench.content()).keys()]).toEqual([join(root, '1.cr2')]);

    const skipped = [{ path: join(root, '1.cr2'), reason: 'RAW of 1.jpg' }];
    await put('a/1.jpg', 'repaired');
    expect((await bench.index([root])).libraries[0]).toMatchObject({ photos: 1, added: 1, failed: [], skipped });
    expect([...(await bench.content()).keys()]).toEqual([join(root, '1.jpg')]);
    const [still] = (await bench.index([root])).libraries;
    expect(still).toMatchObject({ photos: 1, unchanged: 1, added: 0, removed: 0, skipped });

    await put('a/1.jpg', 'broken');
    expect((await bench.index([root])).libraries[0]).toMatchObject({ photos: 1, added: 1, failed, skipped: [] });
    expect([...(await bench.content()).keys()]).toEqual([join(root, '1.cr2')]);
  });

  it('tries the RAW files of one photo in turn, and reports the ones that cannot be read either', async () => {
    const bench = new Bench();
    const root = join(home, 'a');
    for (const name of ['1.jpg', '1.cr2', '2.jpg', '2.dng']) await put(`a/${name}`, 'broken');
    for (const name of ['1.dng', '1.nef']) await put(`a/${name}`, name);
    for (const [added, unchanged] of [
      [1, 0],
      [0, 1],
    ]) {
      const [report] = (await bench.index([root])).libraries;
      expect(report).toMatchObject({ photos: 1, added, unchanged });
      expect(report?.failed.map(({ path }) => path).sort()).toEqual(
        ['1.cr2', '1.jpg', '2.dng', '2.jpg'].map((name) => join(root, name)),
      );
      expect(report?.skipped).toEqual([{ path: join(root, '1.nef'), reason: 'RAW of 1.jpg' }]);
    }
    expect([...(await bench.content()).keys()]).toEqual([join(root, '1.dng')]);
  });

  it('gives way to JPEGs that were developed later, however many there are', async () => {
    const bench = new Bench();
    const root = join(home, 'a');
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    for (const i of numbers) await put(`a/${i}.cr2`, `raw ${i}`);
    await bench.index([root]);
    for (const i of numbers) await put(`a/${i}.jpg`, `developed ${i}`);
    const [dry] = (await bench.index([root], { dryRun: true })).libraries;
    expect(dry).toMatchObject({ photos: 60, added: 60, removed: 0 });
    const [report] = (await bench.index([root])).libraries;
    expect(report).toMatchObject({ photos: 60, added: 60, removed: 0 });
    expect(bench.events.filter(({ kind }) => kind === 'kept')).toEqual([]);
    expect([...(await bench.content()).keys()].every((path) => path.endsWith('.jpg'))).toBe(true);
  });

  it('obeys .curateignore files and patterns of the command line', async () => {
    const bench = new Bench();
    await put('a/.curateignore', 'exports/\n*.png\n');
    await put('a/b/.curateignore', '!keep.png\n');
    for (const name of ['exports/1.jpg', '2.png', 'b/keep.png', 'b/x.png', 'raw/3.jpg', '4.jpg'])
      await put(`a/${name}`, name);
    await bench.index([join(home, 'a')], { ignore: ['raw'] });
    expect([...bench.table.stored.values()].map(({ path }) => path).sort()).toEqual(['4.jpg', 'b/keep.png']);
  });
});

describe('a dry run', () => {
  it('says what a run would do, and does nothing', async () => {
    const bench = new Bench();
    for (const name of ['moves', 'goes', 'stays', 'touched', 'edited']) await put(`a/${name}.jpg`, name);
    await bench.index([join(home, 'a')]);
    const before = [...bench.table.stored.values()];
    await rename(join(home, 'a/moves.jpg'), join(home, 'a/moved.jpg'));
    await rm(join(home, 'a/goes.jpg'));
    await utimes(join(home, 'a/touched.jpg'), 7, 7);
    await put('a/edited.jpg', 'edited again');
    await put('a/new.jpg', 'new');
    const expected = { photos: 5, added: 1, updated: 1, moved: 1, unchanged: 2, removed: 1 };
    expect((await bench.index([join(home, 'a')], { dryRun: true })).libraries[0]).toMatchObject(expected);
    expect([...bench.table.stored.values()]).toEqual(before);
    expect((await bench.index([join(home, 'a')])).libraries[0]).toMatchObject(expected);
  });
});

describe('folders that overlap', () => {
  it('walks a folder inside a library as a part of it', async () => {
    const bench = new Bench();
    await put('a/b/1.jpg', 'one');
    await put('a/2.jpg', 'two');
    await bench.index([join(home, 'a')]);
    const { libraries } = await bench.index([join(home, 'a/b')]);
    expect(libraries).toHaveLength(1);
    expect(libraries[0]).toMatchObject({ name: 'a', photos: 2, unchanged: 1, removed: 0 });
  });

  it('takes an inner library over without embedding anything again', async () => {
    const bench = new Bench();
    await put('a/b/1.jpg', 'one');
    await put('a/2.jpg', 'two');
    await bench.index([join(home, 'a/b')]);
    const { libraries } = await bench.index([join(home, 'a')]);
    expect(libraries[0]).toMatchObject({ name: 'a', photos: 2, added: 1, moved: 1 });
    expect(bench.embedder.embedded).toBe(2);
    expect(await bench.store.libraries()).toHaveLength(1);
    expect(bench.table.stored.size).toBe(2);
  });

  it('keeps an inner library whose drive is away', async () => {
    const bench = new Bench();
    await put('a/nas/1.jpg', 'one');
    await put('a/2.jpg', 'two');
    await bench.index([join(home, 'a/nas')]);
    await rm(join(home, 'a/nas'), { recursive: true });
    await bench.index([join(home, 'a')]);
    expect(bench.table.stored.size).toBe(2);
    expect(await bench.store.libraries()).toHaveLength(2);
  });
});

describe('drives that come and go', () => {
  it('removes nothing when the folder is empty where it was not, unless told to', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await bench.index([join(home, 'a')]);
    await rm(join(home, 'a/1.jpg'));
    expect((await bench.index([join(home, 'a')])).libraries[0]).toMatchObject({ photos: 1, removed: 0 });
    expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'kept', photos: 1 }));
    expect((await bench.index([join(home, 'a')], { prune: true })).libraries[0]).toMatchObject({
      photos: 0,
      removed: 1,
    });
  });

  it('removes nothing when more than half of a large library would go', async () => {
    const bench = new Bench();
    for (let n = 0; n < 60; n += 1) await put(`a/${n}.jpg`, `${n}`);
    await bench.index([join(home, 'a')]);
    for (let n = 0; n < 31; n += 1) await rm(join(home, `a/${n}.jpg`));
    expect((await bench.index([join(home, 'a')])).libraries[0]).toMatchObject({ photos: 60, removed: 0 });
    await put('a/5.jpg', '5');
    expect((await bench.index([join(home, 'a')])).libraries[0]).toMatchObject({ photos: 30, removed: 30 });
  });

  it('says that a known folder is away and refuses one that never was', async () => {
    const bench = new Bench();
    await put('a/1.jpg', 'one');
    await bench.index([join(home, 'a')]);
    await rm(join(home, 'a'), { recursive: true });
    await expect(bench.index([])).rejects.toMatchObject({ code: 'libraries_away' });
    expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'away' }));
    expect(bench.table.stored.size).toBe(1);
    await expect(bench.index([join(home, 'a')])).rejects.toThrow(/There is no folder/);
  });
});

describe('an interrupted run', () => {
  it('keeps what was embedded, removes nothing, and is continued', async () => {
    const bench = new Bench();
    await put('a/old.jpg', 'old');
    await put('a/stays.jpg', 'stays');
    await bench.index([join(home, 'a')]);
    await rm(join(home, 'a/old.jpg'));
    for (let n = 0; n < 20; n += 1) await put(`a/${n}.jpg`, `${n}`);
    let seen = 0;
    bench.embedder.onEmbed = () => {
      seen += 1;
      if (seen === 5) bench.interrupt.abort();
    };
    const report = await bench.index([join(home, 'a')]);
    expect(report.interrupted).toBe(true);
    const kept = bench.table.stored.size;
    expect(kept).toBeGreaterThan(2);
    expect(kept).toBeLessThan(22);
    bench.interrupt = new AbortController();
    bench.embedder.onEmbed = () => undefined;
    expect((await bench.index([join(home, 'a')])).libraries[0]).toMatchObject({ photos: 21, removed: 1 });
    expect(bench.embedder.embedded).toBe(22);
  });
});

type Edit =
  | { do: 'write'; file: number; content: number }
  | { do: 'remove'; file: number }
  | { do: 'rename'; file: number; to: number }
  | { do: 'touch'; file: number; time: number }
  | { do: 'index' };

const FILES = ['a/1.jpg', 'a/2.jpg', 'a/x/3.jpg', 'a/x/4.jpg', 'b/5.jpg', 'b/6.jpg', 'b/y/7.jpg', 'b/8.jpg'].concat([
  'a/1.cr2',
  'a/x/3.dng',
  'a/x/3.nef',
  'b/8.arw',
]);
const index = fc.nat({ max: FILES.length - 1 });
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ do: fc.constant('write' as const), file: index, content: fc.nat({ max: 12 }) }),
  fc.record({ do: fc.constant('remove' as const), file: index }),
  fc.record({ do: fc.constant('rename' as const), file: index, to: index }),
  fc.record({ do: fc.constant('touch' as const), file: index, time: fc.integer({ min: 1, max: 2_000_000_000 }) }),
  fc.record({ do: fc.constant('index' as const) }),
);

describe('the index after any edits', () => {
  it('equals a fresh one', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(edits, { maxLength: 25 }), async (script) => {
        run += 1;
        const base = join(home, `run-${run}`);
        const roots = [join(base, 'a'), join(base, 'b')];
        for (const root of roots) await mkdir(root, { recursive: true });
        const at = (n: number): string => join(base, FILES[n] ?? '');
        const bench = new Bench();
        let clock = 1_000_000_000;
        for (const edit of script) {
          if (edit.do === 'index') await bench.index(roots, { prune: true });
          else {
            clock += 10;
            await apply(edit, at, clock);
          }
        }
        await bench.index(roots, { prune: true });
        const fresh = new Bench();
        await fresh.index(roots);
        expect(await bench.content()).toEqual(await fresh.content());
        const vectors = (b: Bench) =>
          new Map([...b.table.stored.values()].map((row) => [`${row.path}${row.sha256}`, row.vector]));
        expect(vectors(bench)).toEqual(vectors(fresh));
        await rm(base, { recursive: true });
      }),
      { numRuns: 150 },
    );
  });
});

/** Every edit leaves a time of its own, as a file system with a clock does. */
async function apply(edit: Exclude<Edit, { do: 'index' }>, at: (n: number) => string, time: number): Promise<void> {
  const file = at(edit.file);
  const there = await stat(file).catch(() => null);
  if (edit.do === 'write') {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, edit.content === 0 ? 'broken' : `content ${edit.content}`);
    await utimes(file, time, time);
  } else if (there === null) return;
  else if (edit.do === 'remove') await rm(file);
  else if (edit.do === 'rename') {
    await mkdir(dirname(at(edit.to)), { recursive: true });
    await rename(file, at(edit.to));
  } else await utimes(file, edit.time, edit.time);
}

it('never writes into the photo folder', async () => {
  const bench = new Bench();
  await put('a/1.jpg', 'one');
  const before = await readFile(join(home, 'a/1.jpg'));
  await bench.index([join(home, 'a')]);
  expect(await readdir(join(home, 'a'))).toEqual(['1.jpg']);
  expect(await readFile(join(home, 'a/1.jpg'))).toEqual(before);
});
