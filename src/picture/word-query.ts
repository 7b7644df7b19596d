import type { EmbeddingModel } from '../embedding/port.ts';
import { once } from '../library/once.ts';
import { rankCandidates } from '../library/query/rank-terms.ts';
import { readWord, type SearchNotice } from '../library/query/terms.ts';
import type { Session } from '../library/session.ts';
import { type FoundPhoto, locateHits } from '../library/vector-search.ts';
import { classIndexesOf } from '../library/words/class-index/kept.ts';
import { loadWords } from '../library/words/vocabulary.ts';
import type { PhotoFilter, PhotoIndex } from '../store/port.ts';

/** Photos of something, rather than photos like one. */
export interface WordQuery {
  /** One word or several, as the person typed them. */
  readonly word: string;
}

/** What is to be said of a word before photos are searched by it. @throws UserError `unknown_word`, `words_unavailable` */
export async function checkWord(model: EmbeddingModel, { word }: WordQuery): Promise<readonly SearchNotice[]> {
  return readWord({ kind: 'word', text: word, weight: 1 }, await loadWords(model)).notices;
}

/** A search by words: gives the photos that show them best, with their shares for scores. */
export async function wordSearch(
  session: Pick<Session, 'settings' | 'machine' | 'model'>,
  index: PhotoIndex,
  { word }: WordQuery,
  filter: PhotoFilter | null,
): Promise<(k: number) => Promise<readonly FoundPhoto[]>> {
  const model = await session.model();
  const words = await loadWords(model);
  const classIndexes = once(() => classIndexesOf(session, index)).get;
  const terms = readWord({ kind: 'word', text: word, weight: 1 }, words).terms.map(({ term }) => term);
  const { similar } = model.thresholds;
  return async (k) => {
    const hits = await rankCandidates(index.table, { words, similar, terms, k, filter, classIndexes });
    return locateHits(index.store, hits.slice(0, k), { k });
  };
}
