import { rm, symlink, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EmbedRequest } from '../../../src/embedding/port.ts';
import { cosine, toUnitLength } from '../../../src/embedding/vector.ts';
import { photoId } from '../../../src/library/paths.ts';
import { answerEach, type Query } from '../../../src/library/query/each.ts';
import { startParts } from '../../../src/library/query/outside.ts';
import type { QueryTerm } from '../../../src/library/query/resolve.ts';
import { type Answer, directionOf, type QuerySearch, searchByQuery } from '../../../src/library/query/search.ts';
import { SEEN, shownBy } from '../../../src/library/words/seen.ts';
import type { Settings } from '../../../src/settings.ts';
import { HashEmbedder } from '../../support/hash-embedder.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { PaintedLibrary } from '../../support/painted.ts';
import { memorySession } from '../../support/session.ts';

let library: PaintedLibrary;
let files: Record<'collie' | 'castle' | 'both' | 'crane' | 'outside', string>;
beforeAll(async () => {
  library = await PaintedLibrary.open();
  files = {
    collie: await library.put('z/collie.jpg', 'border collie'),
    castle: await library.put('castle.jpg', 'castle'),
    both: await library.put('both.jpg', 'castle border collie'),
    crane: await library.put('crane.jpg', 'crane'),
    outside: await library.put('outside.jpg', 'border collie', { indexed: false }),
  };
  await library.put('a/collie.jpg', 'border collie');
});
beforeEach(() => {
  library.embedded.length = 0;
});
afterAll(() => library.remove());

const signal = new AbortController().signal;
const word = (text: string, weight = 1): QueryTerm => ({ kind: 'word', text, weight });
const photo = (file: string, weight = 1, oneOfMany = false): QueryTerm => {
  return { kind: 'photo', file, name: file, weight, oneOfMany };
};
const find = (terms: readonly QueryTerm[], search: Partial<QuerySearch> = {}): Promise<Answer> =>
  searchByQuery({ session: library.session, signal }, terms, { k: 9, ...search });
const paths = ({ results }: Answer): string[] => results.map(({ path }) => path);

it('says which libraries of its results have no folder here', async () => {
  const { store } = await library.session.index();
  const elsewhere = {
    ...store,
    libraries: async () => (await store.libraries()).map((one) => ({ ...one, root: 'x:' })),
  };
  const index = async () => ({ store: elsewhere, table: (await library.session.index()).table });
  const session = { ...library.session, index, store: async () => elsewhere };
  const { notices, results } = await searchByQuery({ session, signal }, [word('castle')], { k: 1 });
  expect(notices).toEqual([{ kind: 'elsewhere', libraries: [results[0]?.libraryName] }]);
});

