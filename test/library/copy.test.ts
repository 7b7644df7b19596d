import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { activeModel, rememberModel } from '../../src/library/active-model.ts';
import { countEqual, queries, SAME_SCORE, SEARCHES } from '../../src/library/copy/compare.ts';
import { type CopyDeps, type CopyEvent, type CopyReport, copyIndex } from '../../src/library/copy/copy.ts';
import { photoId } from '../../src/library/paths.ts';
import type { Session } from '../../src/library/session.ts';
import type { Library, ModelIdentity, PhotoRow, PhotoStore, SearchOptions, VectorHit } from '../../src/store/port.ts';
import { byId, photo } from '../store/samples.ts';
import { TestMachine } from '../support/machines.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { placeIn } from '../support/session.ts';
import { testWorld } from '../support/world.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-copy-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const model: ModelIdentity = { id: 'test', sha256: '0'.repeat(64), dim: 4 };
const other: ModelIdentity = { id: 'other', sha256: '1'.repeat(64), dim: 4 };

interface Places {
  readonly home: string;
  readonly from: Session;
  readonly to: Session;
}

async function places(source: PhotoStore, target: PhotoStore): Promise<Places> {
  const home = await mkdtemp(join(folder, 'home-'));
  await mkdir(join(home, 'data'));
  return { home, from: placeIn(home, '', source), to: placeIn(home, 'http://nas:19530', target) };
}

function copy({ from, to }: Places, more: Partial<CopyDeps> = {}, names: readonly string[] = []): Promise<CopyReport> {
  const world = testWorld({ hostname: 'laptop' });
  return copyIndex(
    {
      world,
      from,
      to,
      signal: world.interrupted,
      onEvent: () => undefined,
      confirmName: async () => false,
      pace: { lastsMs: 20_000, settleMs: 0, pollMs: 5 },
      ...more,
    },
    names,
  );
}

function rowsOf(library: string, count: number, of = 'a'): PhotoRow[] {
  return Array.from({ length: count }, (_, n) => {
    const path = `${of}/${n}.jpg`;
    const id = photoId(library, path);
    return { ...photo(path, { angle: n / 7 }), id, library, path, sha256: id.replaceAll('a', 'b') };
  });
}

async function filled(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.putLibrary({ id: 'one', name: 'One', root: '/photos/one', model: 'test', generation: 3, mark: 'm' });
  await store.putLibrary({ id: 'two', name: 'Two', root: '/photos/two' });
  await store.table(model).upsert([...rowsOf('one', 23), ...rowsOf('two', 4)]);
  await store.table(other).upsert(rowsOf('one', 5));
  return store;
}

/** All that a store has, but for what belongs to the store itself. */
function contents(store: MemoryStore): unknown {
  return [model, other].map((each) => byId([...store.table(each).stored.values()]));
}

/** A store whose n-th call fails, as when the process or the network ends there. */
function failingAt(store: MemoryStore, n: number): PhotoStore {
  let calls = 0;
  const step = (): void => {
    calls += 1;
    if (calls > n) throw new Error('cut off');
  };
  const failing = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name === 'table') return (...args: unknown[]) => failing(value.apply(target, args));
        return (...args: unknown[]) => {
          if (name !== 'all' && name !== 'photos') {
            return (async () => {
              step();
              return value.apply(target, args);
            })();
          }
          return (async function* () {
            step();
            yield* value.apply(target, args);
            step();
          })();
        };
      },
    });
  return failing<PhotoStore>(store);
}

test('every row of every model goes along under its id, and searches find the same in both places', async () => {
  const [source, target] = [await filled(), new MemoryStore('server')];
  const there = await places(source, target);
  await rememberModel(there.from.settings, 'test');
  const events: CopyEvent[] = [];
  const report = await copy(there, { onEvent: (event) => events.push(event) });
  expect(report).toEqual({
    libraries: [
      { name: 'One', photos: 28 },
      { name: 'Two', photos: 4 },
    ],
    rows: 32,
    copied: 32,
    verified: { searches: 50, equal: 50 },
  });
  expect(contents(target)).toEqual(contents(source));
  const [one] = await target.libraries();
  expect(one).toMatchObject({ id: 'one', name: 'One', model: 'test', generation: 1 });
  expect(one?.lease).toBeUndefined();
  expect(one?.arriving).toBeUndefined();
  expect(await source.libraries()).toMatchObject([{ generation: 3, mark: 'm' }, { id: 'two' }]);
  expect(events.filter(({ kind }) => kind === 'copying').at(-1)).toMatchObject({ done: 32, total: 32 });
  // What this machine knows goes along, so that the next run there has nothing to do.
  expect(await there.to.machine.roots()).toEqual(
    new Map([
      ['one', '/photos/one'],
      ['two', '/photos/two'],
    ]),
  );
  expect(await activeModel(there.to.settings)).toBe('test');
});

