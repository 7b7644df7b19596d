import type { Hit, PhotoTable, SearchOptions } from '../../store/port.ts';

/** Hits of one search that are compared. */
const K = 10;
/** Searches by which two stores are compared. */
export const SEARCHES = 50;
/** What is asked for where the first answers differ: an approximate index looks at more candidates for more hits. */
const WIDER = 200;
/** A search costs a server little more than a wait of a fifth of a second. */
const AT_ONCE = 25;
/** Scores are rounded to a millionth, after sums of thousands of products that two engines may add in another order. */
export const SAME_SCORE = 2e-6;

export interface Comparison {
  readonly source: PhotoTable;
  readonly target: PhotoTable;
  /** Ids of libraries: the target may have others, too. */
  readonly libraries: readonly string[];
  /** By how much the scores of photos may differ that stand in each other's place. */
  readonly tolerance: number;
}

/**
 * By how many of these vectors a search finds the same photos in both tables, among those that the source has.
 * @param onDone told every now and then, how many are done
 */
export async function countEqual(
  comparison: Comparison,
  vectors: readonly Float32Array[],
  onDone: (done: number) => void,
): Promise<number> {
  let equal = 0;
  for (let from = 0; from < vectors.length; from += AT_ONCE) {
    const some = vectors.slice(from, from + AT_ONCE);
    const found = await Promise.all(some.map((vector) => findsTheSame(comparison, vector, [{ k: K }, { k: WIDER }])));
    for (const [n, vector] of some.entries()) {
      // One by one: a server may have to be asked for every vector it has, a good part of which is in memory then.
      if (found[n] || (await findsTheSame(comparison, vector, [{ k: WIDER, exact: true }]))) equal += 1;
      onDone(from + n + 1);
    }
  }
  return equal;
}

/** Whether one of these ways to search does. */
async function findsTheSame(
  { source, target, libraries, tolerance }: Comparison,
  vector: Float32Array,
  ways: readonly Pick<SearchOptions, 'k' | 'exact'>[],
): Promise<boolean> {
  const filter = { within: libraries.map((library) => ({ library, folder: '' })) };
  for (const how of ways) {
    const [wanted, found] = await Promise.all([
      source.search(vector, { ...how, filter }),
      target.search(vector, { ...how, filter }),
    ]);
    const shared = await ofSource(source, wanted, found);
    const same = wanted.slice(0, K).every((hit, rank) => stands(hit, shared[rank], tolerance));
    if (same && (shared.length <= wanted.length || wanted.length >= K)) return true;
  }
  return false;
}

/** Where scores tie, either photo may stand first. */
function stands(wanted: Hit, found: Hit | undefined, tolerance: number): boolean {
  return found !== undefined && Math.abs(found.score - wanted.score) <= tolerance;
}

/** Hits that the source has, too: the target may have nearer ones of its own, which are no fault of the copy. */
async function ofSource(source: PhotoTable, wanted: readonly Hit[], found: readonly Hit[]): Promise<Hit[]> {
  const known = new Set(wanted.map(({ id }) => id));
  const others = found.flatMap(({ id }) => (known.has(id) ? [] : [id]));
  for (const { id } of others.length === 0 ? [] : await source.rows(others)) known.add(id);
  return found.filter(({ id }) => known.has(id));
}

/**
 * Vectors to search by: those of photos, and where there are fewer than wanted, the middle of two.
 * @returns `wanted` ones of unit length; none when there are no vectors
 */
export function queries(vectors: readonly Float32Array[], wanted: number): Float32Array[] {
  return Array.from({ length: vectors.length === 0 ? 0 : wanted }, (_, n) => {
    const one = vectors[n % vectors.length] as Float32Array;
    const other = vectors[(n + Math.floor(n / vectors.length)) % vectors.length] as Float32Array;
    const middle = one.map((value, i) => value + (other[i] ?? 0));
    const length = Math.hypot(...middle);
    return length === 0 ? one : middle.map((value) => value / length);
  });
}
