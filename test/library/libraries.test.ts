import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { holdIndex } from '../../src/library/index/lock.ts';
import {
  findLibrary,
  forgetLibrary,
  listLibraries,
  relocate,
  relocateLibrary,
  removeLibrary,
} from '../../src/library/libraries.ts';
import { onMachine } from '../../src/library/machine.ts';
import { statusOf } from '../../src/library/status.ts';
import { freshModel, photo } from '../store/samples.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { machineIn } from '../support/indexer.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { memorySession } from '../support/session.ts';
import { testWorld } from '../support/world.ts';

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-libraries-')));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const family = { id: 'f', name: 'Family', root: '/photos/family' };
const trips = { id: 't', name: 'Trips', root: '/photos/trips' };

describe('a library', () => {
  it('is found by its root before its name, and one that is not there is said', () => {
    const named = { id: 'n', name: '/photos/trips', root: '/elsewhere' };
    expect(findLibrary([named, family, trips], '/photos/trips', '/photos/trips')).toBe(trips);
    expect(findLibrary([family, trips], 'Family', '/cwd/Family')).toBe(family);
    expect(() => findLibrary([family], 'Trips', '/cwd/Trips')).toThrow('No library has the root or the name Trips.');
  });

  it('is said to be indexed while its lease is renewed, and not by a run that was killed', async () => {
    const store = new MemoryStore('server');
    const lease = { token: 't', machine: 'm', holder: 'nas (process 1)', since: 0, until: 60_000 };
    await store.putLibrary({ ...family, lease });
    const index = { store, table: store.table(testModel) };
    const holders = async (now: number) => (await listLibraries(index, now)).map((library) => library.lease?.holder);
    expect(await holders(59_000)).toEqual(['nas (process 1)']);
    // Its clock may be behind.
    expect(await holders(110_000)).toEqual(['nas (process 1)']);
    expect(await holders(180_000)).toEqual([undefined]);
  });

  it('is forgotten with its rows of every model, and nothing else is', async () => {
    const store = new MemoryStore();
    const [one, other] = [freshModel(), freshModel()];
    await store.putLibrary(family);
    await store.putLibrary(trips);
    const rows = Array.from({ length: 1100 }, (_, index) => photo(`${index}.jpg`, { library: family.id }));
    const kept = photo('a.jpg', { library: trips.id });
    await store.table(one).upsert([...rows, kept]);
    await store.table(other).upsert([photo('a.jpg', { library: family.id }), kept]);
    const table = store.table(one);
    const listed = vi.spyOn(table, 'photos');
    /** By model, how many rows there were when their mark changed. */
    const changed = new Map<string, number>();
    const changing = async (library: string, { sha256 }: { sha256: string }): Promise<void> => {
      const [model] = [one, other].filter((each) => each.sha256 === sha256);
      if (model !== undefined) changed.set(sha256, await store.table(model).count(library));
    };
    expect(await removeLibrary(store, family, { changing })).toBe(1101);
    expect(listed).not.toHaveBeenCalled();
    // What machines know of them is not believed any more, even if this ends half done.
    expect(changed).toEqual(
      new Map([
        [one.sha256, 1100],
        [other.sha256, 1],
      ]),
    );
    expect(await store.libraries()).toEqual([trips]);
    for (const model of [one, other]) expect([...store.table(model).stored.values()]).toEqual([kept]);
  });

  it('moves, for this machine alone, to a folder that overlaps no other and holds its photos', async () => {
    const bare = new MemoryStore();
    const machine = machineIn(home);
    const store = onMachine(bare, machine);
    const table = store.table(testModel);
    const at = (name: string): string => join(home, name);
    for (const name of ['new', 'taken/inner', 'empty']) await mkdir(at(name), { recursive: true });
    await writeFile(join(at('new'), 'a.jpg'), 'one');
    const sha256 = createHash('sha256').update('one').digest('hex');
    for (const library of [family, { ...trips, root: at('taken') }]) {
      await store.putLibrary(library);
      await machine.keep(library.id, library.root);
    }
    await table.upsert([photo('a.jpg', { library: family.id, sha256, size: 3 })]);
    const index = { store, table };
    const moving = (name: string) => relocate(index, machine, family, at(name));
    await expect(moving('taken/inner')).rejects.toMatchObject({ code: 'library_overlap' });
    await expect(moving('empty')).rejects.toMatchObject({ code: 'library_unproved', kind: 'refused' });
    const before = await bare.libraries();
    expect(await moving('new')).toEqual({ ...family, root: at('new') });
    expect(await store.libraries()).toContainEqual({ ...family, root: at('new') });
    expect(await bare.libraries()).toEqual(before);
  });

  it('is listed with its photos of the model at hand, and as away when its folder is', async () => {
    const store = new MemoryStore();
    const table = store.table(testModel);
    await store.putLibrary({ ...family, root: home });
    await store.putLibrary(trips);
    await table.upsert([photo('a.jpg', { library: trips.id })]);
    await store.table(freshModel()).upsert([photo('a.jpg', { library: family.id })]);
    expect(await listLibraries({ store, table }, 0)).toEqual([
      { ...family, root: home, photos: 0, available: true },
      { ...trips, photos: 1, available: false },
    ]);
  });

  it('is changed only while no index run is under way', async () => {
    const session = memorySession({ home, store: new MemoryStore(), embedder: new HashEmbedder() });
    const machine = machineIn(home, {}, session.settings.milvusUri);
    const store = onMachine(await session.store(), machine);
    session.index = async () => ({ store, table: store.table(testModel) });
    await store.putLibrary(family);
    await machine.keep(family.id, family.root);
    const waited: string[] = [];
    const deps = {
      world: testWorld(),
      session,
      signal: new AbortController().signal,
      onWait: () => waited.push('waited'),
    };
    const held = { onWait: () => undefined, signal: deps.signal };
    const wanted = { name: 'Family', root: '/cwd/Family' };
    const never = () => Promise.reject(new Error('nobody needs to be asked'));
    let relocating: Promise<unknown> = Promise.resolve();
    await holdIndex({ pid: 2 }, session.settings, held, async () => {
      relocating = relocateLibrary(deps, wanted, home);
      await expect.poll(() => waited).toEqual(['waited']);
      expect(await store.libraries()).toEqual([family]);
    });
    expect(await relocating).toEqual({ library: { ...family, root: home }, from: family.root });
    expect(await forgetLibrary(deps, wanted, never)).toEqual({ library: { ...family, root: home }, removed: 0 });
    await expect(forgetLibrary(deps, wanted, never)).rejects.toMatchObject({ code: 'library_unknown' });
  });

  it('is part of the status, which says what could not be counted', async () => {
    const store = new MemoryStore();
    await store.putLibrary({ ...family, root: home });
    await mkdir(join(home, 'cache'));
    await writeFile(join(home, 'cache', 'graph'), '12345');
    await writeFile(join(home, 'data'), 'a file in place of the folder');
    const session = memorySession({ home, store, embedder: new HashEmbedder() });
    expect(await statusOf(session, 0)).toMatchObject({
      model: { id: 'test' },
      store: { kind: 'lite' },
      libraries: [{ name: 'Family', available: true }],
      sizes: { dataBytes: 0, cacheBytes: 5 },
      unlisted: [join(home, 'data')],
    });
  });
});
