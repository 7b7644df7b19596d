import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelIdentity, PhotoRow, PhotoStore } from '../../src/store/port.ts';
import { type ContractOptions, storeContract } from './contract.ts';
import { byId, collect, FIRST_AXIS, freshModel, photo, unit } from './samples.ts';

/** A real Milvus: every call makes a new connection to the same one. */
export interface MilvusPlace {
  open(model: ModelIdentity): Promise<PhotoStore>;
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

    storeContract('as any photo store', () => place.open(freshModel()), options);

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

    test('looking for photos of a model nobody indexed with makes no collection', async () => {
      const model = freshModel();
      await withStore(
        [],
        async (store) => {
          await store.search(FIRST_AXIS, { k: 6 });
          await store.remove(['0'.repeat(64)]);
          await store.flush();
          expect((await store.collections()).map((one) => one.model.sha256)).not.toContain(model.sha256);
        },
        model,
      );
    });

    test('photos and libraries are there for the next process', async () => {
      const model = freshModel();
      const rows = [photo('a.jpg'), photo('b.jpg', { library: model.id, angle: 1 })];
      const library = { id: model.id, name: 'b', root: '/b' };
      await withStore(rows, (store) => store.putLibrary(library), model);
      await withStore(
        [],
        async (store) => {
          expect(byId(await store.rows(rows.map(({ id }) => id)))).toEqual(byId(rows));
          expect((await store.search(FIRST_AXIS, { k: 6 })).map(({ path }) => path)).toEqual(['a.jpg', 'b.jpg']);
          expect((await collect(store.photos(model.id))).map(({ path }) => path)).toEqual(['b.jpg']);
          expect(await store.libraries()).toContainEqual(library);
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

    test('a vector of the wrong length, with a NaN or not of unit length is refused before anything is written', async () => {
      await withStore([photo('good.jpg')], async (store) => {
        const bad = [
          unit([1, 2, 3]),
          unit([Number.NaN, 0, 0, 0, 0, 0, 0, 0]),
          new Float32Array(8),
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
