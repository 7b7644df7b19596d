import { unlessInterrupted } from '../../interrupt.ts';
import { embedQueries } from '../search.ts';
import type { Session } from '../session.ts';
import { loadWords } from './load.ts';
import { type Seen, seenIn } from './seen.ts';

interface LookDeps {
  readonly session: Session;
  readonly signal: AbortSignal;
}

/**
 * What the model sees in one photo, most of it first; nothing where it sees nothing that it knows.
 * @param file absolute
 * @throws UserError `words_unavailable`, `query_unreadable`, `interrupted`
 */
export async function wordsIn({ session, signal }: LookDeps, file: string): Promise<Seen[]> {
  const look = async (): Promise<Seen[]> => {
    // A model without words needs no photo read.
    const { vocabulary, classifier } = await loadWords(await session.model());
    const photos = await embedQueries(await session.embedder(), [file]);
    const [shares] = classifier.probabilities(photos.map(({ vector }) => vector));
    return shares === undefined ? [] : seenIn(shares, vocabulary);
  };
  return unlessInterrupted(signal, look());
}
