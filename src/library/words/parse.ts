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
  /** Whether those are merely spelt like it: nothing says that they mean anything of the kind. */
  readonly spelt: boolean;
  /** Words of the same text that are known. */
  readonly beside: readonly string[];
}

/** Words that say how others hang together, or that a photo is wanted; none of them is what a photo shows. */
const FILLERS = new Set(
  (
    'a an the my our your his her their its this that some all on in at by of with and near for from to over under ' +
    'behind above into is are photo picture image pic shot photos pictures images pics shots'
  ).split(' '),
);

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
  if (saidOf(spellingOf(text), vocabulary) !== undefined) return whole;
  const { known, strange } = taken(spellingOf(text).split(' '), vocabulary);
  const [first] = strange;
  if (first === undefined) return known.length > 0 ? { kind: 'known', words: known } : whole;
  if (known.length > 0) return { ...unknown(first, vocabulary), beside: known.map(({ word }) => word) };
  // "Our sunset" is a sunset; a word by itself is named as it was typed.
  if (strange.length === 1) return first === spellingOf(text) ? whole : unknown(first, vocabulary);
  // It may be one misspelt name, unless each of its words is spelt right.
  const said = strange.map((part) => saidOf(part, vocabulary));
  if (whole.nearest.length > 0 && said.includes(undefined)) return whole;
  return { ...whole, nearest: [...new Set(said.flat().filter((near) => near !== undefined))], spelt: false };
}

/** The longest names first, those that are known not to be shown by any photo among them. */
function taken(parts: readonly string[], vocabulary: Vocabulary): { known: KnownWord[]; strange: string[] } {
  const known: KnownWord[] = [];
  const strange: string[] = [];
  for (let from = 0; from < parts.length; ) {
    let length = parts.length - from;
    for (; length > 0; length -= 1) {
      const name = parts.slice(from, from + length).join(' ');
      if (length === 1 && FILLERS.has(name)) break;
      const found = find(name, vocabulary);
      if (found !== null) known.push(found);
      else if (length === 1 || saidOf(name, vocabulary) !== undefined) strange.push(name);
      else continue;
      break;
    }
    from += Math.max(1, length);
  }
  return { known, strange };
}

/** What the table says is near to a word that it knows no photo to show; undefined for any other. */
function saidOf(spelling: string, { absent }: Vocabulary): readonly string[] | undefined {
  const forms = [spelling, ...singulars(spelling)];
  // "Sun flower" is the sunflower.
  return [...forms, ...forms.map(together)].map((form) => absent.get(form)).find((near) => near !== undefined);
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
  const spelling = spellingOf(word);
  // It is spelt right, and what merely looks like it would mislead: a "person" is no "prison".
  const said = saidOf(spelling, vocabulary);
  const nearest = said ?? wordsSpeltLike(spelling, vocabulary);
  return { kind: 'unknown', word, nearest, spelt: said === undefined, beside: [] };
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
/** Of words this long two slips are forgiven where the first letter, which is hardly ever one, is right: "elefant". */
const SURE = 6;

/** Known words that are spelt alike or begin so, the most alike first. */
function wordsSpeltLike(spelling: string, { words }: Vocabulary): string[] {
  const slips = Math.max(1, Math.floor(spelling.length / LETTERS_PER_SLIP));
  const mostFor = (word: string): number =>
    spelling.length >= SURE && word[0] === spelling[0] ? Math.max(2, slips) : slips;
  return [...words.keys()]
    .map((word) => ({ word, most: mostFor(word) }))
    .map(({ word, most }) => ({
      word,
      most,
      far: Math.min(howFar(spelling, word, most), ofPart(spelling, word, slips)),
    }))
    .filter(({ far, most }) => far <= most + PART)
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
  if (text.length >= 3 && word.startsWith(text)) return 1;
  return Math.abs(text.length - word.length) > most ? Number.POSITIVE_INFINITY : distance(text, word);
}
