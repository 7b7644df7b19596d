import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IndexReport } from '../../src/library/index/events.ts';
import { Manifest } from '../../src/library/index/manifest.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { TestMachine } from '../support/machines.ts';
import { MemoryStore } from '../support/memory-store.ts';

let disk: string;
let store: MemoryStore;
let here: TestMachine;
/** Libraries whose rows the store was asked to list. */
let listed: string[];
beforeEach(async () => {
  disk = await mkdtemp(join(tmpdir(), 'curate-manifest-'));
  startStore();
});
afterEach(() => rm(disk, { recursive: true, force: true }));

function startStore(): void {
  store = new MemoryStore('server');
  const table = store.table(testModel);
  const photos = table.photos.bind(table);
  table.photos = (library) => {
    listed.push(library);
    return photos(library);
  };
  listed = [];
  here = new TestMachine('here', disk, store);
}

async function index(machine = here): Promise<IndexReport> {
  listed = [];
  return machine.indexFolder(['photos'], 'family');
}

/** Content by path, on the disk and in the store. */
async function onDisk(): Promise<Map<string, string>> {
  const names = (await readdir(here.at('photos'))).sort();
  const texts = await Promise.all(names.map((name) => readFile(here.at(`photos/${name}`), 'utf8')));
  return new Map(names.map((name, i) => [name, texts[i] ?? '']));
}
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const vectors = new HashEmbedder();
async function inStore(): Promise<Map<string, string>> {
  const rows = [...store.table(testModel).stored.values()].map(({ path, sha256 }) => [path, sha256] as const);
  return new Map(rows.sort());
}
async function expected(): Promise<Map<string, string>> {
  const hashes = [...(await onDisk()).keys()].map(async (name) => {
    const result = await vectors.embed({ file: here.at(`photos/${name}`) });
    return [name, result.kind === 'embedded' ? result.photo.sha256 : ''] as const;
  });
  return new Map(await Promise.all(hashes));
}

describe('a run that finds nothing to do', () => {
  it('asks the store for no rows, also when the runs before it have changed everything', async () => {
    await here.put('photos/a.jpg', 'one');
    await here.put('photos/b.jpg', 'two');
    await index();
    await here.put('photos/b.jpg', 'three');
    await here.put('photos/copy.jpg', 'one');
    await rename(here.at('photos/a.jpg'), here.at('photos/moved.jpg'));
    expect((await index()).libraries).toMatchObject([{ added: 1, updated: 1, moved: 1, photos: 3 }]);
    expect(listed).toEqual([]);
    await here.delete('photos/copy.jpg');
    await index();
    expect((await index()).libraries).toMatchObject([{ unchanged: 2, photos: 2 }]);
    expect(listed).toEqual([]);
    expect(await inStore()).toEqual(await expected());
  });

  it('asks for none either when a run with another model has changed everything since', async () => {
    const other = { ...testModel, sha256: '1'.repeat(64) };
    const indexWith = async (model: typeof other): Promise<IndexReport> => {
      const { home, machine } = here;
      const twin = new TestMachine('here', disk, store, { model });
      expect(twin.home).toBe(home);
      expect(await twin.machine.id()).toBe(await machine.id());
      return index(twin);
    };
    const { photos } = store.table(other);
    store.table(other).photos = (library) => {
      listed.push(library);
      return photos.call(store.table(other), library);
    };
    await here.put('photos/a.jpg', 'one');
    await index();
    await here.put('photos/b.jpg', 'two');
    expect((await indexWith(other)).libraries).toMatchObject([{ added: 2, photos: 2 }]);
    expect((await index()).libraries).toMatchObject([{ added: 1, unchanged: 1, photos: 2 }]);
    expect(listed).toEqual([]);
    expect((await indexWith(other)).libraries).toMatchObject([{ unchanged: 2, photos: 2 }]);
    expect(listed).toEqual([]);
  });

  it('looks into other libraries only when there is a file to read', async () => {
    await here.put('photos/a.jpg', 'one');
    await here.put('more/b.jpg', 'two');
    await here.indexFolder(['more'], 'more');
    await index();
    await rm(here.manifests, { recursive: true });
    await index();
    expect(listed).toHaveLength(1);
    await here.put('photos/copy.jpg', 'two');
    expect(await index()).toMatchObject({ embedded: 0, libraries: [{ added: 1 }] });
    expect(listed).toHaveLength(1);
  });
});

