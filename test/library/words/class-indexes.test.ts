import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IndexEvent } from '../../../src/library/index/events.ts';
import { runIndex } from '../../../src/library/index/run.ts';
import { rankCandidates } from '../../../src/library/query/rank-terms.ts';
import { type QuerySearch, searchByQuery } from '../../../src/library/query/search.ts';
import { ClassIndexes, classIndexesOf } from '../../../src/library/words/class-index/kept.ts';
import { countWords } from '../../../src/library/words/count.ts';
import { wordSearch } from '../../../src/picture/word-query.ts';
import type { MemoryTable } from '../../support/memory-store.ts';
import { PaintedLibrary } from '../../support/painted.ts';
import { testWorld } from '../../support/world.ts';

let library: PaintedLibrary;
let table: MemoryTable;
let events: IndexEvent[];
beforeEach(async () => {
  library = await PaintedLibrary.open();
  table = library.store.table(library.model);
  events = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await library.remove();
});

const { signal } = new AbortController();

async function put(photos: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, shows] of Object.entries(photos)) await library.put(path, shows, { indexed: false });
}

async function index(interrupted = signal, root = join(library.home, 'photos')): Promise<void> {
  const onEvent = (event: IndexEvent): void => void events.push(event);
  const deps = { world: testWorld(), session: library.session, signal: interrupted, onEvent };
  await runIndex({ ...deps, confirmPrune: async () => true }, { roots: [root], ignore: [] });
}

async function search(word: string, more: Partial<QuerySearch> = {}): Promise<[path: string, score: number][]> {
  const terms = [{ kind: 'word', text: word, weight: 1 }] as const;
  const { results } = await searchByQuery({ session: library.session, signal }, terms, { k: 2, ...more });
  return results.map(({ path, score }) => [path, score]);
}

function classesOf(word: string): readonly number[] {
  return library.words.vocabulary.words.get(word)?.flatMap(({ classes }) => classes) ?? [];
}

const indexesOf = () => classIndexesOf(library.session, { store: library.store, table });
const PHOTOS = {
  '1.jpg': 'border collie',
  '2.jpg': 'castle',
  '3.jpg': 'castle beach',
  '4.jpg': 'guitar',
  '5.jpg': 'castle',
};

