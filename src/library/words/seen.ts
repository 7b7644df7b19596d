import { unlessInterrupted } from '../../interrupt.ts';
import type { Session } from '../session.ts';
import { embedQueries } from '../vector-search.ts';
import { shareOf } from './rank.ts';
import { loadWords, type Meaning, type Vocabulary } from './vocabulary.ts';

export interface Seen {
  readonly meaning: Meaning;
  /** Its part of the softmax, in [0, 1]. */
  readonly score: number;
  /** Which of several things of its name it is, "wading bird" of a crane; null where there is but one. */
  readonly kind: string | null;
}

/** From here to CLEARLY_SEEN a word is right one time in four, below this hardly ever: see bench/README.md. */
export const SEEN = 0.1;
/** From this on a word is right five times in six. */
export const CLEARLY_SEEN = 0.3;

/** How sure it is that a photo shows a word that takes such a share of its softmax. */
export type Shown = 'clear' | 'maybe' | 'unlikely';

export function shownBy(share: number): Shown {
  if (share >= CLEARLY_SEEN) return 'clear';
  return share >= SEEN ? 'maybe' : 'unlikely';
}

/** A wider word must explain so much more than a narrower one to be worth its line. */
const WIDER_GAIN = 1.1;

/**
 * What a model sees in a photo, most of it first, without a flood: the names of single classes, and of the wider
 * words only everyday ones that take in clearly more than what is named already, and one for the best class in any
 * case ("German shepherd 0.99, dog 0.99", and neither "canine" nor "animal").
 */
export function seenIn(probabilities: Float32Array, { meanings, words }: Vocabulary): Seen[] {
  const scored = meanings
    .map((meaning) => ({ meaning, score: shareOf(probabilities, meaning.classes), kind: null }))
    .filter(({ score }) => score >= SEEN);
  const single = dedupe(scored.filter(({ meaning }) => meaning.classes.length === 1));
  const wider = dedupe(scored.filter(({ meaning }) => meaning.everyday && meaning.classes.length > 1)).sort(
    (a, b) => a.meaning.classes.length - b.meaning.classes.length,
  );
  const kept: Seen[] = [];
  for (const seen of wider) {
    if (seen.score < CLEARLY_SEEN) continue;
    const within = kept.filter(({ meaning }) => isWithin(meaning, seen.meaning));
    if (within.every(({ score }) => seen.score >= WIDER_GAIN * score)) kept.push(seen);
  }
  const seen = [...single, ...kept].sort(
    (a, b) => b.score - a.score || a.meaning.classes.length - b.meaning.classes.length,
  );
  const named = seen.filter(({ meaning }, i) => seen.findIndex((other) => other.meaning.name === meaning.name) === i);
  const isOneOfSeveral = ({ meaning }: Seen): boolean => (words.get(meaning.name.toLowerCase())?.length ?? 0) > 1;
  return named.map((one) => (isOneOfSeveral(one) ? { ...one, kind: one.meaning.kind } : one));
}

/** One for each set of classes, by the best of its names. */
function dedupe(seen: readonly Seen[]): Seen[] {
  const bySet = new Map<string, Seen>();
  for (const one of seen) {
    const key = one.meaning.classes.join();
    const known = bySet.get(key);
    if (known === undefined || preference(one.meaning) > preference(known.meaning)) bySet.set(key, one);
  }
  return [...bySet.values()];
}

/**
 * An everyday name before another, as "cat" before "domestic cat"; but last a name for which just one class of another name
 * is looked for: no porcupine is a "hedgehog".
 */
export function preference({ everyday, taken, classes }: Meaning): number {
  if (taken && classes.length === 1) return 0;
  return everyday ? 2 : 1;
}

function isWithin(narrow: Meaning, wide: Meaning): boolean {
  return narrow.classes.every((index) => wide.classes.includes(index));
}

interface LookDeps {
  readonly session: Session;
  readonly signal: AbortSignal;
}

/**
 * What the model sees in one photo, most of it first; nothing where it sees nothing that it knows.
 * @param file absolute
 * @throws UserError `words_unavailable`, `query_unreadable`, `interrupted`
 */
export async function wordsIn({ session, signal }: LookDeps, file: string): Promise<Seen[]> {
  const look = async (): Promise<Seen[]> => {
    // A model without words needs no photo read.
    const { vocabulary, classifier } = await loadWords(await session.model());
    const photos = await embedQueries(await session.embedder(), [file]);
    const [shares] = classifier.probabilities(photos.map(({ vector }) => vector));
    return shares === undefined ? [] : seenIn(shares, vocabulary);
  };
  return unlessInterrupted(signal, look());
}
