import { distance } from 'fastest-levenshtein';
import { singulars, spellingOf, together } from './spelling.ts';
import type { Meaning, Vocabulary } from './vocabulary.ts';

/** A word the model knows. */
export interface KnownWord {
  readonly kind: 'known';
  /** As the table of words has it: "mouse" for "mice". */
  readonly word: string;
  readonly meanings: readonly Meaning[];
  /** Of all its meanings together, ascending. */
  readonly classes: readonly number[];
  /** What else people mean by it, which the model has not learnt ("the animal"), or null. */
  readonly lacks: string | null;
}

export interface UnknownWord {
  readonly kind: 'unknown';
  /** The part of the text that is not known. */
  readonly word: string;
  /** Known words, the nearest first; may be empty. */
  readonly nearest: readonly string[];
}

/** Words that say how others hang together, and none of which a photo shows. */
const FILLERS = new Set('a an the my our your his her their some on in at by of with and near for from to'.split(' '));

/** What a person typed, taken as one word or name: in any case, with hyphens or spaces, in the singular or plural. */
export function parseWord(text: string, vocabulary: Vocabulary): KnownWord | UnknownWord {
  return find(spellingOf(text), vocabulary) ?? unknown(text.trim(), vocabulary);
}

/** What a person typed, taken as one name or several beside each other: "border collie", "dogs on the beach". */
export function parseWords(
  text: string,
  vocabulary: Vocabulary,
): { readonly kind: 'known'; readonly words: readonly KnownWord[] } | UnknownWord {
  const whole = parseWord(text, vocabulary);
  if (whole.kind === 'known') return { kind: 'known', words: [whole] };
  const parts = spellingOf(text).split(' ');
  const words: KnownWord[] = [];
  let strange: string | null = null;
  for (let from = 0; from < parts.length; ) {
    const { known, length } = longest(parts.slice(from), vocabulary);
    if (known !== null) words.push(known);
    else if (!FILLERS.has(parts[from] ?? '')) strange ??= parts[from] ?? '';
    from += length;
  }
  if (strange === null && words.length > 0) return { kind: 'known', words };
  // Nearest to the whole: it may be one misspelt name. What is known of it is near, too.
  if (strange === null || words.length === 0) return whole;
  const { nearest } = unknown(strange, vocabulary);
  const known = words.map(({ word }) => word).filter((word) => !nearest.includes(word));
  return { kind: 'unknown', word: strange, nearest: [...nearest, ...known] };
}

function longest(parts: readonly string[], vocabulary: Vocabulary): { known: KnownWord | null; length: number } {
  for (let length = parts.length; length > 0; length--) {
    const name = parts.slice(0, length).join(' ');
    const known = length === 1 && FILLERS.has(name) ? null : find(name, vocabulary);
    if (known !== null) return { known, length };
  }
  return { known: null, length: 1 };
}

function find(spelling: string, vocabulary: Vocabulary): KnownWord | null {
  if (spelling === '') return null;
  const wanted = [spelling, ...singulars(spelling)];
  // Singulars of the table's own words last: they take a while, and only "binocular" and its like need them.
  for (const formsOf of [plainForms, singularForms]) {
    const forms = formsOf(vocabulary);
    for (const form of wanted) {
      if (vocabulary.absent.has(form)) return null;
      const word = forms.get(form) ?? forms.get(together(form));
      const meanings = word === undefined ? undefined : vocabulary.words.get(word);
      if (word === undefined || meanings === undefined) continue;
      const classes = [...new Set(meanings.flatMap((meaning) => meaning.classes))].sort((a, b) => a - b);
      return { kind: 'known', word, meanings, classes, lacks: vocabulary.lacks.get(word) ?? null };
    }
  }
  return null;
}

function unknown(word: string, vocabulary: Vocabulary): UnknownWord {
  return { kind: 'unknown', word, nearest: nearestWords(word, vocabulary) };
}

/** By spelling and joined form, the word in the table; a form that several share belongs to the first. */
const plainForms = oncePerVocabulary((words) => {
  const spellings = words.map((word) => [spellingOf(word), word] as const);
  return [...spellings, ...spellings.map(([spelling, word]) => [together(spelling), word] as const)];
});

/** The same by the singular. */
const singularForms = oncePerVocabulary((words) =>
  words.flatMap((word) => singulars(spellingOf(word)).map((form) => [form, word] as const)),
);

function oncePerVocabulary(
  make: (words: readonly string[]) => (readonly [form: string, word: string])[],
): (vocabulary: Vocabulary) => ReadonlyMap<string, string> {
  const made = new WeakMap<Vocabulary, ReadonlyMap<string, string>>();
  return (vocabulary) => {
    // The first of several comes last, and so stays.
    const forms = made.get(vocabulary) ?? new Map(make([...vocabulary.words.keys()]).reverse());
    made.set(vocabulary, forms);
    return forms;
  };
}

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
    .map((word) => ({ word, far: Math.min(howFar(spelling, word, slips), ofPart(spelling, word, slips)) }))
    .filter(({ far }) => far <= slips + PART)
    .sort((a, b) => a.far - b.far || a.word.length - b.word.length || (a.word < b.word ? -1 : 1))
    .slice(0, NEAREST)
    .map(({ word }) => word);
}

/** What is like one word of a name comes behind what is as like a whole name. */
const PART = 0.5;
/** Shorter words are like too many. */
const TELLING = 5;

/** How far it is from a word of a name of several: "borderr" from "border collie". */
function ofPart(text: string, name: string, most: number): number {
  const parts = name.split(' ');
  if (text.length < TELLING || parts.length < 2) return Number.POSITIVE_INFINITY;
  return Math.min(...parts.map((part) => howFar(text, part, most))) + PART;
}

/** Edits between the two; a word that only goes on where the other ends is one away. */
function howFar(text: string, word: string, most: number): number {
  if (text.length >= 3 && (word.startsWith(text) || text.startsWith(`${word} `))) return 1;
  return Math.abs(text.length - word.length) > most ? Number.POSITIVE_INFINITY : distance(text, word);
}
