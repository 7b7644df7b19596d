import { distance } from 'fastest-levenshtein';
import { singulars, spellingOf } from './spelling.ts';
import type { Vocabulary } from './vocabulary.ts';

const NEAREST = 5;
/** Letters for each slip of the finger that is forgiven. */
const LETTERS_PER_SLIP = 4;

/**
 * Known words for one that is not: what the table says where it knows that no photo shows it, else what is spelt
 * alike or begins so.
 */
export function nearestWords(text: string, { words, absent }: Vocabulary): string[] {
  const spelling = spellingOf(text);
  // It is spelt right, and what merely looks like it would mislead: a "person" is no "prison".
  const said = [spelling, ...singulars(spelling)].map((form) => absent.get(form)).find((near) => near !== undefined);
  if (said !== undefined) return [...said];
  const slips = Math.max(1, Math.floor(spelling.length / LETTERS_PER_SLIP));
  return [...words.keys()]
    .map((word) => ({ word, far: howFar(spelling, word, slips) }))
    .filter(({ far }) => far <= slips)
    .sort((a, b) => a.far - b.far || a.word.length - b.word.length || (a.word < b.word ? -1 : 1))
    .slice(0, NEAREST)
    .map(({ word }) => word);
}

/** Edits between the two; a word that only goes on where the other ends is one away. */
function howFar(text: string, word: string, most: number): number {
  if (text.length >= 3 && (word.startsWith(text) || text.startsWith(`${word} `))) return 1;
  return Math.abs(text.length - word.length) > most ? Number.POSITIVE_INFINITY : distance(text, word);
}
