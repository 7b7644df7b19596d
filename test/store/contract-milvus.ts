import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PhotoRow, PhotoStore, PhotoTable } from '../../src/store/port.ts';
import { type ContractOptions, storeContract } from './contract.ts';
import { byId, collect, FIRST_AXIS, freshModel, photo, unit } from './samples.ts';

/** A real Milvus: every call makes a new connection to the same one. */
export interface MilvusPlace {
  open(): Promise<PhotoStore>;
  close(): Promise<void>;
}

/** The contract of a photo store, and what a Milvus that several models and processes share must do besides. */
export function milvusContract(name: string, start: () => Promise<MilvusPlace>, options: ContractOptions): void {
  const { timeout } = options;
  describe(name, { timeout }, () => {
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
