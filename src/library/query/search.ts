import { basename, dirname, join } from 'node:path';
import type { PairSimilarities } from '../../embedding/port.ts';
import { usageError } from '../../errors.ts';
import { unlessInterrupted } from '../../interrupt.ts';
import { isRawName } from '../../photos/kinds.ts';
import { explainEmptiness } from '../emptiness.ts';
import type { Restriction } from '../photo-filter.ts';
import { type LeastScore, type Likeness, leastCosine, likenessOf, rarity, shareAtLeast } from '../ranking/likeness.ts';
import type { SearchOrder } from '../ranking/ranker.ts';
import { spreadOut } from '../spread.ts';
import { folderReader } from '../units.ts';
import { type FoundPhoto, locateHits, searchVector } from '../vector-search.ts';
import { type Shown, shownBy } from '../words/seen.ts';
import { loadWords } from '../words/vocabulary.ts';
import { type Explanation, explain } from './explain.ts';
import { rankCandidates } from './rank-terms.ts';
import type { QueryTerm } from './resolve.ts';
import { openRoom, type QueryDeps, type QueryRoom } from './room.ts';
import { type NamedTerm, type Read, type ReadTerm, readTerms, type SearchNotice, withNamesJoined } from './terms.ts';

/** How many photos are searched for, and where. */
export interface QuerySearch {
  readonly k: number;
  /** Of cosine similarity, or of the share where words are among the terms: then a number. */
  readonly minScore?: LeastScore;
  /** Whether the query photos may be among the results. */
  readonly includeSelf?: boolean;
  /** Of a search by photos alone; `rerank` unless given. */
  readonly order?: SearchOrder;
  /** Whether to compare every vector, also where the store has an approximate index. */
  readonly exact?: boolean;
  readonly restriction?: Restriction;
  /** Of bursts and near-duplicates the best frame alone. */
  readonly unique?: boolean;
  /** Weight of novelty against the score, 0 to 1; absent is the score alone. */
  readonly diverse?: number;
  /** Whether it is said of each photo why it was found, as far as that is known. */
  readonly explain?: boolean;
}

export interface AnsweredPhoto extends FoundPhoto {
  /** Of its score, among the person's photos; null where words are among the terms, and for a model nobody measured. */
  readonly likeness: Likeness | null;
  /** How sure it is that it shows the words; null as soon as photos are among the terms. */
  readonly shown: Shown | null;
  /** Share of random pairs of the person's photos that are at least as similar, where `likeness` is known; else null. */
  readonly pairShare: number | null;
  /** Null unless it is asked for and words are among the terms. */
  readonly explanation: Explanation | null;
}

/** The answer to one query. */
export interface Answer {
  readonly results: readonly AnsweredPhoto[];
  /** What was searched for, word by word and photo by photo. */
  readonly terms: readonly NamedTerm[];
  /** The scores are cosines for photos alone, and shares in [0, 1] as soon as words are among the terms. */
  readonly by: 'photos' | 'words' | 'both';
  readonly notices: readonly SearchNotice[];
  /** The greatest score there is, where `minScore` left nothing; else null. */
  readonly closest: number | null;
}

/**
 * The photos that are most like all the terms taken together. Photos alone: nearest to the mean of their vectors by
 * weight, negative ones subtracted. With words: by the weighted mean of what each term makes of a photo.
 * @throws UserError `unknown_word`, `words_unavailable`, `usage`, `query_unreadable`, `interrupted`, and what stands in
 * the way of searching
 */
export async function searchByQuery(
  deps: QueryDeps,
  terms: readonly QueryTerm[],
  search: QuerySearch,
): Promise<Answer> {
  const work = async (): Promise<Answer> => {
    const asked = await withNamesJoined(terms, async () => loadWords(await deps.session.model()));
    const room = await openRoom(deps, asked, search.restriction);
    try {
      prepare(room, asked, search);
      return await answer(room, await readTerms(asked, room), search);
    } finally {
      await room.close();
    }
  };
  return unlessInterrupted(deps.signal, work());
}

