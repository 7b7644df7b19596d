import { shareOf } from './rank.ts';
import { spellingOf } from './spelling.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Words that stand for the same classes. */
export interface Entry {
  /** The plainest of them: an everyday name before WordNet's. */
  readonly word: string;
  readonly also: readonly string[];
  readonly classes: readonly number[];
}

/** The words that begin with `prefix` ('' for all), each with all its synonyms, in alphabetical order. */
export function listWords(vocabulary: Vocabulary, prefix: string): Entry[] {
  const bySet = new Map<string, string[]>();
  const names = new Map<string, string>();
  for (const [word, meanings] of vocabulary.words) {
    const key = [...new Set(meanings.flatMap(({ classes }) => classes))].sort((a, b) => a - b).join();
    const [first] = meanings;
    if (first?.name.toLowerCase() === word && (first.everyday || !names.has(key))) names.set(key, word);
    bySet.set(key, [...(bySet.get(key) ?? []), word]);
  }
  const begins = spellingOf(prefix);
  return [...bySet]
    .filter(([, words]) => words.some((word) => spellingOf(word).startsWith(begins)))
    .map(([key, words]) => {
      const word = names.get(key) ?? words[0] ?? '';
      return { word, also: words.filter((other) => other !== word), classes: key.split(',').map(Number) };
    })
    .sort((a, b) => (a.word < b.word ? -1 : 1));
}

/** How many photos show each entry, of whose softmax it takes at least `least`. Photos may come in portions. */
export function countShown(
  probabilities: readonly Float32Array[],
  entries: readonly Entry[],
  least: number,
  counts: Uint32Array = new Uint32Array(entries.length),
): Uint32Array {
  for (const one of probabilities) {
    entries.forEach(({ classes }, i) => {
      if (shareOf(one, classes) >= least) counts[i] = (counts[i] ?? 0) + 1;
    });
  }
  return counts;
}
