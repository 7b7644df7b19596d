import type { Hit, PhotoTable } from '../../store/port.ts';

/** Hits of one search that are compared. */
const K = 10;
/** What is asked for where the first answers differ: an approximate index looks at more candidates for more hits. */
const WIDER = 200;
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

/** Whether a search finds the same photos in both tables, among those that the source has. */
export async function findsTheSame(
  { source, target, libraries, tolerance }: Comparison,
  vector: Float32Array,
): Promise<boolean> {
  const filter = { within: libraries.map((library) => ({ library, folder: '' })) };
  for (const how of [{ k: K }, { k: WIDER }, { k: WIDER, exact: true }]) {
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
