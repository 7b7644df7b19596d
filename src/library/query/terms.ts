import { UserError } from '../../errors.ts';
import { type KnownWord, parseWords, type UnknownWord } from '../words/parse.ts';
import type { Term } from '../words/rank.ts';
import { spellingOf } from '../words/spelling.ts';
import type { Words } from '../words/vocabulary.ts';
import type { QueryTerm, WordTerm } from './resolve.ts';
import type { QueryVectors } from './vectors.ts';

/** What was searched for, for people and programs. */
export interface NamedTerm {
  readonly kind: 'photo' | 'word';
  /** An absolute path, "-", or the word as the model knows it. */
  readonly value: string;
  readonly weight: number;
}

/** A term that can be searched by. */
export interface ReadTerm {
  readonly named: NamedTerm;
  readonly term: Term;
  /** Of a photo: absolute. */
  readonly file: string | null;
}

/** Something to say beside the answer. */
export type SearchNotice =
  /** A word means several things, and all are searched for. */
  | { readonly kind: 'meanings'; readonly word: string; readonly meanings: readonly string[] }
  /** The model has learnt no thing of that name, and these are looked for. */
  | { readonly kind: 'taken'; readonly word: string; readonly things: string }
  /** People also mean something by it that the model has not learnt: "the animal". */
  | { readonly kind: 'lacks'; readonly word: string; readonly lacks: string }
  /** Even the best result hardly shows the words. */
  | { readonly kind: 'unclear'; readonly words: readonly string[]; readonly best: number }
  /** Only so many of the results seem to show the words. */
  | { readonly kind: 'partly'; readonly words: readonly string[]; readonly photos: number; readonly of: number }
  /** It was asked how rare such a likeness is, and nobody has measured that with this model. */
  | { readonly kind: 'unmeasured' }
  /** Only so many of the best photos were told apart from each other, and there are more. */
  | { readonly kind: 'compared'; readonly photos: number }
  /** Results are of these libraries, which have no folder on this machine. */
  | { readonly kind: 'elsewhere'; readonly libraries: readonly string[] }
  /** A photo of a folder or pattern that cannot be read, and was done without. */
  | { readonly kind: 'unread'; readonly file: string; readonly message: string };

/** Terms that can be searched by, and what is to be said of them. */
export interface Read {
  readonly terms: readonly ReadTerm[];
  readonly notices: readonly SearchNotice[];
}

/**
 * Words as the model's classes, photos as vectors.
 * @throws UserError `unknown_word`; `query_unreadable` for a photo that was named, or when none of a folder can be read
 */
export async function readTerms(
  asked: readonly QueryTerm[],
  { words, vectors }: { readonly words: () => Promise<Words>; readonly vectors: QueryVectors },
): Promise<Read> {
  const read: Read[] = [];
  let failure: UserError | null = null;
  for (const one of asked) {
    if (one.kind === 'word') {
      read.push(readWord(one, await words()));
      continue;
    }
    try {
      const vector = await vectors.of(one);
      const { weight, name: value, file } = one;
      const named = { kind: 'photo', value, weight } as const;
      read.push({ terms: [{ named, term: { kind: 'photo', vector, weight }, file }], notices: [] });
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'query_unreadable' || !one.oneOfMany) throw error;
      failure ??= error;
      read.push({ terms: [], notices: [{ kind: 'unread', file: one.file, message: error.message }] });
    }
  }
  const terms = read.flatMap((one) => one.terms);
  if (terms.length === 0 && failure !== null) throw failure;
  return { terms, notices: read.flatMap(({ notices }) => notices) };
}

/**
 * The terms, with words that follow each other taken as one text where one of them alone is unknown and they are known
 * together: `german shepherd` without quotes is two arguments.
 */
export async function withNamesJoined(
  asked: readonly QueryTerm[],
  words: () => Promise<Words>,
): Promise<readonly QueryTerm[]> {
  const runs: QueryTerm[][] = [];
  for (const term of asked) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    const goesOn = term.kind === 'word' && first?.kind === 'word' && first.weight === term.weight;
    if (goesOn) run?.push(term);
    else runs.push([term]);
  }
  if (runs.every((run) => run.length < 2)) return asked;
  const { vocabulary } = await words();
  const isKnown = (text: string): boolean => parseWords(text, vocabulary).kind === 'known';
  return runs.flatMap((run) => {
    const texts = run.flatMap((term) => (term.kind === 'word' ? [term.text] : []));
    const together = texts.join(' ');
    const [first] = run;
    if (first?.kind !== 'word' || texts.every(isKnown) || !isKnown(together)) return run;
    return [{ ...first, text: together }];
  });
}

/** @throws UserError `unknown_word` */
export function readWord({ text, weight }: WordTerm, { vocabulary }: Words): Read {
  const parsed = parseWords(text, vocabulary);
  if (parsed.kind === 'unknown') throw unknownWord(parsed);
  const terms = parsed.words.map(({ word, classes }) => {
    const named = { kind: 'word', value: word, weight } as const;
    return { named, term: { kind: 'word', classes, weight } as const, file: null };
  });
  return { terms, notices: parsed.words.flatMap(noticesOf) };
}

function noticesOf({ word, meanings, lacks }: KnownWord): SearchNotice[] {
  const [only] = meanings;
  const things = meanings.length === 1 && only?.taken ? only.kind : null;
  // "Domestic cat" is a cat.
  const isTaken = things !== null && !spellingOf(things).endsWith(spellingOf(word));
  const several = meanings.map(({ name, kind }) => (kind === null ? name : `${name} (${kind})`));
  return [
    ...(several.length > 1 ? [{ kind: 'meanings', word, meanings: several } as const] : []),
    ...(isTaken ? [{ kind: 'taken', word, things } as const] : []),
    ...(lacks === null ? [] : [{ kind: 'lacks', word, lacks } as const]),
  ];
}

const AWAY = 'What is to be kept away from stands behind --not: curate search dog --not beach';
/** Words by which people say how others are to be taken. */
const SAID_OTHERWISE: Readonly<Record<string, string>> = {
  ...{ not: AWAY, no: AWAY, without: AWAY },
  or: 'One after the other is searched for with --each: curate search --each dog cat',
};

function unknownWord({ word, nearest, spelt, beside }: UnknownWord): UserError {
  const near = nearest.length === 0 ? '' : ` Known words ${spelt ? 'spelt like' : 'near'} it: ${nearest.join(', ')}.`;
  const rest = beside.length === 0 ? '' : ` Of the rest it knows: ${beside.join(', ')}.`;
  return new UserError('unknown_word', `The model does not know the word "${word}".${near}${rest}`, {
    hint:
      SAID_OTHERWISE[word.toLowerCase()] ?? 'Use one of the words that "curate words" lists, or a photo of it instead.',
    kind: 'usage',
  });
}