/**
 * Begins what a search by photos needs besides their vectors, while those are made: it finds the table, and reads how hits are
 * ranked. Whoever needs a part that fails asks for it again.
 */
function prepare(
  { index, libraries, pairs, ranker }: QueryRoom,
  terms: readonly QueryTerm[],
  { order = 'rerank' }: QuerySearch,
): void {
  if (terms.some(({ kind }) => kind === 'word')) return;
  const parts = [() => index.table.rows([]), libraries, pairs, ...(order === 'cosine' ? [] : [ranker])];
  for (const part of parts) part().catch(() => undefined);
}

/** One query of a run. @throws UserError `usage`, and what stands in the way of searching */
export async function answer(room: QueryRoom, { terms, notices }: Read, search: QuerySearch): Promise<Answer> {
  demandSomethingLeft(terms);
  const by = kindOf(terms);
  const pairs = by === 'photos' ? await room.pairs() : null;
  const minScore = search.minScore === undefined ? undefined : leastScore(search.minScore, by, pairs);
  const find = (k: number, least = minScore): Promise<FoundPhoto[]> =>
    (by === 'photos' ? byPhotos : byTerms)(room, terms, { ...search, k }, least);
  const { unique = false, diverse } = search;
  const { photos: results, comparedOnly } = await spreadOut((k) => find(k), search.k, {
    table: room.index.table,
    signal: room.signal,
    ...(room.threads === undefined ? {} : { threads: room.threads }),
    ...(room.onCompared === undefined ? {} : { onProgress: room.onCompared }),
    ...(unique ? { unique: (await room.session.model()).thresholds } : {}),
    ...(diverse === undefined ? {} : { diverse }),
  });
  if (results.length === 0) await explainEmptiness(room.session);
  const [closest] = results.length === 0 && minScore !== undefined ? await find(1, Number.NEGATIVE_INFINITY) : [];
  // No photo shows several words more surely than the one that it shows least.
  const shownIn = ({ score, leastShare = 1 }: FoundPhoto): Shown | null =>
    by === 'words' ? shownBy(Math.min(score, leastShare)) : null;
  const seen = results.filter((photo) => shownIn(photo) !== 'unlikely').length;
  const [best] = results.map(({ score }) => score).sort((a, b) => b - a);
  const words = wantedWords(terms);
  const elsewhere = [...new Set(results.flatMap(({ mounted, libraryName }) => (mounted ? [] : libraryName)))];
  const explained = search.explain && by !== 'photos' ? await explain(room, terms, results) : null;
  return {
    results: results.map((photo) => ({
      ...photo,
      shown: shownIn(photo),
      likeness: pairs && likenessOf(rarity(photo.score, pairs)),
      pairShare: pairs && shareAtLeast(photo.score, pairs),
      explanation: explained?.get(photo.id) ?? null,
    })),
    by,
    closest: closest?.score ?? null,
    terms: terms.map(({ named }) => named),
    notices: [
      ...notices,
      ...(seen === 0 && best !== undefined ? [{ kind: 'unclear', words, best } as const] : []),
      ...(seen > 0 && seen < results.length
        ? [{ kind: 'partly', words, photos: seen, of: results.length } as const]
        : []),
      ...(search.explain && by === 'photos' && pairs === null ? [{ kind: 'unmeasured' } as const] : []),
      ...(comparedOnly === null ? [] : [{ kind: 'compared', photos: comparedOnly } as const]),
      ...(elsewhere.length === 0 ? [] : [{ kind: 'elsewhere', libraries: elsewhere } as const]),
    ],
  };
}

/** @throws UserError `usage` where all that a word means is to be kept away from, as in "dog --not animal" */
function demandSomethingLeft(terms: readonly ReadTerm[]): void {
  const words = terms.flatMap(({ term, named }) => (term.kind === 'word' ? [{ ...term, name: named.value }] : []));
  const away = new Set(words.flatMap(({ weight, classes }) => (weight < 0 ? classes : [])));
  const gone = words.find(({ weight, classes }) => weight > 0 && classes.every((index) => away.has(index)));
  if (gone === undefined) return;
  throw usageError(`All that "${gone.name}" means is to be kept away from.`, 'Leave out the one or the other.');
}