test('a server is not copied to itself by another of its names', async () => {
  const server = new MemoryStore('server');
  await server.putLibrary({ id: 'one', name: 'One', root: '/photos/one' });
  const home = await mkdtemp(join(folder, 'home-'));
  const [from, to] = ['http://nas:19530', 'http://192.168.1.5:19530'].map((uri) => placeIn(home, uri, server));
  await expect(copy({ home, from: from as Session, to: to as Session })).rejects.toMatchObject({ code: 'copy_same' });
});

test('a copy that was cut off at any call is continued by the next, and nothing is lost, doubled or called whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 90 }),
      fc.nat({ max: 90 }),
      fc.boolean(),
      fc.nat({ max: 22 }),
      async (first, second, ofSource, changed) => {
        const [source, target] = [await filled(), new MemoryStore('server')];
        for (const n of [first, second]) {
          const broken = ofSource
            ? await places(failingAt(source, n), target)
            : await places(source, failingAt(target, n));
          const isWhole = await copy(broken).then(
            () => true,
            () => false,
          );
          const arrived = (await target.libraries()).filter(({ arriving }) => arriving === undefined);
          if (isWhole) expect(arrived).toHaveLength(2);
          for (const { id } of arrived) {
            expect(await target.table(model).count(id)).toBe(await source.table(model).count(id));
          }
          // Meanwhile the source changes, in front of and behind the place where the copy stopped.
          const [row, gone] = rowsOf('one', 23).slice(changed);
          if (row !== undefined) await source.table(model).upsert([{ ...row, sha256: 'f'.repeat(64), size: n }]);
          // A library that has arrived is not looked at again by a run that ends before it begins.
          if (gone !== undefined && !arrived.some(({ id }) => id === 'one'))
            await source.table(model).remove([gone.id]);
          if (isWhole)
            await target
              .removeLibrary('one')
              .then(() => target.table(model).remove(rowsOf('one', 23).map(({ id }) => id)));
        }
        // The same machine goes on: what it left claimed is its own.
        const machine = await places(source, target);
        const report = await copy(machine, { pace: { lastsMs: 1, settleMs: 0, pollMs: 1 } });
        expect(report.verified).toEqual({ searches: 50, equal: 50 });
        expect(contents(target)).toEqual(contents(source));
        expect((await target.libraries()).map(({ id, arriving }) => [id, arriving])).toEqual([
          ['one', undefined],
          ['two', undefined],
        ]);
      },
    ),
    { numRuns: 20 },
  );
});

test('while it arrives a library is marked so, and no index run takes it for whole', async () => {
  const [source, target] = [await filled(), new MemoryStore('server')];
  const there = await places(source, failingAt(target, 12));
  await expect(copy(there)).rejects.toThrow('cut off');
  expect(await target.libraries()).toMatchObject([{ arriving: 'laptop' }, { arriving: 'laptop' }]);
  const nas = new TestMachine('nas', folder, target);
  await nas.put('photos/a.jpg', 'a');
  await expect(nas.indexFolder(['photos'], 'One')).rejects.toMatchObject({
    code: 'library_arriving',
    message: expect.stringContaining('still being copied from laptop'),
    kind: 'refused',
  });
});

test('what is indexed while it is copied comes along, and what left goes', async () => {
  const [source, target] = [await filled(), new MemoryStore('server')];
  const there = await places(source, target);
  const [first, second] = rowsOf('one', 2);
  let meanwhile: (() => Promise<void>) | null = async () => {
    const [library] = await source.libraries();
    await source.putLibrary({ ...(library as Library), generation: 4, mark: 'later' });
    await source.table(model).upsert(rowsOf('one', 3, 'new'));
    await source.table(model).remove([first?.id ?? '', second?.id ?? '']);
  };
  const slow = new Proxy(source, {
    get: (store, name) => {
      if (name !== 'libraries') return Reflect.get(store, name).bind?.(store) ?? Reflect.get(store, name);
      return async () => {
        // Asked after the rows were compared, for whether they are still the same.
        if (target.tables().some(({ stored }) => stored.size >= 23)) {
          const change = meanwhile;
          meanwhile = null;
          await change?.();
        }
        return store.libraries();
      };
    },
  });
  await copy({ ...there, from: placeIn(there.home, '', slow) });
  expect(meanwhile).toBeNull();
  expect(contents(target)).toEqual(contents(source));
});

test('a library that is there already is joined: what it has beyond stays, and the next copy writes nothing', async () => {
  const [source, target] = [await filled(), new MemoryStore('server')];
  const there = await places(source, target);
  await target.putLibrary({ id: 'one', name: 'One', root: '' });
  await target.table(model).upsert([...rowsOf('one', 10), ...rowsOf('one', 3, 'of others')]);
  expect(await copy(there)).toMatchObject({ rows: 32, copied: 22, verified: { searches: 50, equal: 50 } });
  expect(await target.table(model).count('one')).toBe(26);
  expect(await copy(there)).toMatchObject({ rows: 32, copied: 0, verified: { searches: 50, equal: 50 } });
});