describe('photos that are new, and ones that are gone,', () => {
  it('are looked up in libraries of which no row is listed, here or by the store', async () => {
    await here.put('more/b.jpg', 'two');
    await here.put('photos/a.jpg', 'one');
    await here.indexFolder(['more'], 'more');
    await index();
    await here.put('photos/copy.jpg', 'two');
    await here.put('photos/new.jpg', 'six');
    await here.delete('photos/a.jpg');
    const read = vi.spyOn(Manifest.prototype, 'folders');
    expect(await index()).toMatchObject({ embedded: 1, libraries: [{ added: 2, removed: 1, photos: 2 }] });
    expect(listed).toEqual([]);
    expect(read).toHaveBeenCalledTimes(1);
    expect(await inStore()).toEqual(new Map([...(await expected()), ['b.jpg', sha256('two')]]));
  });

  it('are all found, moved and removed, also when there are more than wait in memory', async () => {
    const put = (folder: string, from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, (_, i) => here.put(`photos/${folder}/${from + i}.jpg`, `${from + i}`)),
      );
    await put('a', 0, 1100);
    await put('b', 1100, 1150);
    expect((await index()).libraries).toMatchObject([{ added: 1150, photos: 1150 }]);
    await rm(here.at('photos/a'), { recursive: true });
    await put('c', 1050, 1150);
    const before = here.embedder.embedded;
    const { libraries } = await here.indexFolder(['photos'], 'family', { confirmPrune: async () => true });
    expect(libraries).toMatchObject([{ added: 50, moved: 50, removed: 1050, unchanged: 50, photos: 150 }]);
    expect(here.embedder.embedded).toBe(before);
    expect(await readdir(here.manifests)).toHaveLength(1);
    expect((await index()).libraries).toMatchObject([{ unchanged: 150, removed: 0, photos: 150 }]);
  });
});

describe('what is known here is not believed', () => {
  it('when another machine has changed the library', async () => {
    const there = new TestMachine('there', disk, store);
    for (const machine of [here, there]) await machine.put('photos/a.jpg', 'one');
    await index();
    await index(there);
    await there.put('photos/b.jpg', 'two');
    await index(there);
    await here.put('photos/b.jpg', 'two');
    expect(await index()).toMatchObject({ embedded: 0, libraries: [{ unchanged: 2, added: 0 }] });
    expect(listed).toHaveLength(1);
    await index();
    expect(listed).toEqual([]);
  });

  it('when the store was made anew and has come to the same generation', async () => {
    await here.put('photos/a.jpg', 'one');
    await index();
    startStore();
    const there = new TestMachine('there', disk, store);
    await there.put('photos/a.jpg', 'one');
    await there.put('photos/b.jpg', 'two');
    await index(there);
    const [library] = await store.libraries();
    expect(library?.generation).toBe(1);
    await here.put('photos/b.jpg', 'two');
    expect(await index()).toMatchObject({ embedded: 0, libraries: [{ unchanged: 2, photos: 2 }] });
  });

  it('when its files are damaged in any way', async () => {
    for (let i = 0; i < 30; i += 1) await here.put(`photos/${i}.jpg`, `${i}`);
    await index();
    const [library] = await readdir(here.manifests);
    const folder = join(here.manifests, library ?? '');
    for (const harm of [
      (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1),
      (bytes: Buffer) => bytes.fill(0x5a, bytes.length >> 2, bytes.length >> 1),
      () => Buffer.alloc(0),
    ]) {
      for (const name of await readdir(folder)) {
        const file = join(folder, name);
        await writeFile(file, harm(await readFile(file)));
      }
      expect((await index()).libraries).toMatchObject([{ unchanged: 30, photos: 30, removed: 0 }]);
      expect((await index()).libraries).toMatchObject([{ unchanged: 30, photos: 30 }]);
    }
    expect(await inStore()).toEqual(await expected());
  });
});

/** What a person does between two runs, and how the run after it ends. */
interface Turn {
  readonly edits: readonly { readonly name: number; readonly content: number | null }[];
  /** After so many photos or writes the process dies; null lets it end. */
  readonly dies: number | null;
}

it('holds what the store holds after runs that die at any moment, whatever was done to the photos', async () => {
  const edit = fc.record({ name: fc.nat(5), content: fc.option(fc.nat(4)) });
  const turn: fc.Arbitrary<Turn> = fc.record({
    edits: fc.array(edit, { maxLength: 4 }),
    dies: fc.option(fc.nat(8)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 5 }), async (turns) => {
      await rm(here.home, { recursive: true, force: true });
      startStore();
      await here.put('photos/always.jpg', 'always');
      for (const { edits, dies } of [...turns, { edits: [], dies: null }]) {
        for (const { name, content } of edits) {
          if (content !== null) await here.put(`photos/${name}.jpg`, `content ${content}`);
          else await rm(here.at(`photos/${name}.jpg`), { force: true });
        }
        await run(dies);
      }
      expect(await inStore()).toEqual(await expected());
      await index();
      expect(listed).toEqual([]);
    }),
    { numRuns: 20 },
  );
}, 60_000);

/** A run whose every write to the store or step of a photo may be its last: then nothing tidy happens any more. */
async function run(dies: number | null): Promise<void> {
  const table = store.table(testModel);
  const [upsert, remove] = [table.upsert.bind(table), table.remove.bind(table)];
  let left = dies ?? Number.POSITIVE_INFINITY;
  const step = (): void => {
    left -= 1;
    if (left < 0) throw new Error('killed');
  };
  table.upsert = async (rows) => {
    step();
    await upsert(rows);
    step();
  };
  table.remove = async (ids) => {
    step();
    await remove(ids);
    step();
  };
  here.embedder.onEmbed = step;
  try {
    await index();
  } catch (error) {
    if (dies === null) throw error;
  } finally {
    here.embedder.onEmbed = () => undefined;
    Object.assign(table, { upsert, remove });
  }
}
