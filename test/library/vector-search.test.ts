import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cosine } from '../../src/embedding/vector.ts';
import { photoId } from '../../src/library/paths.ts';
import type { Restriction } from '../../src/library/photo-filter.ts';
import type { QueryTerm } from '../../src/library/query/resolve.ts';
import { type QuerySearch, searchByQuery } from '../../src/library/query/search.ts';
import { fetchNearest, nearest } from '../../src/library/ranking/ranker.ts';
import { NEIGHBOURHOOD } from '../../src/library/ranking/rerank.ts';
import type { Session } from '../../src/library/session.ts';
import { type FoundPhoto, searchVector } from '../../src/library/vector-search.ts';
import { MOST_HITS } from '../../src/store/port.ts';
import { freshModel, photo, unit } from '../store/samples.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { memorySession } from '../support/session.ts';

let home: string;
let store: MemoryStore;
let embedder: HashEmbedder;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-search-')));
  store = new MemoryStore();
  embedder = new HashEmbedder();
});
afterEach(() => rm(home, { recursive: true, force: true }));

const session = (): Session => memorySession({ home, store, embedder });

/** A photo on disk and, unless told otherwise, in the index. */
async function put(path: string, { indexed = true, takenMs = null as number | null } = {}): Promise<string> {
  const file = join(home, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, path);
  const result = await embedder.embed({ file });
  if (result.kind !== 'embedded') throw new Error('it was not embedded');
  if (!indexed) return file;
  await store.putLibrary({ id: 'lib', name: 'Photos', root: home });
  const row = { ...result.photo, facts: 1, id: photoId('lib', path), library: 'lib', path, takenMs };
  await store.table(testModel).upsert([row]);
  return file;
}

interface PhotoSearch extends Restriction, Omit<QuerySearch, 'restriction'> {
  readonly photos: readonly string[];
}

async function searchByPhotos(
  deps: Parameters<typeof searchByQuery>[0],
  { photos, k, minScore, includeSelf, order, ...restriction }: PhotoSearch,
): Promise<readonly FoundPhoto[]> {
  const terms = photos.map((file): QueryTerm => ({ kind: 'photo', file, name: file, weight: 1, oneOfMany: false }));
  const options = Object.entries({ minScore, includeSelf, order }).filter(([, value]) => value !== undefined);
  return (await searchByQuery(deps, terms, { k, restriction, ...Object.fromEntries(options) })).results;
}

async function find(
  search: PhotoSearch,
  using = session(),
  signal = new AbortController().signal,
  onRead?: (done: number, total: number) => void,
): Promise<string[]> {
  const deps = { session: using, signal, ...(onRead === undefined ? {} : { onRead }) };
  return (await searchByPhotos(deps, search)).map(({ path }) => path);
}

