import { rankByTerms } from '../words/rank.ts';
import { type Seen, seenIn } from '../words/seen.ts';
import type { QueryRoom } from './room.ts';
import type { NamedTerm, ReadTerm } from './terms.ts';

/** Why a search with words found a photo. */
export interface Explanation {
  /** The terms in the order of the answer's, each with what it makes of the photo, in [0, 1]: see `rankByTerms`. */
  readonly terms: readonly (NamedTerm & { readonly share: number })[];
  /** What the model sees in the photo, most of it first; nothing where nothing is clear enough for a word. */
  readonly seen: readonly Seen[];
}

/** Rows asked for at a time, with their vectors. */
const PORTION = 500;

/** Of photos that a search with words found, by their ids. @throws UserError `words_unavailable` */
export async function explain(
  { session, index, words, shares }: Pick<QueryRoom, 'session' | 'index' | 'words' | 'shares'>,
  terms: readonly ReadTerm[],
  photos: readonly { readonly id: string }[],
): Promise<ReadonlyMap<string, Explanation>> {
  const [{ vocabulary, classifier }, sharesOf, { thresholds }] = await Promise.all([
    words(),
    shares(),
    session.model(),
  ]);
  const context = { classifier, similar: thresholds.similar, sharesOf };
  const asked = terms.map(({ term }) => term);
  const explained = new Map<string, Explanation>();
  for (let from = 0; from < photos.length; from += PORTION) {
    const rows = await index.table.rows(
      photos.slice(from, from + PORTION).map(({ id }) => id),
      { recent: false },
    );
    for (const { row, shares: made } of rankByTerms(rows, asked, context)) {
      const [probabilities = new Float32Array()] = sharesOf([row]);
      explained.set(row.id, {
        terms: terms.map(({ named }, i) => ({ ...named, share: made[i] ?? 0 })),
        seen: seenIn(probabilities, vocabulary),
      });
    }
  }
  return explained;
}