describe('a search by words', () => {
  it('puts what shows the word first, ties by path, with its share for a score', async () => {
    const answer = await find([word('Border Collies')]);
    expect(paths(answer).slice(0, 3)).toEqual(['a/collie.jpg', 'z/collie.jpg', 'both.jpg']);
    expect(answer.by).toBe('words');
    expect(answer.terms).toEqual([{ kind: 'word', value: 'border collie', weight: 1 }]);
    for (const { score } of answer.results) expect(score >= 0 && score <= 1).toBe(true);
    expect(answer.results[0]?.score).toBeGreaterThan(0.9);
    expect(library.embedded).toEqual([]);
  });

  it('takes several words together, in one argument or two, and keeps away from others', async () => {
    expect(paths(await find([word('castle'), word('dog')]))[0]).toBe('both.jpg');
    expect(paths(await find([word('dog castle')]))[0]).toBe('both.jpg');
    expect(paths(await find([word('castle'), word('dog', -1)]))[0]).toBe('castle.jpg');
  });

  it('cuts off by k and by share', async () => {
    expect(paths(await find([word('dog')], { k: 1 }))).toEqual(['a/collie.jpg']);
    const castles = await find([word('castle')], { minScore: 0.9 });
    expect(paths(castles)).toEqual(['castle.jpg']);
    expect(paths(await find([word('castle')], { minScore: castles.results[0]?.score ?? 0 }))).toEqual(['castle.jpg']);
  });

  it('takes words that are a name only together as that, also where no quotes hold them together', async () => {
    const named = await find([word('border'), word('collies'), word('castle')]);
    expect(named.terms.map(({ value }) => value)).toEqual(['border collie', 'castle']);
    expect((await find([word('dog'), word('castle')])).terms).toHaveLength(2);
    await expect(find([word('border'), word('castle')])).rejects.toMatchObject({ code: 'unknown_word' });
    await expect(find([word('border'), word('collie', -1)])).rejects.toMatchObject({ code: 'unknown_word' });
    await expect(find([word('dog'), word('NOT'), word('beach')])).rejects.toMatchObject({
      hint: expect.stringContaining('--not'),
    });
    await expect(find([word('dog or cat')])).rejects.toMatchObject({ hint: expect.stringContaining('--each') });
    await expect(find([word('Füssen')])).rejects.toMatchObject({ message: expect.stringContaining('"Füssen"') });
  });

  it('gives all when all are wanted', async () => {
    const all = await find([word('castle')], { k: Number.POSITIVE_INFINITY });
    expect(all.results).toEqual((await find([word('castle')])).results);
  });

  it('says what a word means, what it does not, and that nothing shows it', async () => {
    const crane = await find([word('crane')]);
    expect(crane.results[0]?.path).toBe('crane.jpg');
    expect(crane.notices).toContainEqual({
      kind: 'meanings',
      word: 'crane',
      meanings: ['crane (wading bird)', 'crane (lifting device)'],
    });
    const mouse = await find([word('mouse')]);
    expect(mouse.notices).toContainEqual({ kind: 'lacks', word: 'mouse', lacks: 'the animal' });
    expect(mouse.notices).toContainEqual({ kind: 'unclear', words: ['mouse'], best: mouse.results[0]?.score });
    expect(crane.notices.map(({ kind }) => kind)).not.toContain('unclear');
  });

  it('says of how many of the results it can be seen, and for which other things a word is taken', async () => {
    const castles = await find([word('castle')], { k: 4 });
    const seen = castles.results.filter(({ score }) => score >= SEEN).length;
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(4);
    expect(castles.notices).toContainEqual({ kind: 'partly', words: ['castle'], photos: seen, of: 4 });
    expect(castles.results.map(({ shown }) => shown === 'unlikely')).toEqual(
      castles.results.map(({ score }) => score < SEEN),
    );
    expect(castles.results[0]).toMatchObject({ shown: 'clear', likeness: null });
    expect((await find([word('castle')], { minScore: SEEN })).notices).toEqual([]);
    const alike = await find([photo(files.castle)], { k: 4 });
    expect(alike.notices).toEqual([]);
    expect(alike.results.map(({ shown }) => shown)).toEqual([null, null, null, null]);
    const hedgehog = await find([word('hedgehogs')]);
    expect(hedgehog.notices).toContainEqual({ kind: 'taken', word: 'hedgehog', things: 'porcupine' });
    // A domestic cat is a cat.
    expect((await find([word('cat')])).notices.map(({ kind }) => kind)).not.toContain('taken');
  });

  it('holds of a photo that it shows several words no more surely than the one that it shows least', async () => {
    const { results, notices } = await find([word('castle', 3), word('animal')], { k: 9, explain: true });
    const least = results.map(({ explanation }) => Math.min(...(explanation?.terms ?? []).map(({ share }) => share)));
    expect(results.map(({ shown }) => shown)).toEqual(least.map(shownBy));
    const sure = results.filter(({ shown }) => shown !== 'unlikely');
    expect(sure.map(({ path }) => path)).toEqual(['both.jpg']);
    // The mean of a castle that is sure and an animal that is not.
    expect(results.some(({ shown, score }) => shown === 'unlikely' && score >= SEEN)).toBe(true);
    expect(notices).toContainEqual({ kind: 'partly', words: ['castle', 'animal'], photos: 1, of: results.length });
  });

  it('refuses an unknown word with the nearest known ones before anything is opened', async () => {
    const closed = { ...library.session, index: () => Promise.reject(new Error('the store was opened')) };
    const refused = searchByQuery({ session: closed, signal }, [word('casstle')], { k: 6 });
    await expect(refused).rejects.toMatchObject({
      code: 'unknown_word',
      kind: 'usage',
      message: expect.stringContaining('castle'),
      hint: expect.stringContaining('photo'),
    });
  });

  it('refuses a word of which nothing is left to look for', async () => {
    for (const away of ['dog', 'animal']) {
      await expect(find([word('dog'), word(away, -1)])).rejects.toMatchObject({
        code: 'usage',
        message: 'All that "dog" means is to be kept away from.',
      });
    }
    expect((await find([word('animal'), word('dog', -1)])).results.length).toBeGreaterThan(0);
  });

  it('says of each photo, when asked, what each term makes of it and what else is seen in it', async () => {
    expect((await find([word('dog')])).results.map(({ explanation }) => explanation)).not.toContainEqual(
      expect.anything(),
    );
    const both = await find([word('castle'), word('dog', 0.5), photo(files.collie), word('crane', -1)], {
      explain: true,
    });
    const [first] = both.results.filter(({ path }) => path === 'both.jpg');
    expect(first?.explanation?.terms.map(({ kind, value, weight }) => ({ kind, value, weight }))).toEqual(both.terms);
    // The very numbers that its score is made of.
    const shares = first?.explanation?.terms.map(({ share }) => share) ?? [];
    const [castle = 0, dog = 0, collie = 0, crane = 0] = shares;
    expect((castle * dog ** 0.5 * collie * (1 - crane)) ** (1 / 2.5)).toBeCloseTo(first?.score ?? 0, 6);
    expect(first?.explanation?.seen.map(({ meaning }) => meaning.name)).toEqual(
      expect.arrayContaining(['castle', 'Border collie']),
    );
    const alike = await find([photo(files.castle)], { explain: true });
    expect(alike.results.every(({ explanation, pairShare }) => explanation === null && pairShare !== null)).toBe(true);
    expect(alike.notices).toEqual([]);
    const model = async () => ({ ...library.model, ranking: null });
    const session = { ...library.session, model };
    const unmeasured = await searchByQuery({ session, signal }, [photo(files.castle)], { k: 2, explain: true });
    expect(unmeasured.notices).toEqual([{ kind: 'unmeasured' }]);
  });

  it('looks in each folder that it is told, by whatever link it is named', async () => {
    const link = `${library.home}/link`;
    await symlink(`${library.home}/photos/z`, link);
    const folders = [link, `${library.home}/photos/a`];
    expect(paths(await find([word('dog')], { restriction: { folders } })).sort()).toEqual([
      'a/collie.jpg',
      'z/collie.jpg',
    ]);
    await rm(link);
  });

  it('looks only where it is told to', async () => {
    expect(paths(await find([word('dog')], { restriction: { folders: [`${library.home}/photos/z`] } }))).toEqual([
      'z/collie.jpg',
    ]);
  });

  it('cannot be made with a model without words, or for nothing', async () => {
    const session = memorySession({ home: library.home, store: new MemoryStore(), embedder: new HashEmbedder() });
    await expect(searchByQuery({ session, signal }, [word('dog')], { k: 1 })).rejects.toMatchObject({
      code: 'words_unavailable',
    });
    await expect(find([word('dog', -1)])).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('a search by photos and words', () => {
  it('finds what is both, and leaves the query out', async () => {
    const answer = await find([photo(files.castle), word('dog')]);
    expect(answer.by).toBe('both');
    expect(paths(answer)[0]).toBe('both.jpg');
    expect(paths(answer)).not.toContain('castle.jpg');
    expect(paths(await find([photo(files.castle), word('castle')], { includeSelf: true }))[0]).toBe('castle.jpg');
  });
});

describe('query photos', () => {
  it('have their vectors from the index when they are there as they were, else they are embedded', async () => {
    await find([photo(files.collie), photo(files.castle)]);
    expect(library.embedded).toEqual([]);
    await find([photo(files.collie), photo(files.outside), photo(files.outside)]);
    expect(library.embedded).toEqual([files.outside]);
    library.embedded.length = 0;
    const changed = await library.put('changed.jpg', 'castle');
    await utimes(changed, 1, 1);
    await find([photo(changed)]);
    expect(library.embedded).toEqual([changed]);
    await library.store.table(library.model).remove([...library.store.table(library.model).stored.keys()].slice(-1));
  });

  it('are embedded while the store opens where they lie in no library of this machine', async () => {
    const { session } = library;
    await session.machine.keep('elsewhere', '/photos');
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const index = () => opened.then(() => session.index());
    const found = searchByQuery({ session: { ...session, index }, signal }, [photo(files.outside)], { k: 1 });
    await expect.poll(() => library.embedded).toEqual([files.outside]);
    open();
    expect(paths(await found)).toEqual(['a/collie.jpg']);
    await session.machine.forget('elsewhere');
  });

  it('start the worker ahead of all else where one is sure to be embedded, and only there', async () => {
    const { session } = library;
    let started = 0;
    const embedder = () => {
      started += 1;
      return session.embedder();
    };
    const start = (...terms: QueryTerm[]) => startParts({ ...session, embedder }, terms);
    await start(photo(files.outside));
    expect(started, 'before anything is noted').toBe(0);
    await session.machine.keep('pets', dirname(files.outside));
    await start(photo(files.outside), word('castle'));
    expect(started, 'of what may be in the index').toBe(0);
    await session.machine.forget('pets');
    await session.machine.keep('elsewhere', '/photos');
    await start(word('castle'));
    await start(...Array.from({ length: 8 }, () => photo(files.outside)));
    expect(started, 'of words, and of many, which have workers of their own').toBe(0);
    const outside = await start(photo(files.collie), photo(files.outside));
    expect(started).toBe(1);
    expect(outside).toEqual([files.collie, files.outside]);
    const roots = vi.fn(session.machine.roots);
    const asking = { ...session, machine: { ...session.machine, roots } };
    await searchByQuery({ session: asking, signal, outside }, [photo(files.collie), photo(files.outside)], { k: 1 });
    expect(roots, 'whoever knows that does not ask again').not.toHaveBeenCalled();
    await session.machine.forget('elsewhere');
  });

  it('start the store beside that, unless a slip of the hand would set one up or start it', async () => {
    const { session } = library;
    const store = vi.fn(session.store);
    const start = (settings: Settings, ...terms: QueryTerm[]) => startParts({ ...session, settings, store }, terms);
    const { milvusUri: _, ...embedded } = session.settings;
    await start(embedded, photo(files.castle));
    await start(session.settings, photo(files.castle), word('castel'));
    await start(session.settings, photo(files.castle), photo(`${files.castle}.jpg`));
    expect(store).not.toHaveBeenCalled();
    await start(session.settings, photo(files.castle));
    expect(store).toHaveBeenCalledOnce();
  });

  it('that are damaged end a search, but only say so when they are one of many', async () => {
    const broken = await library.put('broken.jpg', 'xyzzy', { indexed: false });
    await expect(find([photo(broken), photo(files.castle)])).rejects.toMatchObject({ code: 'query_unreadable' });
    const answer = await find([photo(broken, 1, true), photo(files.castle, 1, true)]);
    expect(answer.notices).toMatchObject([{ kind: 'unread', file: broken }]);
    expect(answer.terms).toEqual([{ kind: 'photo', value: files.castle, weight: 1 }]);
    await expect(find([photo(broken, 1, true)])).rejects.toMatchObject({ code: 'query_unreadable' });
    await rm(broken);
  });

  it('that are none but bear a word for a name say how to search by the word', async () => {
    const hint = 'Name a photo; a list of photos is read with --from.';
    for (const [name, more] of [
      ['beach', ' To search by the word, write word:beach'],
      ['list-2', ''],
    ] as const) {
      const file = await library.put(name, 'xyzzy', { indexed: false });
      await expect(find([photo(file)])).rejects.toMatchObject({ hint: `${hint}${more}` });
      await rm(file);
    }
  });

  it('count by their weights: the direction is the mean, negative ones subtracted', () => {
    const vector = fc
      .array(fc.integer({ min: -100, max: 100 }), { minLength: 4, maxLength: 4 })
      .filter((values) => values.some((value) => value !== 0))
      .map((values) => toUnitLength(Float32Array.from(values)));
    const weight = fc.integer({ min: -30, max: 30 }).map((n) => n / 10);
    fc.assert(
      fc.property(fc.array(fc.record({ vector, weight }), { minLength: 1, maxLength: 5 }), (terms) => {
        const sum = [0, 1, 2, 3].map((i) => terms.reduce((all, one) => all + one.weight * (one.vector[i] ?? 0), 0));
        fc.pre(Math.hypot(...sum) > 0.01);
        const direction = directionOf(terms.map((term) => ({ term: { kind: 'photo', ...term } })));
        expect(Math.hypot(...direction)).toBeCloseTo(1, 5);
        expect(cosine(direction, toUnitLength(Float32Array.from(sum)))).toBeCloseTo(1, 4);
      }),
    );
    const one = { vector: Float32Array.of(1, 0), weight: 1 };
    const away = [one, { ...one, weight: -1 }].map((term) => ({ term: { kind: 'photo', ...term } as const }));
    expect(() => directionOf(away)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('leaves out the JPEG of a RAW file that is asked by, which is the same shot', async () => {
    const raw = await library.put('shots/one.nef', 'castle', { indexed: false });
    await library.put('shots/one.jpg', 'castle');
    await library.put('shots/one-2.jpg', 'castle');
    const shots = { restriction: { folders: [dirname(raw)] } };
    expect(paths(await find([photo(raw)], shots))).toEqual(['shots/one-2.jpg']);
    expect(paths(await find([photo(raw), word('castle')], shots))).toEqual(['shots/one-2.jpg']);
    expect(paths(await find([photo(raw)], { ...shots, includeSelf: true }))).toHaveLength(2);
    await rm(dirname(raw), { recursive: true });
    await library.session
      .index()
      .then(({ table }) => table.remove(['one', 'one-2'].map((name) => photoId('lib', `shots/${name}.jpg`))));
  });

  it('move the results by their weights', async () => {
    const [near, far] = [photo(files.castle, 0.9), photo(files.collie, 0.1)];
    expect(paths(await find([near, far], { includeSelf: true }))[0]).toBe('castle.jpg');
    const swapped = [photo(files.castle, 0.1), photo(files.collie, 0.9)];
    expect(paths(await find(swapped, { includeSelf: true }))[0]).toBe('a/collie.jpg');
    const away = await find([photo(files.both), photo(files.collie, -0.5)]);
    expect(paths(away)[0]).toBe('castle.jpg');
    expect(away.terms[1]).toEqual({ kind: 'photo', value: files.collie, weight: -0.5 });
  });
});

describe('queries answered one by one', () => {
  const each = async (queries: readonly Query[], session = library.session): Promise<[string, string][]> => {
    const told: [string, string][] = [];
    for await (const answered of answerEach({ session, signal }, queries, { k: 1 })) {
      const what = answered.kind === 'failed' ? answered.error.code : (paths(answered.answer)[0] ?? 'nothing');
      told.push([answered.name, what]);
    }
    return told;
  };
  const terms = (name: string, ...of: readonly QueryTerm[]): Query => ({ kind: 'terms', name, terms: of });

  it('come in their order, with errors in their places, over one store', async () => {
    const broken = await library.put('broken.jpg', 'xyzzy', { indexed: false });
    let opened = 0;
    const index = () => {
      opened += 1;
      return library.session.index();
    };
    const session = { ...library.session, index };
    const queries = [
      terms('castle', word('castle')),
      terms('casstle', word('casstle')),
      terms('broken', photo(broken)),
      terms('collie', photo(files.collie)),
      ...Array.from({ length: 50 }, (_, i) => terms(`${i}`, photo(files.outside))),
    ];
    const told = await each(queries, session);
    expect(told.slice(0, 4)).toEqual([
      ['castle', 'castle.jpg'],
      ['casstle', 'unknown_word'],
      ['broken', 'query_unreadable'],
      ['collie', 'a/collie.jpg'],
    ]);
    expect(told.slice(4).map(([name]) => name)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    expect(opened).toBe(1);
    expect(library.embedded.filter((file) => file === files.outside)).toHaveLength(1);
    await rm(broken);
  });

  it('are each answered as they are by themselves, words and photos, however many', async () => {
    const kinds: QueryTerm[][] = [
      [photo(files.collie)],
      [word('castle')],
      [photo(files.outside)],
      [word('dog'), photo(files.castle, 0.5)],
      [word('crane'), word('dog', -1)],
    ];
    const alone = await Promise.all(kinds.map((of) => find(of, { k: 4 })));
    const queries = Array.from({ length: 40 }, (_, i) => terms(`${i}`, ...(kinds[i % kinds.length] ?? [])));
    let answers = 0;
    for await (const answered of answerEach({ session: library.session, signal }, queries, { k: 4 })) {
      expect(answered).toEqual({ kind: 'answer', name: `${answers}`, answer: alone[answers % kinds.length] });
      answers += 1;
    }
    expect(answers).toBe(queries.length);
  });

  it('are searched for together as their photos are read, the first by itself', async () => {
    const words = ['castle', 'crane', 'border collie'];
    const photos = await Promise.all(words.map((shown) => library.put(`new ${shown}.jpg`, shown, { indexed: false })));
    const read = new Map<string, () => void>();
    const reading = new Map(photos.map((file) => [file, new Promise<void>((resolve) => read.set(file, resolve))]));
    const embedder = await library.session.embedder();
    const slow = Object.assign(Object.create(embedder), {
      embed: async (request: EmbedRequest) => reading.get(request.file)?.then(() => embedder.embed(request)),
    });
    const table = library.store.table(library.model);
    const searches = vi.spyOn(table, 'search');
    const session = {
      ...library.session,
      embedder: async () => slow,
      index: async () => ({ store: library.store, table }),
    };
    const answers = answerEach(
      { session, signal },
      photos.map((file) => terms(file, photo(file))),
      { k: 1 },
    );
    const first = answers.next();
    read.get(photos[0] ?? '')?.();
    expect((await first).value).toMatchObject({ kind: 'answer', name: photos[0] });
    expect(searches).toHaveBeenCalledTimes(1);
    const second = answers.next();
    read.get(photos[1] ?? '')?.();
    await reading.get(photos[1] ?? '');
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    expect(searches).toHaveBeenCalledTimes(1);
    read.get(photos[2] ?? '')?.();
    expect((await second).value).toMatchObject({ kind: 'answer', name: photos[1] });
    expect(searches).toHaveBeenCalledTimes(3);
    expect((await answers.next()).value).toMatchObject({ kind: 'answer', name: photos[2] });
    expect((await answers.next()).done).toBe(true);
    await Promise.all(photos.map((file) => rm(file)));
  });

  it('are searched for but for four when the last photo is read', async () => {
    const last = await library.put('last.jpg', 'crane', { indexed: false });
    let read: () => void = () => undefined;
    const reading = new Promise<void>((resolve) => {
      read = resolve;
    });
    const embedder = await library.session.embedder();
    const slow = Object.assign(Object.create(embedder), {
      embed: (request: EmbedRequest) => reading.then(() => embedder.embed(request)),
    });
    const table = library.store.table(library.model);
    const searches = vi.spyOn(table, 'search').mockClear();
    const index = async () => ({ store: library.store, table });
    const session = { ...library.session, embedder: async () => slow, index };
    const queries = [...Array.from({ length: 46 }, () => files.castle), last].map((file) => terms(file, photo(file)));
    const answers = answerEach({ session, signal }, queries, { k: 1 });
    const first = answers.next();
    await expect.poll(() => searches.mock.calls.length).toBe(43);
    read();
    expect((await first).value).toMatchObject({ kind: 'answer', name: files.castle });
    let others = 0;
    for await (const { kind } of answers) others += kind === 'answer' ? 1 : 0;
    expect(others).toBe(46);
    expect(searches).toHaveBeenCalledTimes(47);
    await rm(last);
  });

  it('end with the store', async () => {
    const broken = vi.spyOn(library.store.table(library.model), 'search');
    broken.mockRejectedValue(new Error('the store is away'));
    await expect(each([terms('castle', word('castle'))])).rejects.toThrow('the store is away');
    broken.mockRestore();
  });
});
