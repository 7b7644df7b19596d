import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  Hit,
  ModelIdentity,
  PhotoFilter,
  PhotoRow,
  PhotoStore,
  PhotoTable,
  SeenRows,
} from '../../src/store/port.ts';
import { anyFilter, FILTERED, plainly } from './filtered.ts';
import {
  byId,
  collect,
  FIRST_AXIS,
  freshModel,
  HOSTILE_NAMES,
  hostilePlace,
  isLibraryId,
  parents,
  photo,
  recordOf,
  unit,
} from './samples.ts';

export interface ContractOptions {
  /** Milliseconds a test may take: a real server needs seconds to make a collection. */
  readonly timeout: number;
  /** Runs of each property. */
  readonly runs: number;
  /** Runs tests side by side, where they mostly wait for the store. */
  readonly concurrent?: boolean;
}

interface Place {
  readonly store: PhotoStore;
  readonly model: ModelIdentity;
  /** Of `model`, which nobody used before. */
  readonly table: PhotoTable;
}

/** What every PhotoStore and its tables must do. */
export function storeContract(
  name: string,
  open: () => Promise<PhotoStore>,
  { timeout, runs, concurrent = false }: ContractOptions,
): void {
  describe(name, { timeout, concurrent }, () => {
    function holds(sentence: string, check: (place: Place) => Promise<void>): void {
      test(sentence, async () => {
        const store = await open();
        try {
          const model = freshModel();
          await check({ store, model, table: store.table(model) });
        } finally {
          await store.close();
        }
      });
    }

    holds('an empty store gives nothing', async ({ table }) => {
      expect(await collect(table.photos('holiday'))).toEqual([]);
      expect(await table.rows(['0'.repeat(64)])).toEqual([]);
      expect(await table.search(FIRST_AXIS, { k: 6 })).toEqual([]);
      expect(await table.count()).toBe(0);
      expect(await table.count('holiday')).toBe(0);
      await table.remove(['0'.repeat(64)]);
      await table.flush();
    });

    holds('searches at once give what each gives by itself', async ({ table }) => {
      const near = (...head: number[]): Float32Array =>
        unit([...head, ...Array(FIRST_AXIS.length - head.length).fill(0)]);
      await table.upsert(Array.from({ length: 8 }, (_, i) => photo(`${i}.jpg`, { vector: near(1, i, 7 - i, i % 3) })));
      const many = Array.from({ length: 40 }, (_, i) => near(i % 5, i % 7, 1, i % 3));
      const seen: SeenRows = new Map();
      const answer = (vector: Float32Array, i: number): Promise<Hit[]> => {
        const k = 1 + (i % 2) * 3;
        if (i % 4 >= 2) return table.search(vector, { k });
        return table.search(vector, { k, vectors: true, ...(i % 3 === 0 ? {} : { seen }) });
      };
      const together = await Promise.all([
        ...many.map(answer),
        table.search(near(0, 0, 0, 0, 1), { k: 3, minScore: 1 }),
      ]);
      const alone: Hit[][] = [];
      for (const [i, vector] of many.entries()) alone.push(await answer(vector, i));
      // Sums in another order differ in the last digit.
      const plain = (hits: readonly Hit[]) => hits.map((hit) => ({ ...hit, score: hit.score.toFixed(4) }));
      expect(together.map(plain)).toEqual([...alone.map(plain), []]);
      // With the vectors at hand they are computed here, and are the same to the last digit, whoever found the row before.
      const withVectors = (_: unknown, i: number): boolean => i % 4 < 2;
      expect(together.slice(0, -1).filter(withVectors)).toEqual(alone.filter(withVectors));
      // So they are where a part of the filter is asked of the store's answers.
      for (const vector of many.slice(0, 10)) {
        const all = { k: 8, vectors: true } as const;
        const filtered = await table.search(vector, { ...all, filter: { exclude: ['none.jpg'] } });
        expect(filtered).toEqual(await table.search(vector, all));
      }
    });

    holds('rows come back as they were put', async ({ table }) => {
      const rows = [
        photo('beach/IMG_0001.jpg'),
        photo('beach/undated.jpg', {
          takenMs: null,
          takenOffsetMinutes: null,
          takenFrom: null,
          camera: null,
          quality: 0,
        }),
        photo('before-1970.jpg', {
          takenMs: -86_400_000,
          takenOffsetMinutes: -570,
          facts: 0,
          size: 5_000_000_000,
          mtimeMs: 0,
        }),
        photo('日本/写真 "1"\\\n.jpg', { library: 'other "library"', camera: 'Kodak\\"DC\n' }),
      ];
      await table.upsert(rows);
      const found = await table.rows([...rows.map(({ id }) => id), 'f'.repeat(64)]);
      expect(byId(found)).toEqual(byId(rows));
      const listed = byId(rows.slice(0, 3)).map(({ id, path, sha256, size, mtimeMs, facts }) => ({
        id,
        path,
        sha256,
        size,
        mtimeMs,
        facts,
      }));
      expect(await collect(table.photos('holiday'))).toEqual(listed);
      const hits = await table.search(FIRST_AXIS, { k: 10 });
      expect(byId(hits).map(({ score: _, ...hit }) => hit)).toEqual(byId(rows).map(recordOf));
      expect(await table.count()).toBe(4);
      expect(await table.count('holiday')).toBe(3);
    });

    holds(
      'rows are read by their ids unless they were seen, and where a filter lets them through',
      async ({ table }) => {
        const rows = Array.from({ length: 6 }, (_, i) =>
          photo(`${i < 3 ? 'beach' : 'snow'}/${i}.jpg`, { width: 100 * (i + 1), height: 100 }),
        );
        await table.upsert(rows);
        const ids = rows.map(({ id }) => id);
        const seen: SeenRows = new Map([[rows[4]?.id ?? '', rows[4] as PhotoRow]]);
        expect(await table.rows([...ids].reverse(), { seen })).toEqual([...rows].reverse());
        expect(await table.rows(ids, { seen })).toEqual(rows);
        const within = [{ library: 'holiday', folder: 'beach' }];
        for (const [filter, passing] of [
          [{ within }, rows.slice(0, 3)],
          [{ shapes: ['square' as const] }, rows.slice(0, 1)],
          [{ within, name: '[12]*' }, rows.slice(1, 3)],
          [{ exclude: ['snow/'] }, rows.slice(0, 3)],
          [{}, rows],
        ] as const) {
          expect(byId(await table.rows(ids, { filter })), JSON.stringify(filter)).toEqual(byId(passing));
          expect(byId(await table.rows(ids, { filter, seen: new Map() }))).toEqual(byId(passing));
        }
      },
    );

    holds('an upsert replaces, and of two rows of one photo the last one stays', async ({ table }) => {
      await table.upsert([photo('a.jpg', { size: 1 }), photo('a.jpg', { size: 2 })]);
      expect((await collect(table.photos('holiday'))).map(({ size }) => size)).toEqual([2]);
      await table.upsert([photo('a.jpg', { size: 3, angle: 1 })]);
      const [row] = await table.rows([photo('a.jpg').id]);
      expect(row).toEqual(photo('a.jpg', { size: 3, angle: 1 }));
      expect(await table.count()).toBe(1);
    });

    holds(
      'search gives the nearest first with their cosine, ties by path, and no more than there are',
      async ({ table }) => {
        const rows = [
          photo('d.jpg', { angle: 1 }),
          photo('opposite.jpg', { angle: Math.PI }),
          photo('a.jpg', { angle: 0.5 }),
          // Eight equal photos: the six asked for are the first by path, whatever the store likes best.
          ...['c7', 'c1', 'c4', 'c0', 'c6', 'c3', 'c5', 'c2'].map((name) => photo(`${name}.jpg`)),
        ];
        await table.upsert(rows);
        const six = await table.search(FIRST_AXIS, { k: 6 });
        expect(six.map(({ path }) => path)).toEqual(['c0.jpg', 'c1.jpg', 'c2.jpg', 'c3.jpg', 'c4.jpg', 'c5.jpg']);
        const all = await table.search(FIRST_AXIS, { k: 1000 });
        expect(all.map(({ path }) => path).slice(8)).toEqual(['a.jpg', 'd.jpg', 'opposite.jpg']);
        const scores = all.map(({ score }) => score);
        expect(scores.slice(0, 8)).toEqual(Array(8).fill(1));
        expect(scores[8]).toBeCloseTo(Math.cos(0.5), 5);
        expect(scores.at(-1)).toBe(-1);
      },
    );

    holds(
      'an exact search gives what any other gives of few photos, with and without filters and vectors',
      async ({ table }) => {
        await table.upsert(Array.from({ length: 30 }, (_, i) => photo(`${i % 3}/${i}.jpg`, { angle: i / 10 })));
        const within = [{ library: 'holiday', folder: '1' }];
        for (const options of [{ k: 6 }, { k: 40, minScore: 0.5 }, { k: 4, filter: { within } }]) {
          const exact = await table.search(FIRST_AXIS, { ...options, exact: true });
          expect(exact).toEqual(await table.search(FIRST_AXIS, options));
          const [best] = await table.search(FIRST_AXIS, { ...options, exact: true, vectors: true });
          expect(best).toEqual((await table.search(FIRST_AXIS, { ...options, vectors: true }))[0]);
        }
      },
    );

    holds('a score too low is cut off, also when that leaves nothing', async ({ table }) => {
      await table.upsert([photo('near.jpg', { angle: 0.1 }), photo('far.jpg', { angle: 1.2 })]);
      const near = await table.search(FIRST_AXIS, { k: 6, minScore: 0.9 });
      expect(near.map(({ path }) => path)).toEqual(['near.jpg']);
      expect(await table.search(FIRST_AXIS, { k: 6, minScore: 0.999 })).toEqual([]);
    });

    holds('a filter takes photos in folders, by whole names, and by time of taking', async ({ table }) => {
      const rows = [
        photo('a.jpg', { takenMs: 1000 }),
        photo('trip/a.jpg', { takenMs: 2000 }),
        photo('trip/day 1/b.jpg', { takenMs: 3000 }),
        photo('trip2/c.jpg', { takenMs: null }),
        photo('trip0.jpg', { takenMs: 4000 }),
        photo('trip/a.jpg', { library: 'other', takenMs: 5000 }),
      ];
      await table.upsert(rows);
      const paths = async (filter: PhotoFilter): Promise<string[]> =>
        (await table.search(FIRST_AXIS, { k: 100, filter })).map(({ library, path }) => `${library}:${path}`).sort();
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

    holds(
      'a filter lets through what one written in plain code lets through, and gives as many as there are',
      async ({ table }) => {
        const rows = [...FILTERED];
        await table.upsert(rows);
        const check = async (filter: PhotoFilter, k: number): Promise<void> => {
          const expected = rows.filter((row) => plainly(row, filter));
          const hits = await table.search(FIRST_AXIS, { k, filter });
          const nearest = [...expected].sort((a, b) => (b.vector[0] ?? 0) - (a.vector[0] ?? 0)).slice(0, k);
          expect(hits.map(({ path }) => path)).toEqual(nearest.map(({ path }) => path));
          expect((await collect(table.all({ filter }))).map(({ id }) => id)).toEqual(
            byId(expected).map(({ id }) => id),
          );
          const withVectors = await table.search(FIRST_AXIS, { k, filter, vectors: true });
          expect(withVectors.map(({ score: _, ...row }) => row)).toEqual(nearest);
        };
        // Each kind of filter by itself, for where few are drawn: a server reads itself what is written for it.
        const examples: [PhotoFilter, number][] = [
          [{ camera: 'canon' }, 100],
          [{ shapes: [] }, 5],
          [{ endings: [] }, 5],
          [{ shapes: ['landscape'] }, 100],
          [{ shapes: ['portrait'] }, 100],
          [{ shapes: ['square'] }, 100],
          [{ shapes: ['portrait', 'square'], minSide: 1600 }, 7],
          [{ minSide: 1599.5 }, 100],
          [{ takenAfterMs: 20_000, takenBeforeMs: 90_000 }, 100],
          [{ takenBeforeMs: 90_000, undated: { afterMs: 40_000 } }, 100],
          [{ name: 'img_*', within: [{ library: 'holiday', folder: 'trip' }] }, 100],
          [{ name: 'CAF\u00c9_*' }, 100],
          [{ exclude: ['IMG_*', '!*.jpg'] }, 100],
          [{ exclude: ['caf\u00e9_*'], within: [{ library: 'other', folder: 'trip2' }] }, 100],
        ];
        // Examples count as runs.
        await fc.assert(fc.asyncProperty(anyFilter, fc.integer({ min: 1, max: 12 }), check), {
          numRuns: examples.length + runs,
          examples,
        });
      },
    );

    holds(
      'all rows come in order of id, whole or without vectors, of all photos or those a filter lets through',
      async ({ table }) => {
        const rows = [
          photo('a.jpg', { takenMs: null, camera: null }),
          photo('trip/a.jpg', { angle: 1 }),
          photo('trip/b.jpg', { angle: 2, takenMs: 1000 }),
          photo('trip/a.jpg', { library: 'other', angle: 3 }),
        ];
        await table.upsert(rows);
        expect(await collect(table.all())).toEqual(byId(rows).map(recordOf));
        expect(await collect(table.all({ vectors: true }))).toEqual(byId(rows));
        const trip = { within: [{ library: 'holiday', folder: 'trip' }] };
        expect(await collect(table.all({ filter: trip }))).toEqual(byId(rows.slice(1, 3)).map(recordOf));
        const early = { ...trip, takenBeforeMs: 2000 };
        expect(await collect(table.all({ filter: early, vectors: true }))).toEqual([rows[2]]);
        expect(await collect(table.all({ filter: { within: [] } }))).toEqual([]);
        const [first] = byId(rows);
        expect(await collect(table.all({ after: first?.id ?? '', page: 1 }))).toEqual(
          byId(rows).slice(1).map(recordOf),
        );
      },
    );

    holds('hits bring their vectors along when asked', async ({ table }) => {
      const rows = Array.from({ length: 120 }, (_, index) => photo(`${index}.jpg`, { angle: index / 100 }));
      await table.upsert(rows);
      const hits = await table.search(FIRST_AXIS, { k: 100, vectors: true });
      expect(hits.map(({ score: _, ...row }) => row)).toEqual(rows.slice(0, 100));
      const [plain] = await table.search(FIRST_AXIS, { k: 1 });
      expect(plain).toEqual({ ...recordOf(rows[0] ?? photo('0.jpg')), score: 1 });
    });

    holds(
      'each model has a table of its own, and those that were written to are listed',
      async ({ store, model, table }) => {
        const narrow = freshModel(4);
        const vector = unit([1, 0, 0, 0]);
        const listed = async () => {
          const models = (await store.models()).filter((one) => [model.id, narrow.id].includes(one.model.id));
          return new Map(models.map((one) => [one.model.sha256, one]));
        };
        expect(await listed()).toEqual(new Map());
        await table.upsert([photo('a.jpg'), photo('b.jpg')]);
        expect(await listed()).toEqual(new Map([[model.sha256, { model, photos: 2 }]]));
        await store.table(narrow).upsert([photo('a.jpg', { vector })]);
        expect((await store.table(narrow).search(vector, { k: 6 })).map(({ path }) => path)).toEqual(['a.jpg']);
        expect(await store.table(model).count()).toBe(2);
        expect(await listed()).toEqual(
          new Map([
            [model.sha256, { model, photos: 2 }],
            [narrow.sha256, { model: narrow, photos: 1 }],
          ]),
        );
        await store.table(narrow).remove([photo('a.jpg').id]);
        expect(await store.table(narrow).count()).toBe(0);
        expect(await table.count()).toBe(2);
      },
    );

    holds('a library of any name loses all its rows at once, and no other loses one', async ({ table }) => {
      const names = HOSTILE_NAMES.filter(isLibraryId);
      const rows = names.flatMap((library) => [photo('a.jpg', { library }), photo('b/a.jpg', { library })]);
      await table.removeLibrary('nobody knows');
      await table.upsert([...rows, photo('a.jpg')]);
      for (const [removed, library] of names.entries()) {
        await table.removeLibrary(library);
        expect(await table.count(library)).toBe(0);
        expect(await table.count()).toBe(1 + 2 * (names.length - removed - 1));
      }
      expect((await collect(table.all())).map(({ library }) => library)).toEqual([photo('a.jpg').library]);
    });

    holds('folders and libraries of any name hold exactly their own photos', async ({ table }) => {
      const holdsOwn = async (entries: readonly { library: string; path: string }[]): Promise<void> => {
        const rows = entries.map(({ library, path }) => photo(path, { library }));
        const all = [...new Map(rows.map((row) => [row.id, row])).values()];
        await table.upsert(rows);
        expect(byId(await table.rows(all.map(({ id }) => id))).map(recordOf)).toEqual(byId(all).map(recordOf));
        for (const library of new Set(entries.map((entry) => entry.library))) {
          const own = all.filter((row) => row.library === library);
          expect((await collect(table.photos(library))).map(({ id }) => id)).toEqual(byId(own).map(({ id }) => id));
          for (const folder of new Set(own.flatMap(({ path }) => parents(path)))) {
            const inside = own.filter(({ path }) => folder === '' || path.startsWith(`${folder}/`));
            const hits = await table.search(FIRST_AXIS, { k: 100, filter: { within: [{ library, folder }] } });
            expect(byId(hits).map(({ path }) => path)).toEqual(byId(inside).map(({ path }) => path));
          }
        }
        await table.remove(all.map(({ id }) => id));
        expect(await table.count()).toBe(0);
      };
      const asFolders = HOSTILE_NAMES.flatMap((name) => [
        { library: 'holiday', path: `${name}/a.jpg` },
        { library: 'holiday', path: name },
      ]);
      const asLibraries = HOSTILE_NAMES.filter(isLibraryId).map((name) => ({ library: name, path: 'a.jpg' }));
      await fc.assert(fc.asyncProperty(fc.array(hostilePlace, { minLength: 3, maxLength: 12 }), holdsOwn), {
        numRuns: runs,
        examples: [[asFolders], [asLibraries]],
      });
    });

    holds('whatever is put and removed in whatever order, the store holds what a map would', async ({ table }) => {
      const paths = Array.from({ length: 12 }, (_, index) => `p${index}.jpg`);
      const angle = fc.double({ min: 0, max: 3, noNaN: true });
      const put = fc.record({ path: fc.constantFrom(...paths), size: fc.nat(), angle });
      const step = fc.oneof(
        fc.record({ put: fc.array(put, { minLength: 1, maxLength: 8 }) }),
        fc.record({ remove: fc.array(fc.constantFrom(...paths), { minLength: 1, maxLength: 6 }) }),
        fc.constant({ flush: true }),
      );
      const ids = paths.map((path) => photo(path).id);
      const behavesLikeMap = async (
        steps: (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[],
      ): Promise<void> => {
        const expectedRows = new Map<string, PhotoRow>();
        await table.remove(ids);
        for (const one of steps) {
          if ('put' in one) {
            const rows = one.put.map(({ path, ...some }) => photo(path, some));
            for (const row of rows) expectedRows.set(row.id, row);
            await table.upsert(rows);
          } else if ('remove' in one) {
            const gone = one.remove.map((path) => photo(path).id);
            for (const id of gone) expectedRows.delete(id);
            await table.remove(gone);
          } else {
            await table.flush();
          }
          const expected = byId([...expectedRows.values()]);
          const listed = await collect(table.photos('holiday'));
          expect(listed.map(({ id, size }) => ({ id, size }))).toEqual(expected.map(({ id, size }) => ({ id, size })));
          expect(await table.count()).toBe(expected.length);
          expect(byId(await table.rows(ids))).toEqual(expected);
          const hits = await table.search(FIRST_AXIS, { k: 20 });
          expect(byId(hits).map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        }
      };
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), behavesLikeMap), {
        numRuns: runs,
      });
    });

    holds('what is known of a library is kept with it, and goes when it goes', async ({ store }) => {
      const plain = { id: randomUUID(), name: 'Family "NAS" \\ 日本', root: '' };
      const lease = {
        token: 't',
        machine: 'm',
        holder: 'nas (process 1)',
        since: 1_700_000_000_000,
        until: 1_700_000_060_000,
      };
      const known = { ...plain, model: '/models/"mine".onnx', generation: 2 ** 40, mark: 'a mark', lease };
      const kept = async () => (await store.libraries()).find(({ id }) => id === plain.id);
      for (const library of [plain, known, { ...known, lease: { ...lease, until: 5 } }, plain]) {
        await store.putLibrary(library);
        expect(await kept()).toEqual(library);
      }
      await store.removeLibrary(plain.id);
      expect(await kept()).toBeUndefined();
    });

    holds('libraries are replaced by id and forgotten alone', async ({ store, table }) => {
      const ids = [randomUUID(), 'quote"\\\n日本'.concat(randomUUID())];
      const mine = async () => (await store.libraries()).filter(({ id }) => ids.includes(id));
      const [first, second] = ids.map((id, index) => ({
        id,
        name: `Photos ${index}`,
        root: `/home/"me"\\\n/${index}`,
      }));
      if (first === undefined || second === undefined) throw new Error('two ids give two libraries');
      await table.upsert([photo('a.jpg', { library: first.id })]);
      await store.putLibrary(first);
      await store.putLibrary(second);
      expect(byId(await mine())).toEqual(byId([first, second]));
      await store.putLibrary({ ...first, root: '/elsewhere' });
      await store.removeLibrary(second.id);
      expect(await mine()).toEqual([{ ...first, root: '/elsewhere' }]);
      expect(await table.count(first.id)).toBe(1);
    });
  });
}