describe('a search by photos', () => {
  it('gives what is just as alike as is asked, and nothing of a library that is gone', async () => {
    const [cat, dog] = [await put('cat.jpg'), await put('dog.jpg')];
    const table = store.table(testModel);
    const [row] = await table.rows([photoId('lib', 'dog.jpg')]);
    if (row === undefined) throw new Error('it was put');
    await table.upsert([{ ...row, id: 'orphan', library: 'gone' }]);
    const [query] = await table.rows([photoId('lib', 'cat.jpg')]);
    const minScore = cosine(query?.vector ?? row.vector, row.vector);
    const found = await searchVector({ store, table }, { vector: query?.vector ?? row.vector, k: 5, minScore });
    expect(found.map(({ file }) => file)).toEqual([cat, dog]);
  });

  it('waits for what is recent only where a hit is of a library that it does not know', async () => {
    const cat = await put('a/cat.jpg');
    await put('b/dog.jpg');
    const libraries = vi.spyOn(store, 'libraries');
    const rows = vi.spyOn(store.table(testModel), 'rows');
    const asksForRecent = () =>
      libraries.mock.calls.some(([{ recent = true } = {}]) => recent) ||
      rows.mock.calls.some(([ids, { recent = true } = {}]) => ids.length > 0 && recent);
    const outside = await put('c/new.jpg', { indexed: false });
    for (const unique of [false, true]) await find({ photos: [outside], k: 5, unique });
    expect(libraries).toHaveBeenCalled();
    expect(rows).toHaveBeenCalled();
    expect(asksForRecent()).toBe(false);
    const [row] = await store.table(testModel).rows([photoId('lib', 'b/dog.jpg')], { recent: false });
    if (row === undefined) throw new Error('it was put');
    await store.table(testModel).upsert([{ ...row, id: 'orphan', library: 'gone' }]);
    expect(await find({ photos: [cat], k: 5 })).toEqual(['b/dog.jpg']);
    expect(asksForRecent()).toBe(true);
  });

  it('leaves the query out unless asked, and embeds only what the index does not have', async () => {
    const [cat, dog] = [await put('a/cat.jpg'), await put('b/dog.jpg')];
    const copy = await put('elsewhere/copy.jpg', { indexed: false });
    const before = embedder.embedded;
    const told: [number, number][] = [];
    const search = { photos: [cat, copy], k: 5 };
    expect(await find(search, session(), undefined, (done, total) => told.push([done, total]))).toEqual(['b/dog.jpg']);
    expect(embedder.embedded - before).toBe(1);
    expect(told).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(await find({ photos: [dog], k: 1, includeSelf: true })).toEqual(['b/dog.jpg']);
  });

  it('names the greatest score where none is as great as was asked for, and shows copies once when told to', async () => {
    const cat = await put('a/cat.jpg');
    await put('b/dog.jpg');
    const row = [...store.table(testModel).stored.values()].find(({ path }) => path === 'b/dog.jpg');
    if (row === undefined) throw new Error('it was put');
    await store.table(testModel).upsert([{ ...row, id: photoId('lib', 'c/copy.jpg'), path: 'c/copy.jpg' }]);
    const terms: QueryTerm[] = [{ kind: 'photo', file: cat, name: cat, weight: 1, oneOfMany: false }];
    const deps = { session: session(), signal: new AbortController().signal };
    const { results } = await searchByQuery(deps, terms, { k: 5 });
    expect(results.map(({ path }) => path)).toEqual(['b/dog.jpg', 'c/copy.jpg']);
    const once = await searchByQuery(deps, terms, { k: 5, unique: true });
    expect(once.results.map(({ path }) => path)).toEqual(['b/dog.jpg']);
    expect(once.closest).toBeNull();
    const none = await searchByQuery(deps, terms, { k: 5, minScore: 0.9999 });
    expect(none).toMatchObject({ results: [], closest: results[0]?.score });
  });

  it('looks only where it is told to', async () => {
    const cat = await put('a/cat.jpg', { takenMs: 1000 });
    await put('b/dog.jpg', { takenMs: 2000 });
    await put('b/old.jpg', { takenMs: 500 });
    await put('b/undated.jpg');
    const search = { photos: [cat], k: 9, includeSelf: true };
    expect((await find({ ...search, folders: [join(home, 'b')] })).sort()).toEqual(
      ['b/dog.jpg', 'b/old.jpg', 'b/undated.jpg'].sort(),
    );
    expect((await find({ ...search, takenAfterMs: 1000 })).sort()).toEqual(['a/cat.jpg', 'b/dog.jpg']);
    expect(await find({ ...search, folders: [join(home, 'b')], takenBeforeMs: 2000 })).toEqual(['b/old.jpg']);
    await expect(find({ ...search, folders: [tmpdir()] })).resolves.toHaveLength(4);
    await expect(find({ ...search, folders: ['/nowhere'] })).rejects.toMatchObject({
      ...{ code: 'not_indexed', hint: expect.stringContaining('There is no such folder') },
    });
    await expect(find({ ...search, folders: [import.meta.filename] })).rejects.toMatchObject({
      ...{ code: 'folder_expected', message: `${import.meta.filename} is a file, not a folder.` },
    });
  });

  describe('in the default order', () => {
    /** `score` from the query towards one of the axes that are at right angles to it and to each other. */
    const towards = (query: Float32Array, axis: number, score: number): Float32Array => {
      const basis = [query];
      for (let i = 0; i < 4 && basis.length < 4; i += 1) {
        const next = Float32Array.from([0, 1, 2, 3], (j) => Number(i === j));
        for (const one of basis) {
          const along = cosine(next, one);
          for (let j = 0; j < 4; j += 1) next[j] = (next[j] ?? 0) - along * (one[j] ?? 0);
        }
        if (Math.hypot(...next) > 0.1) basis.push(unit([...next]));
      }
      const side = basis[axis] ?? query;
      return unit([...query].map((value, j) => score * value + Math.sqrt(1 - score ** 2) * (side[j] ?? 0)));
    };
    /** One photo alone, the nearest but one; the others are like each other. */
    const arrange = async (): Promise<string> => {
      const cat = await put('cat.jpg');
      const query = [...store.table(testModel).stored.values()][0]?.vector ?? new Float32Array(4);
      const lone = photo('lone.jpg', { library: 'lib', vector: towards(query, 1, 0.8) });
      const nearest = photo('nearest.jpg', { library: 'lib', vector: towards(query, 2, 0.801) });
      const flock = [0, 1, 2, 3, 4].map((i) =>
        photo(`flock-${i}.jpg`, { library: 'lib', vector: towards(query, 2, 0.79 - i / 1000) }),
      );
      await store.table(testModel).upsert([nearest, lone, ...flock]);
      return cat;
    };

    it('ranks photos whose surroundings agree with the query before one that is alone, and keeps the scores', async () => {
      const photos = [await arrange()];
      const plain = ['nearest.jpg', 'lone.jpg', ...[0, 1, 2, 3, 4].map((i) => `flock-${i}.jpg`)];
      expect(await find({ photos, k: 9, order: 'cosine' })).toEqual(plain);
      const found = await searchByPhotos(
        { session: session(), signal: new AbortController().signal },
        { photos, k: 9 },
      );
      expect(found[0]).toMatchObject({ path: 'nearest.jpg', rankedBy: 'nearest' });
      expect(found.at(-1)).toMatchObject({ path: 'lone.jpg', rankedBy: 'agreement', score: expect.closeTo(0.8) });
      expect(await find({ photos, k: 2 })).toEqual(found.slice(0, 2).map(({ path }) => path));
    });

    it('has what is nearly the query in front, and leaves out by score rather than by rank', async () => {
      const photos = [await arrange()];
      const query = [...store.table(testModel).stored.values()][0]?.vector ?? new Float32Array(4);
      const [near, nearer] = [0.96, 0.97].map((score) =>
        photo(`${score}.jpg`, { library: 'lib', vector: towards(query, 1, score) }),
      );
      await store.table(testModel).upsert([near, nearer].filter((row) => row !== undefined));
      expect((await find({ photos, k: 2 })).slice(0, 2)).toEqual(['0.97.jpg', '0.96.jpg']);
      const enough = await find({ photos, k: 9, minScore: 0.7895 });
      expect(enough.sort()).toEqual(['0.96.jpg', '0.97.jpg', 'flock-0.jpg', 'lone.jpg', 'nearest.jpg']);
      expect((await find({ photos, k: 1, includeSelf: true }))[0]).toBe('cat.jpg');
    });

    it('goes on by cosine beyond the neighbourhood', async () => {
      const photos = [await arrange()];
      const query = [...store.table(testModel).stored.values()][0]?.vector ?? new Float32Array(4);
      const many = Array.from({ length: 2 * NEIGHBOURHOOD }, (_, i) =>
        photo(`far-${String(i).padStart(3, '0')}.jpg`, { library: 'lib', vector: towards(query, 3, 0.5 - i / 1000) }),
      );
      await store.table(testModel).upsert(many);
      const k = NEIGHBOURHOOD + 50;
      const found = await searchByPhotos({ session: session(), signal: new AbortController().signal }, { photos, k });
      expect(found).toHaveLength(k);
      expect(new Set(found.map(({ id }) => id)).size).toBe(k);
      const plain = await find({ photos, k, order: 'cosine' });
      expect(found.slice(NEIGHBOURHOOD).map(({ path }) => path)).toEqual(plain.slice(NEIGHBOURHOOD));
      expect(new Set(found.slice(0, NEIGHBOURHOOD).map(({ path }) => path))).toEqual(
        new Set(plain.slice(0, NEIGHBOURHOOD)),
      );
      const reasons = ['nearest', ...Array(NEIGHBOURHOOD - 1).fill('agreement'), ...Array(50).fill('cosine')];
      expect(found.map(({ rankedBy }) => rankedBy)).toEqual(reasons);
    });
  });

  it('says that nothing is indexed, or that another model did it, rather than that nothing is alike', async () => {
    const query = await put('cat.jpg', { indexed: false });
    await expect(find({ photos: [query], k: 5 })).rejects.toMatchObject({ code: 'nothing_indexed' });
    await store.table({ ...freshModel(), id: 'other' }).upsert([photo('a.jpg')]);
    await expect(find({ photos: [query], k: 5 })).rejects.toMatchObject({
      code: 'other_model',
      hint: expect.stringContaining('add --model other'),
    });
  });

  it('opens neither the store nor the model for a query photo that is not there, or where nothing was ever indexed', async () => {
    const closed = {
      ...session(),
      index: () => Promise.reject(new Error('the store was opened')),
      embedder: () => Promise.reject(new Error('the embedder was opened')),
    };
    await expect(find({ photos: [join(home, 'no.jpg')], k: 5 }, closed)).rejects.toThrow(/no\.jpg .* does not exist/);
    const { milvusUri: _, ...settings } = closed.settings;
    const query = await put('cat.jpg', { indexed: false });
    await expect(find({ photos: [query], k: 5 }, { ...closed, settings })).rejects.toMatchObject({
      code: 'nothing_indexed',
    });
  });

  it('ends when it is told to', async () => {
    const query = await put('cat.jpg');
    const stuck = { ...embedder, model: testModel, capacity: 1, embed: () => new Promise<never>(() => undefined) };
    const stop = new AbortController();
    const ended = find(
      { photos: [query], k: 5 },
      { ...session(), embedder: async () => ({ ...stuck, close: async () => undefined }) },
      stop.signal,
    );
    stop.abort();
    await expect(ended).rejects.toMatchObject({ kind: 'interrupted' });
  });
});

