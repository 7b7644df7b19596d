import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelIdentity, PhotoFilter, PhotoRow, PhotoStore } from '../../src/store/port.ts';

/** How the suite comes by a store: a new connection to one and the same place at every call. */
export interface StorePlace {
  open(model: ModelIdentity): Promise<PhotoStore>;
  close(): Promise<void>;
}

interface ContractOptions {
  /** Milliseconds a test may take: a real server needs seconds to make a collection. */
  readonly timeout: number;
  /** Runs of each property. */
  readonly runs: number;
}

const DIM = 8;

/** A model nobody used before, so a collection of its own. */
export function freshModel(dim = DIM): ModelIdentity {
  const id = `test-${randomUUID()}`;
  return { id, sha256: createHash('sha256').update(id).digest('hex'), dim };
}

export function unit(values: readonly number[]): Float32Array {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

/** A photo that a test needs only some fields of; its vector leans by `angle` from the first axis to the second. */
export function photo(path: string, some: Partial<PhotoRow> & { readonly angle?: number } = {}): PhotoRow {
  const { angle = 0, ...fields } = some;
  const library = fields.library ?? 'holiday';
  return {
    id: createHash('sha256').update(`${library}\0${path}`).digest('hex'),
    library,
    path,
    sha256: createHash('sha256').update(path).digest('hex'),
    size: 3_600_000,
    mtimeMs: 1_700_000_000_123,
    takenMs: 1_690_000_000_000,
    camera: 'Canon EOS 5D',
    width: 4032,
    height: 3024,
    quality: 12.5,
    vector: unit([Math.cos(angle), Math.sin(angle), 0, 0, 0, 0, 0, 0]),
    ...fields,
  };
}

const FIRST_AXIS = unit([1, 0, 0, 0, 0, 0, 0, 0]);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function byId<T extends { readonly id: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function recordOf({ vector: _, ...record }: PhotoRow): Omit<PhotoRow, 'vector'> {
  return record;
}

/** What folders and files may really be called. */
const hostileName = fc
  .oneof(
    fc.constantFrom('a"b', "it's", 'back\\slash', '100%', 'under_score', 'new\nline', 'tab\there', 'cr\rlf', '\u0001'),
    fc.constantFrom(
      '\\u0041',
      '\\n',
      '" or id != "',
      '{x}',
      '[a]',
      '*?',
      '日本語',
      'é',
      'e\u0301',
      '👩‍👩‍👧',
      '\u{10ffff}',
    ),
    fc.constantFrom('x'.repeat(255), '日'.repeat(85), ' ', '.', '-', '0', "'", '\\', '\\"', '\\\\', '%', '_'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  )
  .filter((name) => !name.includes('/') && !name.includes('\0'));
const hostilePath = fc.array(hostileName, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));

/** What every PhotoStore must do, checked on a real one. */
export function storeContract(
  name: string,
  start: () => Promise<StorePlace>,
  { timeout, runs }: ContractOptions,
): void {
  describe(name, { timeout }, () => {
    let place: StorePlace;
    beforeAll(async () => {
      place = await start();
    });
    afterAll(async () => {
      await place?.close();
    });

    /** A store with these photos in it, closed after use. */
    async function withStore(
      rows: readonly PhotoRow[],
      use: (store: PhotoStore) => Promise<void>,
      model = freshModel(),
    ): Promise<void> {
      const store = await place.open(model);
      try {
        if (rows.length > 0) await store.upsert(rows);
        await use(store);
      } finally {
        await store.close();
      }
    }

    test('a model nobody indexed with has no photos, and looking for them makes no collection', async () => {
      const model = freshModel();
      await withStore(
        [],
        async (store) => {
          expect(await collect(store.photos('holiday'))).toEqual([]);
          expect(await store.rows(['0'.repeat(64)])).toEqual([]);
          expect(await store.search(FIRST_AXIS, { k: 6 })).toEqual([]);
          expect(await store.count()).toBe(0);
          expect(await store.count('holiday')).toBe(0);
          await store.remove(['0'.repeat(64)]);
          await store.flush();
          expect((await store.collections()).map((one) => one.model.sha256)).not.toContain(model.sha256);
        },
        model,
      );
    });

    test('rows come back as they were put, from another connection too', async () => {
      const model = freshModel();
      const rows = [
        photo('beach/IMG_0001.jpg'),
        photo('beach/undated.jpg', { takenMs: null, camera: null, quality: 0 }),
        photo('before-1970.jpg', { takenMs: -86_400_000, size: 5_000_000_000, mtimeMs: 0 }),
        photo('日本/写真 "1"\\\n.jpg', { library: 'other "library"', camera: 'Kodak\\"DC\n' }),
      ];
      await withStore(rows, async () => undefined, model);
      await withStore(
        [],
        async (store) => {
          const found = await store.rows([...rows.map(({ id }) => id), 'f'.repeat(64)]);
          expect(byId(found)).toEqual(byId(rows));
          expect(await collect(store.photos('holiday'))).toEqual(
            byId(rows.slice(0, 3)).map(({ id, path, sha256, size, mtimeMs }) => ({ id, path, sha256, size, mtimeMs })),
          );
          const hits = await store.search(FIRST_AXIS, { k: 10 });
          expect(byId(hits).map(({ score: _, ...hit }) => hit)).toEqual(byId(rows).map(recordOf));
        },
        model,
      );
    });

    test('times are kept in whole milliseconds and long camera names cut between characters', async () => {
      await withStore([photo('a.jpg', { mtimeMs: 1_700_000_000_123.75, camera: 'é'.repeat(200) })], async (store) => {
        const [row] = await store.rows([photo('a.jpg').id]);
        expect(row?.mtimeMs).toBe(1_700_000_000_124);
        expect(row?.camera).toBe('é'.repeat(128));
      });
    });

    test('an upsert replaces, and of two rows of one photo the last one stays', async () => {
      await withStore([photo('a.jpg', { size: 1 }), photo('a.jpg', { size: 2 })], async (store) => {
        expect((await collect(store.photos('holiday'))).map(({ size }) => size)).toEqual([2]);
        await store.upsert([photo('a.jpg', { size: 3, angle: 1 })]);
        const [row] = await store.rows([photo('a.jpg').id]);
        expect(row).toEqual(photo('a.jpg', { size: 3, angle: 1 }));
        expect(await store.count()).toBe(1);
      });
    });

    test('a vector of the wrong length, with a NaN or not of unit length is refused before anything is written', async () => {
      await withStore([photo('good.jpg')], async (store) => {
        const bad = [
          unit([1, 2, 3]),
          unit([Number.NaN, 0, 0, 0, 0, 0, 0, 0]),
          new Float32Array(DIM),
          FIRST_AXIS.map((v) => v * 2),
        ];
        for (const vector of bad) {
          const upsert = store.upsert([photo('fine.jpg'), photo('bad.jpg', { vector })]);
          await expect(upsert).rejects.toMatchObject({
            code: 'store_row',
            message: expect.stringContaining('bad.jpg'),
          });
        }
        expect(await store.count()).toBe(1);
      });
    });

    test('search gives the nearest first with their cosine, ties by path, and no more than there are', async () => {
      const rows = [
        photo('d.jpg', { angle: 1 }),
        photo('opposite.jpg', { angle: Math.PI }),
        photo('a.jpg', { angle: 0.5 }),
        // Eight equal photos: the six asked for are the first by path, whatever the store likes best.
        ...['c7', 'c1', 'c4', 'c0', 'c6', 'c3', 'c5', 'c2'].map((name) => photo(`${name}.jpg`)),
      ];
      await withStore(rows, async (store) => {
        const six = await store.search(FIRST_AXIS, { k: 6 });
        expect(six.map(({ path }) => path)).toEqual(['c0.jpg', 'c1.jpg', 'c2.jpg', 'c3.jpg', 'c4.jpg', 'c5.jpg']);
        const all = await store.search(FIRST_AXIS, { k: 16_384 });
        expect(all.map(({ path }) => path).slice(8)).toEqual(['a.jpg', 'd.jpg', 'opposite.jpg']);
        const scores = all.map(({ score }) => score);
        expect(scores.slice(0, 8)).toEqual(Array(8).fill(1));
        expect(scores[8]).toBeCloseTo(Math.cos(0.5), 5);
        expect(scores.at(-1)).toBe(-1);
      });
    });

    test('a score too low is cut off, also when that leaves nothing', async () => {
      await withStore([photo('near.jpg', { angle: 0.1 }), photo('far.jpg', { angle: 1.2 })], async (store) => {
        const near = await store.search(FIRST_AXIS, { k: 6, minScore: 0.9 });
        expect(near.map(({ path }) => path)).toEqual(['near.jpg']);
        expect(await store.search(FIRST_AXIS, { k: 6, minScore: 0.999 })).toEqual([]);
      });
    });

    test('a filter takes photos in folders, by whole names, and by time of taking', async () => {
      const rows = [
        photo('a.jpg', { takenMs: 1000 }),
        photo('trip/a.jpg', { takenMs: 2000 }),
        photo('trip/day 1/b.jpg', { takenMs: 3000 }),
        photo('trip2/c.jpg', { takenMs: null }),
        photo('trip0.jpg', { takenMs: 4000 }),
        photo('trip/a.jpg', { library: 'other', takenMs: 5000 }),
      ];
      await withStore(rows, async (store) => {
        const paths = async (filter: PhotoFilter): Promise<string[]> =>
          (await store.search(FIRST_AXIS, { k: 100, filter })).map(({ library, path }) => `${library}:${path}`).sort();
        expect(await paths({ within: [{ library: 'holiday', folder: 'trip' }] })).toEqual([
          'holiday:trip/a.jpg',
          'holiday:trip/day 1/b.jpg',
        ]);
        expect(await paths({ within: [{ library: 'other', folder: '' }] })).toEqual(['other:trip/a.jpg']);
        const two = [
          { library: 'holiday', folder: 'trip2' },
          { library: 'other', folder: 'trip' },
        ];
        expect(await paths({ within: two })).toEqual(['holiday:trip2/c.jpg', 'other:trip/a.jpg']);
        expect(await paths({ within: [] })).toEqual([]);
        expect(await paths({})).toHaveLength(6);
        expect(await paths({ takenAfterMs: 2000, takenBeforeMs: 4000 })).toEqual([
          'holiday:trip/a.jpg',
          'holiday:trip/day 1/b.jpg',
        ]);
        expect(await paths({ takenBeforeMs: 1e300 })).toHaveLength(5);
        expect(await paths({ within: two, takenAfterMs: -1e300 })).toEqual(['other:trip/a.jpg']);
      });
    });

    test('folders and libraries of any name hold exactly their own photos', async () => {
      const folder = fc.record({ library: hostileName, path: hostilePath });
      await withStore([], async (store) => {
        const holds = async (entries: readonly { library: string; path: string }[]): Promise<void> => {
          const rows = entries.map(({ library, path }) => photo(path, { library }));
          const all = [...new Map(rows.map((row) => [row.id, row])).values()];
          await store.upsert(rows);
          expect(byId(await store.rows(all.map(({ id }) => id))).map(recordOf)).toEqual(byId(all).map(recordOf));
          for (const library of new Set(entries.map((entry) => entry.library))) {
            const own = all.filter((row) => row.library === library);
            expect((await collect(store.photos(library))).map(({ id }) => id)).toEqual(byId(own).map(({ id }) => id));
            for (const parent of new Set(own.flatMap(({ path }) => parents(path)))) {
              const inside = own.filter(({ path }) => parent === '' || path.startsWith(`${parent}/`));
              const hits = await store.search(FIRST_AXIS, {
                k: 100,
                filter: { within: [{ library, folder: parent }] },
              });
              expect(byId(hits).map(({ path }) => path)).toEqual(byId(inside).map(({ path }) => path));
            }
          }
          await store.remove(all.map(({ id }) => id));
          expect(await store.count()).toBe(0);
        };
        await fc.assert(fc.asyncProperty(fc.array(folder, { minLength: 3, maxLength: 12 }), holds), { numRuns: runs });
      });
    });

    test('whatever is put and removed in whatever order, the store holds what a map would', async () => {
      const paths = Array.from({ length: 12 }, (_, index) => `p${index}.jpg`);
      const angle = fc.double({ min: 0, max: 3, noNaN: true });
      const put = fc.record({ path: fc.constantFrom(...paths), size: fc.nat(), angle });
      const step = fc.oneof(
        fc.record({ put: fc.array(put, { minLength: 1, maxLength: 8 }) }),
        fc.record({ remove: fc.array(fc.constantFrom(...paths), { minLength: 1, maxLength: 6 }) }),
        fc.constant({ flush: true }),
      );
      const ids = paths.map((path) => photo(path).id);
      await withStore([], async (store) => {
        const behavesLikeMap = async (
          steps: (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[],
        ): Promise<void> => {
          const model = new Map<string, PhotoRow>();
          await store.remove(ids);
          for (const one of steps) {
            if ('put' in one) {
              const rows = one.put.map(({ path, ...some }) => photo(path, some));
              for (const row of rows) model.set(row.id, row);
              await store.upsert(rows);
            } else if ('remove' in one) {
              const gone = one.remove.map((path) => photo(path).id);
              for (const id of gone) model.delete(id);
              await store.remove(gone);
            } else {
              await store.flush();
            }
            const expected = byId([...model.values()]);
            const listed = await collect(store.photos('holiday'));
            expect(listed.map(({ id, size }) => ({ id, size }))).toEqual(
              expected.map(({ id, size }) => ({ id, size })),
            );
            expect(await store.count()).toBe(expected.length);
            expect(byId(await store.rows(ids))).toEqual(expected);
            const hits = await store.search(FIRST_AXIS, { k: 20 });
            expect(byId(hits).map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          }
        };
        await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), behavesLikeMap), {
          numRuns: runs,
        });
      });
    });

    test('more photos than Milvus gives to one request are all listed, in order, counted and removed', async () => {
      const rows = Array.from({ length: 17_000 }, (_, index) => photo(`${index}.jpg`, { angle: index / 6000 }));
      await withStore(rows, async (store) => {
        expect((await collect(store.photos('holiday'))).map(({ id }) => id)).toEqual(byId(rows).map(({ id }) => id));
        expect(await store.count('holiday')).toBe(17_000);
        await store.flush();
        // Until a server has indexed what was flushed, it looks at an eighth of it and finds no more than that.
        const search = () => store.search(FIRST_AXIS, { k: 20_000 });
        await expect.poll(async () => (await search()).length, { timeout: 90_000, interval: 1000 }).toBe(16_384);
        const hits = await search();
        expect(hits.slice(0, 3).map(({ path }) => path)).toEqual(['0.jpg', '1.jpg', '2.jpg']);
        await store.remove(rows.slice(1).map(({ id }) => id));
        expect((await collect(store.photos('holiday'))).map(({ path }) => path)).toEqual(['0.jpg']);
      });
    });

    test('libraries are kept apart from models, replaced by id and forgotten alone', async () => {
      const ids = [randomUUID(), 'quote"\\\n日本'.concat(randomUUID())];
      const mine = async (store: PhotoStore) => (await store.libraries()).filter(({ id }) => ids.includes(id));
      const [first, second] = ids.map((id, index) => ({
        id,
        name: `Photos ${index}`,
        root: `/home/"me"\\\n/${index}`,
      }));
      if (first === undefined || second === undefined) throw new Error('two ids give two libraries');
      await withStore([photo('a.jpg', { library: first.id })], async (store) => {
        await store.putLibrary(first);
        await store.putLibrary(second);
        expect(byId(await mine(store))).toEqual(byId([first, second]));
        await store.putLibrary({ ...first, root: '/elsewhere' });
        await store.removeLibrary(second.id);
        expect(await mine(store)).toEqual([{ ...first, root: '/elsewhere' }]);
        expect(await store.count(first.id)).toBe(1);
      });
      await withStore([], async (store) => {
        expect(await mine(store)).toEqual([{ ...first, root: '/elsewhere' }]);
        await store.removeLibrary(first.id);
        expect(await mine(store)).toEqual([]);
      });
    });

    test('photos of different models do not see each other, and each model is counted', async () => {
      const [one, two] = [freshModel(), freshModel(4)];
      const vector = unit([1, 0, 0, 0]);
      await withStore([photo('a.jpg'), photo('b.jpg')], async () => undefined, one);
      await withStore(
        [photo('a.jpg', { vector })],
        async (store) => {
          expect((await store.search(vector, { k: 6 })).map(({ path }) => path)).toEqual(['a.jpg']);
          const known = new Map(
            (await store.collections()).map(({ model, photos }) => [model.sha256, { model, photos }]),
          );
          expect(known.get(one.sha256)).toEqual({ model: one, photos: 2 });
          expect(known.get(two.sha256)).toEqual({ model: two, photos: 1 });
        },
        two,
      );
    });

    test('two processes may make the same collection at once', async () => {
      const model = freshModel();
      const stores = await Promise.all([1, 2, 3].map(() => place.open(model)));
      await Promise.all(stores.map((store, index) => store.upsert([photo(`${index}.jpg`)])));
      for (const store of stores) {
        expect(await store.count()).toBe(3);
        await store.close();
      }
    });

    test('a collection whose name is taken by another model is named and left alone', async () => {
      const model = freshModel();
      const impostor = { ...model, sha256: model.sha256.slice(0, 12).padEnd(64, '0') };
      const wider = { ...model, dim: 16 };
      await withStore([photo('a.jpg')], async () => undefined, model);
      for (const other of [impostor, wider]) {
        await withStore(
          [],
          async (store) => {
            const foreign = { code: 'store_foreign', message: expect.stringContaining(model.sha256.slice(0, 12)) };
            await expect(store.search(FIRST_AXIS, { k: 6 })).rejects.toMatchObject(foreign);
            await expect(
              store.upsert([photo('b.jpg', { vector: unit(Array(other.dim).fill(1)) })]),
            ).rejects.toMatchObject(foreign);
          },
          other,
        );
      }
      await withStore([], async (store) => expect(await store.count()).toBe(1), model);
    });
  });
}

function parents(path: string): string[] {
  const names = path.split('/');
  return names.map((_, index) => names.slice(0, index).join('/'));
}