/** @throws UserError `usage` for words where the scores are no cosines */
function leastScore(least: LeastScore, by: Answer['by'], pairs: PairSimilarities | null): number {
  if (by === 'photos' || typeof least === 'number') return leastCosine(least, pairs);
  throw usageError(
    `"${least}" is said of photos that are like photos.`,
    'Name a number from 0 to 1 where words are among the queries.',
  );
}

function kindOf(terms: readonly ReadTerm[]): Answer['by'] {
  const words = terms.filter(({ term }) => term.kind === 'word').length;
  if (words === 0) return 'photos';
  return words === terms.length ? 'words' : 'both';
}

function wantedWords(terms: readonly ReadTerm[]): string[] {
  return terms.filter(({ term }) => term.weight > 0).map(({ named }) => named.value);
}

async function byPhotos(
  { index, filter, libraries, ranker, seen, isThere }: QueryRoom,
  terms: readonly ReadTerm[],
  { k, includeSelf = false, order = 'rerank', exact = false }: QuerySearch,
  minScore: number | undefined,
): Promise<FoundPhoto[]> {
  return searchVector(index, {
    vector: directionOf(terms),
    k,
    without: includeSelf ? [] : await filesOf(terms),
    exact,
    libraries,
    seen,
    isThere,
    ranker: order === 'cosine' ? null : await ranker(),
    ...(filter === null ? {} : { filter }),
    ...(minScore === undefined ? {} : { minScore }),
  });
}

/** Rounding leaves no more than this of vectors of unit length that cancel each other out. */
const NOTHING = 1e-5;

/** The mean of photos' vectors by weight, itself of unit length. @throws UserError `usage` when nothing is left of it */
export function directionOf(terms: readonly Pick<ReadTerm, 'term'>[]): Float32Array {
  const photos = terms.flatMap(({ term }) => (term.kind === 'photo' ? [term] : []));
  const sum = new Float64Array(photos[0]?.vector.length ?? 0);
  for (const { vector, weight } of photos) {
    for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] as number) + weight * (vector[i] as number);
  }
  let squares = 0;
  for (let i = 0; i < sum.length; i += 1) squares += (sum[i] as number) ** 2;
  const length = Math.sqrt(squares);
  if (length > NOTHING) {
    for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] as number) / length;
    return new Float32Array(sum);
  }
  throw usageError(
    'The photos to be like and those to be away from are the same.',
    'Name others, or give them weights.',
  );
}

async function byTerms(
  { session, index, filter, libraries, words, shares, classIndexes, seen, isThere }: QueryRoom,
  terms: readonly ReadTerm[],
  { k, includeSelf = false, exact = false }: QuerySearch,
  minScore = 0,
): Promise<FoundPhoto[]> {
  const without = includeSelf ? [] : await filesOf(terms);
  const known = await words();
  const { similar } = (await session.model()).thresholds;
  const asked = { terms: terms.map(({ term }) => term), k: k + without.length, filter, exact };
  const kept = { sharesOf: await shares(), seen, classIndexes };
  const request = { words: known, similar, ...kept, ...asked };
  const ranked = (await rankCandidates(index.table, request)).filter(({ score }) => score >= minScore);
  return locateHits(index.store, ranked, { k, without, libraries, isThere });
}

/** Of the query photos, and the JPEG or HEIC that stands for one that is a RAW file: it is the same shot. */
async function filesOf(terms: readonly ReadTerm[]): Promise<string[]> {
  const files = terms.flatMap(({ file }) => (file === null ? [] : [file]));
  const namesIn = folderReader();
  const standing = files.filter(isRawName).map(async (file) => {
    const companions = (await namesIn(dirname(file))).companionsOf([basename(file)]);
    return companions.flatMap(({ name, kind }) => (kind === 'developed' ? [join(dirname(file), name)] : []));
  });
  return [...files, ...(await Promise.all(standing)).flat()];
}
