import type { CountedWord } from '../../library/words/count.ts';
import type { Seen } from '../../library/words/seen.ts';

const SCHEMA = 'curate.words/1';

/** The words that a library can be searched by. */
export function wordsDocument(words: readonly CountedWord[]) {
  return { schema: SCHEMA, words: words.map(({ word, photos, also }) => ({ word, photos, also })) };
}

/** What is seen in one photo. @param photo absolute path */
export function seenDocument(photo: string, seen: readonly Seen[]) {
  return { schema: SCHEMA, photo, words: seen.map(({ meaning, score }) => ({ word: meaning.name, score })) };
}
