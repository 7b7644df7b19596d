import { readFile } from 'node:fs/promises';
import { bundledFile, loadCatalogue } from '../../embedding/catalogue.ts';
import { type Classifier, openClassifier } from '../../embedding/classifier/classifier.ts';
import type { EmbeddingModel } from '../../embedding/port.ts';

/** One thing that a word means. */
export interface Meaning {
  readonly name: string;
  /** What it is a kind of, or for an everyday word the first of what it is taken for; null where nobody says. */
  readonly kind: string | null;
  /** Indices of the model's classes, ascending; never empty. */
  readonly classes: readonly number[];
  /** From the reviewed table of everyday words rather than from WordNet. */
  readonly everyday: boolean;
  /** Whether other things are looked for, those that `kind` names: porcupines for "hedgehog", wallabies for "kangaroo". */
  readonly taken: boolean;
}

/** What a model knows by name. Words are in lower case. */
export interface Vocabulary {
  readonly meanings: readonly Meaning[];
  /** Each has at least one meaning. */
  readonly words: ReadonlyMap<string, readonly Meaning[]>;
  /** What else people mean by a known word, which the model has not learnt. */
  readonly lacks: ReadonlyMap<string, string>;
  /** Words that people try and that no class shows, each with the known words that come nearest. */
  readonly absent: ReadonlyMap<string, readonly string[]>;
}

/** Name, kind, and classes as "1-3,7". */
type MeaningEntry = readonly [string, string | null, string];

/** See models/derive/words.py, which writes it. */
interface WordsFile {
  readonly wordnet: readonly MeaningEntry[];
  readonly few: readonly MeaningEntry[];
  readonly everyday: readonly MeaningEntry[];
  readonly taken: readonly MeaningEntry[];
  readonly words: Readonly<Record<string, readonly number[]>>;
  readonly lacks: Readonly<Record<string, string>>;
  readonly absent: Readonly<Record<string, readonly string[]>>;
}

const CLASSES = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;

/** Looked at by hand: to describe it to a validator and to run that takes 60 ms of every search for a word. */
function isWordsFile(value: unknown): value is WordsFile {
  if (!isRecord(value)) return false;
  const { wordnet, few, everyday, taken, words, lacks, absent } = value;
  return (
    [wordnet, few, everyday, taken].every((group) => isListOf(group, isMeaningEntry)) &&
    isRecordOf(words, (places) => isListOf(places, Number.isInteger) && places.length > 0) &&
    isRecordOf(lacks, isText) &&
    isRecordOf(absent, (near) => isListOf(near, isText))
  );
}

const isText = (value: unknown): value is string => typeof value === 'string';

function isListOf(value: unknown, isOne: (one: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(isOne);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRecordOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return isRecord(value) && Object.values(value).every(isOne);
}

function isMeaningEntry(value: unknown): value is MeaningEntry {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [name, kind, classes] = value;
  return isText(name) && (kind === null || isText(kind)) && isText(classes) && CLASSES.test(classes);
}

/** Reads models/words.json. @throws when it is not what words.py writes. */
export function readVocabulary(json: string): Vocabulary {
  const file: unknown = JSON.parse(json);
  if (!isWordsFile(file)) throw new TypeError('the table of words is not what words.py writes');
  const { wordnet, few, everyday, taken, words, lacks, absent } = file;
  const groups = [
    { group: wordnet, everyday: false, taken: false },
    { group: few, everyday: false, taken: true },
    { group: everyday, everyday: true, taken: false },
    { group: taken, everyday: true, taken: true },
  ];
  const meanings = groups.flatMap(({ group, ...marks }) =>
    group.map(([name, kind, classes]): Meaning => ({ name, kind, classes: expand(classes), ...marks })),
  );
  const meant = (places: readonly number[]): Meaning[] =>
    places.map((place) => {
      const found = meanings[place];
      if (found === undefined) throw new RangeError(`the table of words has no meaning ${place}`);
      return found;
    });
  return {
    meanings,
    words: new Map(Object.entries(words).map(([word, places]) => [word, meant(places)])),
    lacks: new Map(Object.entries(lacks)),
    absent: new Map(Object.entries(absent)),
  };
}

/** "1-3,7" as [1, 2, 3, 7]. */
function expand(ranges: string): number[] {
  const classes: number[] = [];
  for (const range of ranges.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let index = first; index <= last; index += 1) classes.push(index);
  }
  return classes;
}

export interface Words {
  readonly vocabulary: Vocabulary;
  readonly classifier: Classifier;
}

/** By model, as a session holds it: they go when it does. */
const loaded = new WeakMap<EmbeddingModel, Promise<Words>>();

/**
 * The words that a model knows, read once.
 * @throws UserError `words_unavailable` when it knows none, `model_checksum` when a file of them is damaged.
 */
export function loadWords(model: EmbeddingModel): Promise<Words> {
  const loading = loaded.get(model) ?? readWords(model);
  loaded.set(model, loading);
  loading.catch(() => loaded.delete(model));
  return loading;
}

async function readWords(model: EmbeddingModel): Promise<Words> {
  const { vocabulary, classifier } = await openClassifier(model);
  return { vocabulary: readVocabulary(vocabulary.toString('utf8')), classifier };
}

/** The words that a model of the catalogue knows, as the table has them, without loading the model. @param id null for the default */
export async function knownWords(id: string | null): Promise<readonly string[]> {
  const { models, default: usual } = await loadCatalogue();
  const words = models.find((model) => model.id === (id ?? usual))?.words ?? null;
  if (words === null) return [];
  return [...readVocabulary(await readFile(bundledFile(words.vocabulary.file), 'utf8')).words.keys()];
}
