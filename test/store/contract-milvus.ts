import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MilvusLine } from '../../src/store/milvus/client.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { type ModelIdentity, type PhotoRow, type PhotoStore, type PhotoTable, UNREAD } from '../../src/store/port.ts';
import { type ContractOptions, storeContract } from './contract.ts';
import { byId, collect, FIRST_AXIS, freshModel, photo, unit } from './samples.ts';
import { writeLibraryOfVersion1, writeVersion1 } from './version-1.ts';

/** A real Milvus: every call makes a new connection to the same one. */
export interface MilvusPlace {
  open(): Promise<PhotoStore>;
  /** What `open` opens a store on. */
  line(prefix?: string): Promise<MilvusLine>;
  close(): Promise<void>;
}

/** The contract of a photo store, and what a Milvus that several models and processes share must do besides. */
export function milvusContract(name: string, start: () => Promise<MilvusPlace>, options: ContractOptions): void {
  const { timeout, concurrent = false } = options;
  describe(name, { timeout, concurrent }, () => {
    let place: MilvusPlace;
    beforeAll(async () => {
      place = await start();
    }, timeout);
    afterAll(async () => {
      await place?.close();
    });

    storeContract('as any photo store', () => place.open(), options);

    /** A table with these photos in it; its store is closed after use. */
    async function withTable(
      rows: readonly PhotoRow[],
      use: (table: PhotoTable, store: PhotoStore) => Promise<void>,
      model = freshModel(),
    ): Promise<void> {
      const store = await place.open();
      try {
        const table = store.table(model);
        if (rows.length > 0) await table.upsert(rows);
        await use(table, store);
      } finally {
        await store.close();
      }
    }

    test('looking for photos of a model nobody indexed with makes no collection', async () => {
      const model = freshModel();
      await withTable(
        [],
        async (table, store) => {
          await table.search(FIRST_AXIS, { k: 6 });
          await table.remove(['0'.repeat(64)]);
          await table.flush();
          expect((await store.models()).map((one) => one.model.sha256)).not.toContain(model.sha256);
        },
        model,
      );
    });

    test('photos and libraries are there for the next process', async () => {
      const model = freshModel();
      const rows = [photo('a.jpg'), photo('b.jpg', { library: model.id, angle: 1 })];
      const library = { id: model.id, name: 'b', root: '/b' };
      await withTable(rows, (_, store) => store.putLibrary(library), model);
      await withTable(
        [],
        async (table, store) => {
          expect(byId(await table.rows(rows.map(({ id }) => id)))).toEqual(byId(rows));
          expect((await table.search(FIRST_AXIS, { k: 6 })).map(({ path }) => path)).toEqual(['a.jpg', 'b.jpg']);
          expect((await collect(table.photos(model.id))).map(({ path }) => path)).toEqual(['b.jpg']);
          expect(await store.libraries()).toContainEqual(library);
        },
        model,
      );
    });

    test('times are kept in whole milliseconds and long camera names cut between characters', async () => {
      await withTable([photo('a.jpg', { mtimeMs: 1_700_000_000_123.75, camera: 'é'.repeat(200) })], async (table) => {
        const [row] = await table.rows([photo('a.jpg').id]);
        expect(row?.mtimeMs).toBe(1_700_000_000_124);
        expect(row?.camera).toBe('é'.repeat(128));
      });
    });

    test('a vector of the wrong length, with a NaN or not of unit length is refused before anything is written', async () => {
      await withTable([photo('good.jpg')], async (table) => {
        const bad = [
          unit([1, 2, 3]),
          unit([Number.NaN, 0, 0, 0, 0, 0, 0, 0]),
          new Float32Array(8),
          FIRST_AXIS.map((v) => v * 2),
        ];
        for (const vector of bad) {
          const upsert = table.upsert([photo('fine.jpg'), photo('bad.jpg', { vector })]);
          await expect(upsert).rejects.toMatchObject({
            code: 'store_row',
            message: expect.stringContaining('bad.jpg'),
          });
        }
        expect(await table.count()).toBe(1);
      });
    });

    test('more photos than Milvus gives to one request are all listed, in order, counted and removed', async () => {
      const rows = Array.from({ length: 17_000 }, (_, index) => photo(`${index}.jpg`, { angle: index / 6000 }));
      await withTable(rows, async (table) => {
        expect((await collect(table.photos('holiday'))).map(({ id }) => id)).toEqual(byId(rows).map(({ id }) => id));
        expect(await table.count('holiday')).toBe(17_000);
        await table.flush();
        // Until a server has indexed what was flushed, it looks at an eighth of it and finds no more than that.
        const search = () => table.search(FIRST_AXIS, { k: 20_000 });
        await expect.poll(async () => (await search()).length, { timeout: 180_000, interval: 1000 }).toBe(16_384);
        const hits = await search();
        expect(hits.slice(0, 3).map(({ path }) => path)).toEqual(['0.jpg', '1.jpg', '2.jpg']);
        await table.remove(rows.slice(1).map(({ id }) => id));
        expect((await collect(table.photos('holiday'))).map(({ path }) => path)).toEqual(['0.jpg']);
      });
    });

    describe('an index that curate 0.1.0 made', () => {
      const upgraded = (rows: readonly PhotoRow[]): PhotoRow[] => byId(rows.map((row) => ({ ...row, ...UNREAD })));
      const undated = photo('b.jpg', { angle: 1, takenMs: null, camera: null });
      const five = [
        photo('a.jpg'),
        undated,
        ...['c', 'd', 'e'].map((name, i) => photo(`${name}.jpg`, { angle: i / 9 })),
      ];
      const quiet = { interrupted: new AbortController().signal, onProgress: () => undefined };

      async function withOld(
        rows: readonly PhotoRow[],
        use: (table: PhotoTable, store: PhotoStore, model: ModelIdentity) => Promise<void>,
      ): Promise<void> {
        const model = freshModel();
        const line = await place.line();
        await writeVersion1(line, model, rows);
        await line.close();
        const store = await place.open();
        try {
          await use(store.table(model), store, model);
        } finally {
          await store.close();
        }
      }

      test('is read as it is', async () => {
        await withOld(five, async (table, store, model) => {
          const hits = await table.search(FIRST_AXIS, { k: 2, vectors: true });
          expect(hits.map(({ score: _, ...row }) => row)).toEqual(
            [five[0], five[2]].map((row) => ({ ...row, ...UNREAD })),
          );
          expect((await collect(table.photos('holiday'))).map(({ facts }) => facts)).toEqual([0, 0, 0, 0, 0]);
          expect(await collect(table.all({ vectors: true }))).toEqual(upgraded(five));
          expect(byId(await table.rows(five.map(({ id }) => id)))).toEqual(upgraded(five));
          expect(await table.count()).toBe(5);
          const listed = (await store.models()).filter((one) => one.model.sha256 === model.sha256);
          expect(listed).toEqual([{ model, photos: 5 }]);
        });
      });

      test('is upgraded, with every row, by a run that may be stopped and continued', async () => {
        const rows = Array.from({ length: 2_300 }, (_, index) => photo(`${index}.jpg`, { angle: index / 1000 }));
        await withOld(rows, async (table, store, model) => {
          const stop = new AbortController();
          const stopped = table.upgrade({
            interrupted: stop.signal,
            onProgress: (done) => done >= 1_000 && stop.abort(),
          });
          await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
          expect(await table.count()).toBe(2_300);
          const again = await place.open();
          const steps: number[] = [];
          await again.table(model).upgrade({ ...quiet, onProgress: (done) => steps.push(done) });
          expect(steps).toEqual([1_000, 2_000, 2_300]);
          for (const one of [table, again.table(model)]) {
            expect(await collect(one.all({ vectors: true }))).toEqual(upgraded(rows));
          }
          await again.close();
          await table.upgrade(quiet);
          const listed = (await store.models()).filter((one) => one.model.sha256 === model.sha256);
          expect(listed.map(({ photos }) => photos)).toEqual([2_300]);
        });
      });

      test('is upgraded before anything is written to it, and forgets what is removed before', async () => {
        await withOld(five, async (table) => {
          await table.remove([undated.id]);
          expect(await table.count()).toBe(4);
          const newer = photo('a.jpg', { size: 1, facts: 7 });
          await table.upsert([newer]);
          expect(await collect(table.all({ vectors: true }))).toEqual(byId([newer, ...upgraded(five.slice(2))]));
        });
      });
    });

    test('libraries of curate 0.1.0 are read as they are, and brought along by the first that is put', async () => {
      const old = { id: randomUUID(), name: 'Old', root: '/home/me/Pictures' };
      const fresh = { id: randomUUID(), name: 'New', root: '', generation: 1 };
      // In a place of its own: whatever else is put meanwhile would bring them along.
      const line = await place.line('moved');
      const collection_name = await writeLibraryOfVersion1(line, old);
      const there = () => line.call((client) => client.hasCollection({ collection_name }));
      const store = milvusStore(line);
      const ids: readonly string[] = [old.id, fresh.id];
      const both = async () => (await store.libraries()).filter(({ id }) => ids.includes(id));
      expect(await both()).toEqual([old]);
      await store.putLibrary(fresh);
      expect((await there()).value).toBe(false);
      expect(byId(await both())).toEqual(byId([old, fresh]));
      await store.removeLibrary(old.id);
      expect(await both()).toEqual([fresh]);
      await store.removeLibrary(fresh.id);
      await store.close();
    });

    test('two processes may make the same collection at once', async () => {
      const model = freshModel();
      const stores = await Promise.all([1, 2, 3].map(() => place.open()));
      await Promise.all(stores.map((store, index) => store.table(model).upsert([photo(`${index}.jpg`)])));
      for (const store of stores) {
        expect(await store.table(model).count()).toBe(3);
        await store.close();
      }
    });

    test('a collection whose name is taken by another model is named and left alone', async () => {
      const model = freshModel();
      const impostor = { ...model, sha256: model.sha256.slice(0, 12).padEnd(64, '0') };
      const wider = { ...model, dim: 16 };
      await withTable([photo('a.jpg')], async () => undefined, model);
      for (const other of [impostor, wider]) {
        await withTable(
          [],
          async (table) => {
            const foreign = { code: 'store_foreign', message: expect.stringContaining(model.sha256.slice(0, 12)) };
            await expect(table.search(FIRST_AXIS, { k: 6 })).rejects.toMatchObject(foreign);
            await expect(
              table.upsert([photo('b.jpg', { vector: unit(Array(other.dim).fill(1)) })]),
            ).rejects.toMatchObject(foreign);
          },
          other,
        );
      }
      await withTable([], async (table) => expect(await table.count()).toBe(1), model);
    });
  });
}