it('all of the photos are more than a store gives to one search, and come best first', async () => {
  const table = store.table(testModel);
  const one = photo('0.jpg');
  const wide = MOST_HITS + 3;
  await table.upsert(
    Array.from({ length: wide }, (_, i) => {
      const angle = ((i * 7919) % wide) / wide;
      const turned = Float32Array.of(Math.cos(angle), Math.sin(angle));
      return { ...one, id: `${i}`, path: `${i}.jpg`, vector: turned };
    }),
  );
  const query = Float32Array.of(1, 0);
  const all = await nearest(table, query, { k: Number.POSITIVE_INFINITY });
  expect(all.map(({ score }) => score)).toEqual(all.map(({ score }) => score).sort((a, b) => b - a));
  expect(new Set(all.map(({ id }) => id)).size).toBe(wide);
  expect(all[0]).not.toHaveProperty('vector');
  const least = all[MOST_HITS]?.score ?? 0;
  expect(await nearest(table, query, { k: wide, minScore: least })).toHaveLength(MOST_HITS + 1);
});

it('gives each photo once where the store takes other ones among the first of equals, call by call', async () => {
  const table = store.table(freshModel());
  const count = NEIGHBOURHOOD + 20;
  await table.upsert(Array.from({ length: count }, (_, i) => photo(`${i}.jpg`)));
  const search = table.search.bind(table);
  vi.spyOn(table, 'search').mockImplementation(async (vector, options) => {
    const hits = await search(vector, { ...options, k: count, vectors: true });
    // All of them are as near: any may be the first.
    return ('vectors' in options ? hits : hits.reverse()).slice(0, options.k);
  });
  const { near, far } = await fetchNearest(table, unit([1, 0, 0, 0]), { k: count });
  expect(near).toHaveLength(NEIGHBOURHOOD);
  expect(new Set([...near, ...far].map(({ id }) => id)).size).toBe(count);
  expect(far).toHaveLength(count - NEIGHBOURHOOD);
});