test('another library of the same name is kept apart, after it was asked', async () => {
  const [source, target] = [await filled(), new MemoryStore('server')];
  const there = await places(source, target);
  await target.putLibrary({ id: 'theirs', name: 'One', root: '' });
  await expect(copy(there)).rejects.toMatchObject({ code: 'not_confirmed', kind: 'refused' });
  expect(await target.libraries()).toHaveLength(1);
  await copy(there, { confirmName: async (_, name) => name === 'One-2' });
  expect((await target.libraries()).map(({ id, name }) => [id, name])).toEqual([
    ['one', 'One-2'],
    ['theirs', 'One'],
    ['two', 'Two'],
  ]);
});

test('only the libraries that are named go, and one that nobody knows is said so', async () => {
  const [source, target] = [await filled(), new MemoryStore('server')];
  const there = await places(source, target);
  expect(await copy(there, {}, ['Two'])).toMatchObject({ rows: 4, libraries: [{ name: 'Two' }] });
  expect((await target.libraries()).map(({ id }) => id)).toEqual(['two']);
  await expect(copy(there, {}, ['Three'])).rejects.toMatchObject({ code: 'library_unknown' });
  await expect(copy({ ...there, to: there.from })).rejects.toMatchObject({ code: 'copy_same' });
});

test('a vector that is another in the target is found out by the searches', async () => {
  const [source, target] = [await filled(), new MemoryStore('server')];
  const there = await places(source, target);
  await target.putLibrary({ id: 'one', name: 'One', root: '', arriving: 'laptop' });
  const [row] = byId(rowsOf('one', 23));
  if (row === undefined) throw new Error('there are rows');
  await target.table(model).upsert([{ ...row, vector: Float32Array.of(0, 0, 0, 1) }]);
  await expect(copy(there)).rejects.toMatchObject({ code: 'copy_unverified' });
  expect((await target.libraries())[0]?.arriving).toBe('laptop');
});

test('after a copy an index run in the new place finds everything as it was', async () => {
  const home = await mkdtemp(join(folder, 'home-'));
  const [source, target] = [new MemoryStore('server'), new MemoryStore('server')];
  const disk = join(home, 'disk');
  const laptop = new TestMachine('laptop', disk, source);
  for (const name of ['a.jpg', 'b.jpg', 'c.jpg']) await laptop.put(`photos/${name}`, name);
  await laptop.indexFolder(['photos']);
  const moved = new TestMachine('laptop', disk, target, { uri: 'http://other:19530' });
  const session = (store: PhotoStore, uri: string): Session => placeIn(laptop.at('curate'), uri, store);
  await copy({ home, from: session(source, 'http://nas:19530'), to: session(target, 'http://other:19530') });
  const { libraries } = await moved.indexFolder(['photos']);
  expect(libraries).toMatchObject([{ photos: 3, unchanged: 3, added: 0, removed: 0, moved: 0 }]);
  expect(moved.embedder.embedded).toBe(0);
  await writeFile(moved.at('photos/d.jpg'), 'd');
  expect((await moved.indexFolder(['photos'])).libraries).toMatchObject([{ photos: 4, unchanged: 3, added: 1 }]);
});

test('asks for exact searches one by one, where an approximate index does not find the same', async () => {
  const source = new MemoryStore().table(model);
  const target = new MemoryStore().table(model);
  for (const table of [source, target]) await table.upsert(rowsOf('one', 40));
  const search = target.search.bind(target);
  let [asking, most, exact] = [0, 0, 0];
  target.search = async (vector: Float32Array, options: SearchOptions): Promise<VectorHit[]> => {
    const found = await search(vector, { ...options, vectors: true });
    if (options.exact !== true) return found.slice(1);
    asking += 1;
    exact += 1;
    most = Math.max(most, asking);
    await setImmediate();
    asking -= 1;
    return found;
  };
  const vectors = queries(
    rowsOf('one', 40).map(({ vector }) => vector),
    SEARCHES,
  );
  const done: number[] = [];
  const comparison = { source, target, libraries: ['one'], tolerance: SAME_SCORE };
  expect(await countEqual(comparison, vectors, (count) => done.push(count))).toBe(SEARCHES);
  expect({ exact, most }).toEqual({ exact: SEARCHES, most: 1 });
  expect(done).toEqual(Array.from({ length: SEARCHES }, (_, n) => n + 1));
});

test('ends at Ctrl-C also while both places are compared row by row', async () => {
  const store = await filled();
  const both = await places(store, new MemoryStore('server'));
  await copy(both);
  const stop = new AbortController();
  const table = store.table(model);
  const photos = table.photos.bind(table);
  let listed = 0;
  table.photos = async function* (library) {
    for await (const row of photos(library)) {
      listed += 1;
      stop.abort();
      yield row;
    }
  };
  await expect(copy(both, { signal: stop.signal })).rejects.toMatchObject({ kind: 'interrupted' });
  expect(listed).toBe(1);
});
