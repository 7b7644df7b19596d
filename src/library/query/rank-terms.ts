import type { Thresholds } from '../../embedding/port.ts';
import { toUnitLength } from '../../embedding/vector.ts';
import {
  type Hit,
  MOST_HITS,
  type PhotoFilter,
  type PhotoRow,
  type PhotoTable,
  type SearchOptions,
  type SeenRows,
} from '../../store/port.ts';
import { rowsInPortions } from '../rows.ts';
import type { RankedHit } from '../vector-search.ts';
import { candidatesOf, candidatesOfAll } from '../words/class-index/candidates.ts';
import type { ClassIndex } from '../words/class-index/class-index.ts';
import { directionsOf } from '../words/directions.ts';
import { portionsOf, type Ranked, rankByTerms, type Term } from '../words/rank.ts';
import type { Words } from '../words/vocabulary.ts';

/** Looked at in each direction at least: a word's best photos are rarely the very nearest to its direction. */
const FEWEST = 100;
/** The same where shares are known but for what is left out of them. */
const FEWEST_KNOWN = 30;
/** Of so many photos, those that show a word most, it is asked whether a filter lets them through; how many more each time. */
const MOST_ASKED = 4000;
const LATER_ROUNDS = 4;
/** Beyond so many the vectors come in portions, so that never many are in memory. */
const AT_ONCE = 1000;

interface RankRequest {
  readonly words: Words;
  /** See `rememberedShares`. */
  readonly sharesOf?: (rows: readonly PhotoRow[]) => readonly Float32Array[];
  readonly similar: Thresholds['similar'];
  /** At least one has a positive weight. */
  readonly terms: readonly Term[];
  /** How many are wanted. */
  readonly k: number;
  readonly filter: PhotoFilter | null;
  /** What other searches of the same run found. */
  readonly seen?: SeenRows;
  /** Whether to look at every photo. */
  readonly exact?: boolean;
  /** Those of all the photos, null where they are not at hand; called only when they are of use. */
  readonly classIndexes?: () => Promise<readonly ClassIndex[] | null>;
}

/**
 * The photos that are most of all the terms, best first, ties by path: candidates are searched for in the directions
 * of each term that is not to be kept away from, and of all of them together, and then ranked by `rankByTerms`. Those of one
 * word are told among all photos by class indexes instead, where they are at hand, and some of several words besides.
 */
export async function rankCandidates(table: PhotoTable, request: RankRequest): Promise<(Hit & RankedHit)[]> {
  const { words, sharesOf, terms, filter, seen, similar, exact = false } = request;
  const context = { classifier: words.classifier, similar, ...(sharesOf === undefined ? {} : { sharesOf }) };
  const k = exact ? Number.POSITIVE_INFINITY : request.k;
  const scores = new Map<string, Hit & RankedHit>();
  async function* found(): AsyncGenerator<PhotoRow[]> {
    let known = 0;
    for await (const rows of knownCandidates(table, request)) {
      known += rows.length;
      yield rows;
    }
    // Of several words other photos may show more that are not known well enough.
    if (known >= k && terms.length === 1) return;
    yield* candidates(table, directionsFor(terms, words), { k: Math.max(FEWEST, k), filter, seen });
  }
  for await (const rows of found()) {
    const fresh = rows.filter(({ id }) => !scores.has(id));
    for (const ranked of rankByTerms(fresh, terms, context)) scores.set(ranked.row.id, hitOf(ranked, terms));
  }
  return [...scores.values()].sort((a, b) => b.score - a.score || order(a.path, b.path) || order(a.library, b.library));
}

