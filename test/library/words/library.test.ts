import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countWords } from '../../../src/library/words/count.ts';
import { wordsIn } from '../../../src/library/words/seen.ts';
import { loadWords } from '../../../src/library/words/vocabulary.ts';
import { HashEmbedder } from '../../support/hash-embedder.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { PaintedLibrary } from '../../support/painted.ts';
import { memorySession } from '../../support/session.ts';

let library: PaintedLibrary;
beforeAll(async () => {
  library = await PaintedLibrary.open();
  await library.put('1.jpg', 'border collie');
  await library.put('2.jpg', 'border collie');
  await library.put('3.jpg', 'castle');
});
afterAll(() => library.remove());

const signal = new AbortController().signal;

it('reads the words once for all that a session is asked', async () => {
  const model = await library.session.model();
  expect(await loadWords(model)).toBe(await loadWords(model));
});

describe('the words of a library', () => {
  it('come with the number of photos that show each, most first', async () => {
    const told: [number, number][] = [];
    const onCounted = (done: number, total: number): void => void told.push([done, total]);
    const counted = await countWords({ session: library.session, signal, onCounted }, '');
    const photosOf = (word: string): number | undefined => counted.find((entry) => entry.word === word)?.photos;
    expect([photosOf('border collie'), photosOf('dog'), photosOf('castle'), photosOf('beach')]).toEqual([2, 2, 1, 0]);
    const photos = counted.map((entry) => entry.photos);
    expect(photos).toEqual([...photos].sort((a, b) => b - a));
    expect(told).toEqual([[3, 3]]);
  });

  it('are those that begin as asked, by a synonym, too', async () => {
    const counted = await countWords({ session: library.session, signal }, 'border c');
    expect(counted.map(({ word, photos }) => ({ word, photos }))).toEqual([{ word: 'border collie', photos: 2 }]);
  });

  it('are counted nowhere, and no store is set up, where nothing was ever indexed', async () => {
    const { milvusUri: _, ...settings } = library.session.settings;
    const index = () => Promise.reject(new Error('the store was opened'));
    const counted = await countWords({ session: { ...library.session, settings, index }, signal }, 'castle');
    expect(counted.map(({ photos }) => photos)).toEqual([0]);
  });

  it('end when they are told to', async () => {
    const stopped = AbortSignal.abort();
    await expect(countWords({ session: library.session, signal: stopped }, '')).rejects.toMatchObject({
      kind: 'interrupted',
    });
  });

  it('are none of a model that knows none, which says so', async () => {
    const session = memorySession({ home: library.home, store: new MemoryStore(), embedder: new HashEmbedder() });
    const unavailable = { code: 'words_unavailable', kind: 'usage' };
    await expect(countWords({ session, signal }, '')).rejects.toMatchObject(unavailable);
    await expect(wordsIn({ session, signal }, '/a.jpg')).rejects.toMatchObject(unavailable);
  });
});

describe('what is seen in a photo', () => {
  it('is named, most of it first', async () => {
    const file = await library.put('4.jpg', 'border collie', { indexed: false });
    const seen = await wordsIn({ session: library.session, signal }, file);
    expect(seen.map(({ meaning }) => meaning.name.toLowerCase())).toContain('border collie');
    expect(seen[0]?.score).toBeGreaterThan(0.5);
  });

  it('cannot be said of a file that is no photo', async () => {
    const file = await library.put('5.jpg', 'xyzzy', { indexed: false });
    const seen = wordsIn({ session: library.session, signal }, file);
    await expect(seen).rejects.toMatchObject({
      code: 'query_unreadable',
      message: expect.stringContaining('5.jpg'),
    });
  });
});
