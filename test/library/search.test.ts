import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { photoId } from '../../src/library/scope.ts';
import { type PhotoSearch, searchByPhotos } from '../../src/library/search.ts';
import type { Session } from '../../src/library/session.ts';
import { freshModel, photo } from '../store/samples.ts';
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

async function find(
  search: PhotoSearch,
  using = session(),
  signal = new AbortController().signal,
  onEmbedded?: (done: number, total: number) => void,
): Promise<string[]> {
  const deps = { session: using, signal, ...(onEmbedded === undefined ? {} : { onEmbedded }) };
  return (await searchByPhotos(deps, search)).map(({ path }) => path);
}

describe('a search by photos', () => {
  it('leaves the query out unless asked, and reads each query photo once', async () => {
    const [cat, dog] = [await put('a/cat.jpg'), await put('b/dog.jpg')];
    const copy = await put('elsewhere/copy.jpg', { indexed: false });
    const before = embedder.embedded;
    const told: [number, number][] = [];
    const search = { photos: [cat, copy], k: 5 };
    expect(await find(search, session(), undefined, (done, total) => told.push([done, total]))).toEqual(['b/dog.jpg']);
    expect(embedder.embedded - before).toBe(2);
    expect(told).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(await find({ photos: [dog], k: 1, includeSelf: true })).toEqual(['b/dog.jpg']);
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
    await expect(find({ ...search, folders: ['/nowhere'] })).rejects.toMatchObject({ code: 'not_indexed' });
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
