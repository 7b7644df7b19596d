import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { likenessOf, rarity, shareAtLeast } from '../../../src/library/ranking/likeness.ts';
import { pairsOf, refreshPairs } from '../../../src/library/ranking/random-pairs.ts';
import { freshModel, photo, unit } from '../../store/samples.ts';
import { MemoryStore } from '../../support/memory-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-pairs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The same numbers in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** No two photos are copies: in a plane all that are near to each other would be. */
const thresholds = { nearDuplicate: 2, burst: 2, similar: 0.5 };
const model = { ...freshModel(), ranking: null, thresholds };

/** Photos spread over a quarter turn. */
async function put(store: MemoryStore, from: number, to: number): Promise<void> {
  const angles = seeded(from);
  const rows = Array.from({ length: to - from }, (_, i) =>
    photo(`${from + i}.jpg`, { library: 'lib', angle: (angles() * Math.PI) / 2 }),
  );
  await store.table(model).upsert(rows);
}

it('pairs of the photos themselves are kept, and drawn anew when a quarter more have come or other libraries', async () => {
  const store = new MemoryStore();
  const index = { store, table: store.table(model) };
  const library = { id: 'lib', name: 'Photos', root: '/photos' };
  const photosKept = async (): Promise<number | undefined> => {
    await refreshPairs(index, folder, model, seeded(7));
    return (await pairsOf(folder, model))?.photos;
  };
  await store.putLibrary(library);
  await put(store, 0, 499);
  expect(await photosKept()).toBeUndefined();
  await put(store, 499, 600);
  expect(await photosKept()).toBe(600);
  const pairs = await pairsOf(folder, model);
  if (pairs === null) throw new Error('nothing was kept');
  // Of two angles that are uniform in a quarter turn, a share of 2t - t² is at most t quarter turns apart.
  for (const t of [0.1, 0.3, 0.6]) {
    expect(shareAtLeast(Math.cos((t * Math.PI) / 2), pairs)).toBeCloseTo(2 * t - t ** 2, 1);
  }
  expect(likenessOf(rarity(Math.cos(0.3), pairs))).toBe('weak');
  await put(store, 600, 740);
  expect(await photosKept()).toBe(600);
  await put(store, 740, 760);
  expect(await photosKept()).toBe(760);
  await put(store, 760, 770);
  await store.putLibrary({ ...library, id: 'other' });
  expect(await photosKept()).toBe(770);
  const { table } = index;
  await table.remove([...table.stored.keys()].slice(0, 271));
  expect(await photosKept()).toBeUndefined();
});

it('are of photos that are each equally likely, also beyond those whose vectors are read', async () => {
  const store = new MemoryStore();
  for (const [id, angle] of [
    ['a', 0],
    ['b', Math.PI / 2],
  ] as const) {
    await store.putLibrary({ id, name: id, root: `/${id}` });
    const rows = Array.from({ length: 3000 }, (_, i) => photo(`${i}.jpg`, { library: id, angle }));
    await store.table(model).upsert(rows);
  }
  await refreshPairs({ store, table: store.table(model) }, folder, model, seeded(7));
  const pairs = await pairsOf(folder, model);
  if (pairs === null) throw new Error('nothing was kept');
  // Half of the pairs are of one library.
  expect(pairs.quantiles.filter((cosine) => cosine < 0.5).length).toBeGreaterThan(45);
  expect(pairs.quantiles.filter((cosine) => cosine < 0.5).length).toBeLessThan(55);
});

it('a copy is very alike, also where most photos are there twice', async () => {
  const store = new MemoryStore();
  await store.putLibrary({ id: 'lib', name: 'Photos', root: '/photos' });
  const backedUp = { ...freshModel(64), ranking: null, thresholds: { ...thresholds, nearDuplicate: 0.91 } };
  const random = seeded(5);
  const rows = Array.from({ length: 300 }, (_, i) => {
    const vector = unit(Array.from({ length: 64 }, () => random() - 0.5));
    return ['a', 'b'].map((folder) => photo(`${folder}/${i}.jpg`, { library: 'lib', vector }));
  });
  await store.table(backedUp).upsert(rows.flat());
  await refreshPairs({ store, table: store.table(backedUp) }, folder, backedUp, seeded(7));
  const pairs = await pairsOf(folder, backedUp);
  if (pairs === null) throw new Error('nothing was kept');
  expect(likenessOf(rarity(1, pairs))).toBe('very alike');
});

it('without any, or with a damaged file, the calibration of the model stands in', async () => {
  const pairs = {
    quantiles: Array.from({ length: 100 }, (_, i) => i / 200),
    tail: { shape: 0, scale: 0.1 },
    photos: 9,
  };
  const measured = { ...model, ranking: { statistics: '/nowhere.bin', alike: 0.5, pairs } };
  expect(await pairsOf(folder, model)).toBeNull();
  expect(await pairsOf(folder, measured)).toEqual(pairs);
  const store = new MemoryStore();
  await store.putLibrary({ id: 'lib', name: 'Photos', root: '/photos' });
  await put(store, 0, 500);
  await refreshPairs({ store, table: store.table(model) }, folder, model, seeded(3));
  const [name = ''] = await readdir(join(folder, 'pairs'));
  await writeFile(join(folder, 'pairs', name), '{"half of');
  expect(await pairsOf(folder, measured)).toEqual(pairs);
});