describe('after an index run', () => {
  it('a word is found without a search, the same photos with the same scores as by looking at each', async () => {
    await put(PHOTOS);
    await index();
    const asked = vi.spyOn(table, 'search');
    const found = await search('castle', { k: 3 });
    expect(asked).not.toHaveBeenCalled();
    expect(found).toEqual(await search('castle', { k: 3, exact: true }));
    expect(found.map(([path]) => path)).toEqual(['2.jpg', '5.jpg', '3.jpg']);
  });

  it('a comic of a word is cast from the same photos', async () => {
    await put(PHOTOS);
    await index();
    const asked = vi.spyOn(table, 'search');
    const find = await wordSearch(library.session, { store: library.store, table }, { word: 'castle' }, null);
    expect((await find(3)).map(({ path }) => path)).toEqual(['2.jpg', '5.jpg', '3.jpg']);
    expect(asked).not.toHaveBeenCalled();
  });

  it('photos that are known to show nothing of a word are found by a search still', async () => {
    await put({ '1.jpg': 'border collie', '2.jpg': 'castle' });
    await index();
    const asked = vi.spyOn(table, 'search');
    expect((await search('castle', { k: 2 })).map(([path]) => path)).toEqual(['2.jpg', '1.jpg']);
    expect(asked).toHaveBeenCalled();
  });

  it('a filter is asked of the store, of more photos until enough of them pass', async () => {
    const many = [...Array(300)].map((_, i) => [`${i < 290 ? 'away' : 'here'}/${i}.jpg`, 'castle'] as const);
    await put({ ...Object.fromEntries(many), 'here/x.jpg': 'guitar' });
    await index();
    const asked = vi.spyOn(table, 'search');
    const [{ id: lib = '' } = {}] = await library.store.libraries();
    const within = [{ library: lib, folder: 'here' }];
    const filtered = vi.spyOn(table, 'rows');
    const rows = await rankCandidates(table, {
      words: library.words,
      similar: library.model.thresholds.similar,
      terms: [{ kind: 'word', classes: classesOf('castle'), weight: 1 }],
      k: 5,
      filter: { within },
      classIndexes: indexesOf,
    });
    expect(rows.map(({ path }) => path)).toEqual([...Array(10)].map((_, i) => `here/${290 + i}.jpg`));
    expect(filtered.mock.calls.map(([ids]) => ids.length)).toEqual([30, 120, 150]);
    expect(asked).not.toHaveBeenCalled();
  });

  it('photos that are known to show several words are among the answers, also where a search would not find them', async () => {
    await put(PHOTOS);
    await index();
    const asked = vi.spyOn(table, 'search').mockImplementation(async () => []);
    expect((await search('castle beach')).map(([path]) => path)[0]).toBe('3.jpg');
    expect(await search('castle beach')).toEqual(await search('castle beach', { exact: true }));
    expect(asked).toHaveBeenCalled();
  });

  it('what is kept is not read for photos beside words, nor for a look at every photo', async () => {
    await put(PHOTOS);
    await index();
    const read = vi.spyOn(ClassIndexes.prototype, 'whole');
    const file = join(library.home, 'photos', '2.jpg');
    const photo = { kind: 'photo', name: '2.jpg', file, oneOfMany: false, weight: 1 } as const;
    const terms = [photo, { kind: 'word', text: 'castle', weight: 1 } as const];
    expect((await searchByQuery({ session: library.session, signal }, terms, { k: 2 })).results).toHaveLength(2);
    expect(await search('castle', { exact: true })).toHaveLength(2);
    expect(read).not.toHaveBeenCalled();
    expect(await search('castle')).toHaveLength(2);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('an empty folder that is indexed as well hides nothing, nor do photos of other models', async () => {
    await put(PHOTOS);
    const empty = join(library.home, 'empty');
    await mkdir(empty);
    await index();
    await index(signal, empty);
    await library.store.putLibrary({ id: 'theirs', name: 'theirs', root: '', generation: 1, marks: { other: 'm' } });
    expect(await library.store.libraries()).toHaveLength(3);
    expect(await indexesOf()).toHaveLength(1);
  });

  it('words are counted as by looking at each photo, and few of those are looked at', async () => {
    await put(PHOTOS);
    await index();
    const listed = vi.spyOn(table, 'all');
    const counted = await countWords({ session: library.session, signal }, '');
    expect(listed).not.toHaveBeenCalled();
    await rm(join(library.session.settings.paths.cache, 'words'), { recursive: true });
    expect(counted).toEqual(await countWords({ session: library.session, signal }, ''));
    expect(listed).toHaveBeenCalled();
    expect(counted.find(({ word }) => word === 'castle')?.photos).toBeGreaterThanOrEqual(2);
  });

  it('only what is new is read once more by the next run, and what is gone is forgotten', async () => {
    await put(PHOTOS);
    await index();
    await put({ '6.jpg': 'castle' });
    await rm(join(library.home, 'photos', '2.jpg'));
    const read = vi.spyOn(table, 'rows');
    await index();
    expect(read.mock.calls.map(([ids]) => ids.length)).toEqual([1]);
    expect((await search('castle')).map(([path]) => path)).toEqual(['5.jpg', '6.jpg']);
    read.mockClear();
    await index();
    expect(read).not.toHaveBeenCalled();
  });

  it('a photo that was changed is looked at anew', async () => {
    await put(PHOTOS);
    await index();
    await put({ '2.jpg': 'border collie puppy' });
    await index();
    expect((await search('castle')).map(([path]) => path)).toEqual(['5.jpg', '3.jpg']);
  });
});

describe('what is kept is not believed', () => {
  it('while a library has changed since, or one that was never indexed here is in the store', async () => {
    await put(PHOTOS);
    await index();
    expect(await indexesOf()).toHaveLength(1);
    const [own] = await library.store.libraries();
    if (own === undefined) throw new Error('there is no library');
    await library.store.putLibrary({ ...own, marks: { [library.model.sha256]: 'by another machine' } });
    expect(await indexesOf()).toBeNull();
    await library.store.putLibrary(own);
    const [row] = table.stored.values();
    if (row === undefined) throw new Error('there is no row');
    await library.store.putLibrary({ id: 'theirs', name: 'theirs', root: '' });
    await table.upsert([{ ...row, id: 'theirs', library: 'theirs' }]);
    expect(await indexesOf()).toBeNull();
  });

  it('of a library that an earlier version indexed, and this one with another model', async () => {
    await put(PHOTOS);
    await index();
    const [row] = table.stored.values();
    if (row === undefined) throw new Error('there is no row');
    await library.store.putLibrary({ id: 'old', name: 'old', root: '', generation: 1, marks: { other: 'm' } });
    await table.upsert([{ ...row, id: 'old', library: 'old' }]);
    expect(await indexesOf()).toBeNull();
  });

  it('where a library was put a moment ago, of which a quick answer of the store does not tell', async () => {
    await put(PHOTOS);
    await index();
    const asked = vi.spyOn(library.store, 'libraries').mockResolvedValueOnce([]);
    expect(await indexesOf()).toHaveLength(1);
    expect(asked).toHaveBeenCalledTimes(2);
  });

  it('when it is damaged, and is made anew by the next run', async () => {
    await put(PHOTOS);
    await index();
    const folder = join(library.session.settings.paths.cache, 'words');
    const [store = ''] = await readdir(folder);
    const [file = ''] = await readdir(join(folder, store));
    await writeFile(join(folder, store, file), 'garbage');
    expect(await indexesOf()).toBeNull();
    expect(await search('castle')).toHaveLength(2);
    await index();
    expect(await indexesOf()).toHaveLength(1);
  });

  it('where it cannot be made, as of weights that are damaged: the run ends well all the same', async () => {
    await put(PHOTOS);
    const dim = 8;
    const { model, embedder } = library;
    vi.spyOn(library, 'session', 'get').mockReturnValue({
      ...library.session,
      model: async () => ({ ...model, dim }),
      openEmbedder: async () => ({
        ...embedder,
        embed: async (request) => {
          const result = await embedder.embed(request);
          if (result.kind !== 'embedded') return result;
          return { ...result, photo: { ...result.photo, vector: new Float32Array(dim).fill(dim ** -0.5) } };
        },
      }),
    });
    await index();
    expect(table.stored.size).toBe(5);
    expect(await indexesOf()).toBeNull();
  });

  it('where nothing can be written, and then no photo is looked at for it', async () => {
    await put(PHOTOS);
    const { cache } = library.session.settings.paths;
    await mkdir(cache, { recursive: true });
    await writeFile(join(cache, 'words'), 'in the way');
    const read = vi.spyOn(table, 'rows');
    await index();
    expect(read).not.toHaveBeenCalled();
    expect(await search('castle')).toHaveLength(2);
  });

  it('of a library that is gone, and its file goes with the next run', async () => {
    await put(PHOTOS);
    await index();
    await library.store.putLibrary({ id: 'gone', name: 'gone', root: '', generation: 1, marks: { other: 'm' } });
    const folder = join(library.session.settings.paths.cache, 'words');
    const [store = ''] = await readdir(folder);
    await writeFile(join(folder, store, '0'.repeat(32)), 'of a library that was removed');
    await index();
    expect(await readdir(join(folder, store))).toHaveLength(1);
  });
});

it('a run that is interrupted keeps what was looked at, and the next goes on from there', async () => {
  await put(Object.fromEntries([...Array(700)].map((_, i) => [`${i}.jpg`, `${i % 2 === 0 ? 'castle' : 'guitar'}`])));
  await index();
  await rm(join(library.session.settings.paths.cache, 'words'), { recursive: true });
  const interrupt = new AbortController();
  const read = vi.spyOn(table, 'rows').mockImplementation(async (ids) => {
    interrupt.abort();
    return ids.flatMap((id) => table.stored.get(id) ?? []);
  });
  await index(interrupt.signal);
  expect(read).toHaveBeenCalledTimes(1);
  expect(await indexesOf()).toBeNull();
  read.mockRestore();
  const rest = vi.spyOn(table, 'rows');
  await index();
  expect(rest.mock.calls.map(([ids]) => ids.length)).toEqual([200]);
  expect(await indexesOf()).toHaveLength(1);
  expect(events.filter(({ kind }) => kind === 'classifying')).toEqual([{ kind: 'classifying', done: 500, total: 700 }]);
});