/** Without the vector, which would stay in memory. Field by field: to take an object apart is slower than to rank it. */
function hitOf({ row, score, shares }: Ranked<PhotoRow>, terms: readonly Term[]): Hit & RankedHit {
  const { id, path, library, sha256, size, mtimeMs, facts, width, height, quality, camera } = row;
  const { takenMs, takenOffsetMinutes, takenFrom } = row;
  const file = { id, path, library, sha256, size, mtimeMs, facts, width, height, quality, camera };
  let leastShare = 1;
  terms.forEach(({ kind, weight }, i) => {
    if (kind === 'word' && weight > 0) leastShare = Math.min(leastShare, shares[i] ?? 0);
  });
  return Object.assign(file, { takenMs, takenOffsetMinutes, takenFrom, score, leastShare });
}

function directionsFor(terms: readonly Term[], { classifier }: Words): Float32Array[] {
  const wanted = terms.filter(({ weight }) => weight > 0);
  const each = wanted.flatMap((term) =>
    term.kind === 'photo' ? [term.vector] : directionsOf(term.classes, classifier),
  );
  if (wanted.length < 2) return each;
  // A photo that is all of them may be far down the list of each.
  const together = new Float32Array(classifier.dim);
  for (const term of wanted) {
    const direction = term.kind === 'photo' ? term.vector : classifier.direction(term.classes);
    for (let i = 0; i < together.length; i += 1) {
      together[i] = (together[i] ?? 0) + term.weight * (direction[i] ?? 0);
    }
  }
  return [...each, toUnitLength(together)];
}

/**
 * Photos among which the best of one word are, and some of the best of several, told by class indexes; fewer than `k` where
 * more, or all, have to be searched for. Of those that a filter lets through there may be more further down: the store is
 * asked in rounds.
 */
async function* knownCandidates(table: PhotoTable, request: RankRequest): AsyncGenerator<PhotoRow[]> {
  const { terms, k, filter, seen, exact = false } = request;
  const words = terms.filter((term) => term.kind === 'word');
  if (words.length < terms.length || exact || k > AT_ONCE) return;
  const classIndexes = (await request.classIndexes?.()) ?? null;
  if (classIndexes === null) return;
  const most = filter === null ? Math.max(FEWEST_KNOWN, 2 * k) : MOST_ASKED;
  const [word, ...others] = words;
  const ids =
    word !== undefined && others.length === 0
      ? candidatesOf(classIndexes, word.classes, { k: filter === null ? k : most, most })
      : candidatesOfAll(classIndexes, words, most);
  if (filter === null) {
    yield* rowsInPortions(table, ids, AT_ONCE, { recent: false, seen });
    return;
  }
  let found = 0;
  const wanted = Math.max(FEWEST_KNOWN, 2 * k);
  for (let [from, size] = [0, wanted]; from < ids.length && found < wanted; from += size) {
    if (from > 0) size = Math.min(LATER_ROUNDS * size, AT_ONCE);
    const rows = await table.rows(ids.slice(from, from + size), { recent: false, seen, filter });
    found += rows.length;
    yield rows;
  }
}

/** The `k` nearest in each direction, some of them more than once; all rows when `k` is more than a search gives. */
async function* candidates(
  table: PhotoTable,
  directions: readonly Float32Array[],
  { k, filter, seen }: Pick<SearchOptions, 'k'> & Pick<RankRequest, 'filter'> & { readonly seen: SeenRows | undefined },
): AsyncGenerator<PhotoRow[]> {
  const within = filter === null ? {} : { filter };
  if (k > MOST_HITS) {
    yield* portionsOf(table.all({ ...within, vectors: true }), AT_ONCE);
  } else if (k <= AT_ONCE) {
    // All at once, so that a store answers them together; each is looked at and let go as it comes.
    const searches = directions.map((direction) => table.search(direction, { k, ...within, vectors: true, seen }));
    for (const search of searches) search.catch(() => undefined);
    for (const search of searches) yield await search;
  } else {
    const found = new Set<string>();
    for (const direction of directions) {
      for (const { id } of await table.search(direction, { k, ...within })) found.add(id);
    }
    yield* rowsInPortions(table, [...found], AT_ONCE, { recent: false });
  }
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
