import type { Classifier } from '../../embedding/classifier/classifier.ts';
import type { Thresholds } from '../../embedding/port.ts';
import { cosine } from '../../embedding/vector.ts';

/** Something to be like, or with a negative weight to be unlike. */
export type Term =
  | WordTerm
  /** `vector`: unit length. */
  | { readonly kind: 'photo'; readonly vector: Float32Array; readonly weight: number };

export interface WordTerm {
  readonly kind: 'word';
  readonly classes: readonly number[];
  readonly weight: number;
}

export interface Ranked<Row> {
  readonly row: Row;
  /** How much it is all the terms, in [0, 1]. */
  readonly score: number;
  /** How much it is each, in [0, 1], in the order of the terms. */
  readonly shares: readonly number[];
}

interface RankContext<Row> {
  readonly classifier: Classifier;
  readonly similar: Thresholds['similar'];
  /** The classifier's shares of some rows, where somebody keeps them. */
  readonly sharesOf?: (rows: readonly Row[]) => readonly Float32Array[];
}

/** Rows whose shares are kept, of 4 KB each. */
const KEPT = 8_000;

/** Shares of rows by their ids, for searches of many words that find the same photos. */
export function rememberedShares(
  classifier: Pick<Classifier, 'probabilities'>,
): (rows: readonly { readonly id: string; readonly vector: Float32Array }[]) => Float32Array[] {
  const kept = new Map<string, Float32Array>();
  return (rows) => {
    const fresh = rows.filter(({ id }) => !kept.has(id));
    const read = classifier.probabilities(fresh.map(({ vector }) => vector));
    for (const [i, { id }] of fresh.entries()) kept.set(id, read[i] as Float32Array);
    const shares = rows.map(({ id }) => kept.get(id) as Float32Array);
    // The oldest go first.
    for (const id of kept.keys()) if (kept.size > KEPT) kept.delete(id);
    return shares;
  };
}

/** What a share counts as at least, so that one term alone can decide only so much. */
const FLOOR = 1e-6;
/** Width of the step from unlike to alike, in cosine: unrelated pairs come out at about a thousandth. */
const STEP = 0.05;

/** The part of a photo's softmax that the classes take together, in [0, 1]. */
export function shareOf(probabilities: Float32Array, classes: readonly number[]): number {
  let sum = 0;
  for (const index of classes) sum += probabilities[index] ?? 0;
  return Math.min(1, sum);
}

/**
 * Rows by how much they are all of the terms, best first; equal ones keep their order. The score is the weighted
 * geometric mean of the shares. A word's is its part of the softmax; beside other words, its part of what they leave,
 * for a photo of a dog on a beach is almost all dog. A photo's is a logistic function of the cosine that is a half at
 * the model's threshold of similarity. A term with a negative weight lowers the score by its share of the photo, and
 * leaves it as it is where it has none.
 */
export function rankByTerms<Row extends { readonly vector: Float32Array }>(
  rows: readonly Row[],
  terms: readonly Term[],
  { classifier, similar, sharesOf }: RankContext<Row>,
): Ranked<Row>[] {
  const words = terms.some(({ kind }) => kind === 'word');
  const read = sharesOf ?? ((some) => classifier.probabilities(some.map(({ vector }) => vector)));
  const probabilities = words ? read(rows) : [];
  const left = terms.map((term) => (term.kind === 'word' ? leftFor(term, terms, classifier.classes) : null));
  return rows
    .map((row, i) => {
      const shares = terms.map((term, t) => {
        if (term.kind === 'photo') return alikeness(cosine(row.vector, term.vector), similar);
        const own = probabilities[i] as Float32Array;
        const rest = restOf(own, left[t] ?? null);
        return rest === 0 ? 0 : Math.min(1, shareOf(own, term.classes) / rest);
      });
      return { row, shares, score: together(shares, terms) };
    })
    .sort((a, b) => b.score - a.score);
}

/** What of a softmax falls to some classes, null being all of them, in [0, 1]. */
function restOf(probabilities: Float32Array, classes: readonly number[] | null): number {
  return classes === null ? wholeOf(probabilities) : shareOf(probabilities, classes);
}

/** Of a softmax that many words are looked for in: summed up once, and forgotten with it. */
const wholes = new WeakMap<Float32Array, number>();

/** All of a softmax: 1 but for rounding. */
function wholeOf(probabilities: Float32Array): number {
  const known = wholes.get(probabilities);
  if (known !== undefined) return known;
  let sum = 0;
  for (let index = 0; index < probabilities.length; index += 1) sum += probabilities[index] as number;
  const whole = Math.min(1, sum);
  wholes.set(probabilities, whole);
  return whole;
}

/** The classes that the other words looked for leave to a word: its own, and those of none. Null for all. */
function leftFor(word: WordTerm, terms: readonly Term[], count: number): number[] | null {
  const others = takenBeside(word, terms);
  if (others.size === 0) return null;
  return Array.from({ length: count }, (_, index) => index).filter((index) => !others.has(index));
}

/** The classes that the other words looked for take, and a word does not. */
export function takenBeside(word: WordTerm, terms: readonly Term[]): ReadonlySet<number> {
  const others = new Set(
    terms.flatMap((term) =>
      term !== word && term.kind === 'word' && term.weight > 0 && word.weight > 0 ? term.classes : [],
    ),
  );
  for (const index of word.classes) others.delete(index);
  return others;
}

function alikeness(likeness: number, similar: number): number {
  return 1 / (1 + Math.exp((similar - likeness) / STEP));
}

/** How much a photo is all the terms of which it is so much each, in [0, 1]. */
export function together(shares: readonly number[], terms: readonly Pick<Term, 'weight'>[]): number {
  let sum = 0;
  // Of what is to be kept away from no weight: it must not bring those that are free of it nearer to 1.
  let wanted = 0;
  shares.forEach((share, i) => {
    const weight = terms[i]?.weight ?? 0;
    sum += Math.abs(weight) * Math.log(Math.max(FLOOR, weight < 0 ? 1 - share : share));
    wanted += Math.max(0, weight);
  });
  return Math.exp(sum / (wanted || 1));
}

/** Rows in arrays of `size`, so that never more vectors are in memory. */
export async function* portionsOf<Row>(rows: AsyncIterable<Row>, size: number): AsyncGenerator<Row[]> {
  let portion: Row[] = [];
  for await (const row of rows) {
    portion.push(row);
    if (portion.length < size) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}
