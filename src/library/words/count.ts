import { demandUninterrupted } from '../../interrupt.ts';
import type { PhotoRow } from '../../store/port.ts';
import type { Session } from '../session.ts';
import { countShown, type Entry, listWords } from './list.ts';
import { loadWords } from './load.ts';
import { CLEARLY_SEEN } from './seen.ts';

export interface CountedWord extends Entry {
  /** How many photos of the library clearly show it. */
  readonly photos: number;
}

interface CountDeps {
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Told now and then how many photos were looked at. */
  onCounted?(done: number, total: number): void;
}

/** Photos whose vectors are in memory at a time. */
const PORTION = 512;

/**
 * The words that begin so, or have a synonym that does, with the number of photos that clearly show each: those with
 * most photos first, then by name. Where nothing was ever indexed there are none, and no store is set up for it.
 * @throws UserError `words_unavailable`, `interrupted`, and what stands in the way of reading the index
 */
export async function countWords(
  { session, signal, onCounted = () => undefined }: CountDeps,
  prefix: string,
): Promise<CountedWord[]> {
  const { vocabulary, classifier } = await loadWords(await session.model());
  const entries = listWords(vocabulary, prefix);
  const counts = new Uint32Array(entries.length);
  const { storeExists } = await import('../../store/open.ts');
  if (entries.length > 0 && (await storeExists(session.settings))) {
    const { table } = await session.index();
    const total = await table.count();
    let done = 0;
    for await (const rows of portions(table.all({ vectors: true }))) {
      demandUninterrupted(signal);
      countShown(classifier.probabilities(rows.map(({ vector }) => vector)), entries, CLEARLY_SEEN, counts);
      done += rows.length;
      onCounted(done, Math.max(done, total));
    }
  }
  return entries
    .map((entry, i) => ({ ...entry, photos: counts[i] ?? 0 }))
    .sort((a, b) => b.photos - a.photos || (a.word < b.word ? -1 : 1));
}

async function* portions(rows: AsyncIterable<PhotoRow>): AsyncGenerator<PhotoRow[]> {
  let portion: PhotoRow[] = [];
  for await (const row of rows) {
    portion.push(row);
    if (portion.length < PORTION) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}
