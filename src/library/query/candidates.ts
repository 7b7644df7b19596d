import type { Thresholds } from '../../embedding/port.ts';
import { toUnitLength } from '../../embedding/vector.ts';
import type { Hit, PhotoFilter, PhotoRow, PhotoTable } from '../../store/port.ts';
import { directionsOf } from '../words/directions.ts';
import { rankByTerms, type Term } from '../words/rank.ts';
import type { Words } from '../words/vocabulary.ts';

/** Looked at in each direction at least: a word's best photos are rarely the very nearest to its direction. */
const FEWEST = 100;
/** Beyond so many the vectors come in portions, so that never many are in memory. */
const AT_ONCE = 1000;
/** The most that a store gives for one direction. */
const MOST = 16_384;

interface RankRequest {
  readonly words: Words;
  readonly similar: Thresholds['similar'];
  /** At least one has a positive weight. */
  readonly terms: readonly Term[];
  /** How many are wanted. */
  readonly k: number;
  readonly filter: PhotoFilter | null;
}

/**
 * The photos that are most of all the terms, best first, ties by path: candidates are searched for in the directions
 * of each term that is not to be kept away from, and of all of them together, and then ranked by `rankByTerms`.
 */
export async function rankCandidates(table: PhotoTable, request: RankRequest): Promise<Hit[]> {
  const { words, terms, k, filter, similar } = request;
  const most = Math.min(MOST, Math.max(FEWEST, k));
  const scores = new Map<string, Hit>();
  for (const direction of directionsFor(terms, words)) {
    for await (const rows of neighbours(table, direction, most, filter)) {
      const fresh = rows.filter(({ id }) => !scores.has(id));
      const ranked = rankByTerms(fresh, terms, { classifier: words.classifier, similar });
      for (const { row, score } of ranked) {
        const { vector: _, ...record } = row;
        scores.set(row.id, { ...record, score });
      }
    }
  }
  return [...scores.values()].sort((a, b) => b.score - a.score || order(a.path, b.path) || order(a.library, b.library));
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

async function* neighbours(
  table: PhotoTable,
  direction: Float32Array,
  k: number,
  filter: PhotoFilter | null,
): AsyncGenerator<PhotoRow[]> {
  const within = filter === null ? {} : { filter };
  if (k <= AT_ONCE) {
    yield await table.search(direction, { k, ...within, vectors: true });
    return;
  }
  const ids = (await table.search(direction, { k, ...within })).map(({ id }) => id);
  for (let from = 0; from < ids.length; from += AT_ONCE) yield await table.rows(ids.slice(from, from + AT_ONCE));
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
