import { demandUninterrupted } from '../../interrupt.ts';
import { rowsInPortions } from '../rows.ts';
import type { Session } from '../session.ts';
import { type ClassIndex, ROUNDING } from './class-index/class-index.ts';
import { classIndexesOf } from './class-index/kept.ts';
import { parseWord } from './parse.ts';
import { portionsOf, shareOf } from './rank.ts';
import { CLEARLY_SEEN, preference } from './seen.ts';
import { spellingOf } from './spelling.ts';
import { loadWords, type Meaning, type Vocabulary } from './vocabulary.ts';

export interface CountedWord extends Entry {
  /** How many photos of the library clearly show it. */
  readonly photos: number;
}

interface CountDeps {
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Told now and then how many photos were looked at. */
  onCounted?(done: number, total: number): void;
}

/** Photos whose vectors are in memory at a time. */
const PORTION = 512;

/**
 * The words that begin so, or have a synonym that does, with the number of photos that clearly show each: those with
 * most photos first, then by name. Where nothing was ever indexed there are none, and no store is set up for it.
 * @throws UserError `words_unavailable`, `interrupted`, and what stands in the way of reading the index
 */
export async function countWords(
  { session, signal, onCounted = () => undefined }: CountDeps,
  prefix: string,
): Promise<CountedWord[]> {
  const { vocabulary, classifier } = await loadWords(await session.model());
  const entries = listWords(vocabulary, prefix);
  const counts = new Uint32Array(entries.length);
  const { storeExists } = await import('../../store/open.ts');
  if (entries.length > 0 && (await storeExists(session.settings))) {
    const { store, table } = await session.index();
    const indexes = await classIndexesOf(session, { store, table });
    const doubtful = indexes && countSure(indexes, entries, counts);
    const total = doubtful?.size ?? (await table.count());
    const portions =
      doubtful === null
        ? portionsOf(table.all({ vectors: true }), PORTION)
        : rowsInPortions(table, [...doubtful.keys()], PORTION);
    let done = 0;
    for await (const rows of portions) {
      demandUninterrupted(signal);
      const shares = classifier.probabilities(rows.map(({ vector }) => vector));
      rows.forEach(({ id }, i) => {
        countShown(shares[i] as Float32Array, entries, counts, doubtful?.get(id));
      });
      done += rows.length;
      onCounted(done, Math.max(done, total));
    }
  }
  return entries
    .map((entry, i) => ({ ...entry, photos: counts[i] ?? 0 }))
    .sort((a, b) => b.photos - a.photos || (a.word < b.word ? -1 : 1));
}

/** By id, the places of the entries that a photo may show, or not. */
type Doubtful = ReadonlyMap<string, readonly number[]>;

/** Counts the photos that clearly show each entry as far as that is sure. @returns those of which it is not */
function countSure(indexes: readonly ClassIndex[], entries: readonly Entry[], counts: Uint32Array): Doubtful {
  const doubtful = new Map<string, number[]>();
  for (const index of indexes) {
    const places = Array.from(index.rest, (): number[] => []);
    entries.forEach(({ classes }, entry) => {
      index.sharesOf(classes).forEach((share, place) => {
        if (share - ROUNDING >= CLEARLY_SEEN) counts[entry] = (counts[entry] ?? 0) + 1;
        else if (share + (index.rest[place] ?? 0) + ROUNDING >= CLEARLY_SEEN) places[place]?.push(entry);
      });
    });
    places.forEach((some, place) => {
      if (some.length > 0) doubtful.set(index.photo(place).id, some);
    });
  }
  return doubtful;
}

/** Words that stand for the same classes. */
export interface Entry {
  /** The best name of what they stand for. */
  readonly word: string;
  readonly also: readonly string[];
  readonly classes: readonly number[];
}

/** The words that begin with `prefix` ('' for all), each with all its synonyms, in alphabetical order. */
export function listWords(vocabulary: Vocabulary, prefix: string): Entry[] {
  const bySet = new Map<string, string[]>();
  const names = new Map<string, { readonly word: string; readonly meaning: Meaning }>();
  for (const [word, meanings] of vocabulary.words) {
    const key = [...new Set(meanings.flatMap(({ classes }) => classes))].sort((a, b) => a - b).join();
    const [first] = meanings;
    const known = names.get(key);
    const isBetter = known === undefined || (first !== undefined && preference(first) > preference(known.meaning));
    if (first?.name.toLowerCase() === word && isBetter) names.set(key, { word, meaning: first });
    bySet.set(key, [...(bySet.get(key) ?? []), word]);
  }
  const begins = beginningOf(prefix, vocabulary);
  return [...bySet]
    .filter(([, words]) => words.some((word) => spellingOf(word).startsWith(begins)))
    .map(([key, words]) => {
      const word = names.get(key)?.word ?? words[0] ?? '';
      return { word, also: words.filter((other) => other !== word), classes: key.split(',').map(Number) };
    })
    .sort((a, b) => (a.word < b.word ? -1 : 1));
}

/** How words begin; for one that none begins with what it stands for in a search: "cat" for "cats". */
function beginningOf(prefix: string, vocabulary: Vocabulary): string {
  const typed = spellingOf(prefix);
  for (const word of vocabulary.words.keys()) if (spellingOf(word).startsWith(typed)) return typed;
  const parsed = parseWord(prefix, vocabulary);
  return parsed.kind === 'known' ? spellingOf(parsed.word) : typed;
}

/**
 * Counts a photo for each entry that it clearly shows.
 * @param probabilities its softmax @param places of the entries in question; all unless given
 */
export function countShown(
  probabilities: Float32Array,
  entries: readonly Entry[],
  counts: Uint32Array,
  places: Iterable<number> = entries.keys(),
): void {
  for (const place of places) {
    const { classes } = entries[place] as Entry;
    if (shareOf(probabilities, classes) >= CLEARLY_SEEN) counts[place] = (counts[place] ?? 0) + 1;
  }
}
