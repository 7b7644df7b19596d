import { basename } from 'node:path';
import type { RankedBy } from '../library/ranking/rerank.ts';
import { type SearchResultRow, scoreText, seenText } from './result-row.ts';

const RANKED = {
  'near-duplicate': 'almost exactly what was searched for',
  nearest: 'the nearest of all',
  agreement: 'ranked by its surroundings',
  cosine: 'ranked by its score',
  words: null,
} as const satisfies Record<RankedBy, string | null>;

/** Photos of a query that are named one by one in an explanation. */
const NAMED = 3;

/**
 * Why a photo was found: "closer than 999 of 1,000 pairs; the nearest of all", or of words "dog 0.912, beach 0.401; seen:
 * collie 0.702". One word's own share is the score, and not said again. Null where nothing is known.
 */
export function explanationText({ closerThan, rankedBy, explanation }: SearchResultRow): string | null {
  if (explanation === null)
    return closerThan && [`closer than ${closerThan}`, RANKED[rankedBy]].filter(Boolean).join('; ');
  const { terms, seen } = explanation;
  const photos = terms.filter(({ kind }) => kind === 'photo');
  const shares = photos.map(({ share }) => share).sort((a, b) => a - b);
  const named = terms.filter(({ kind }) => kind === 'word' || photos.length <= NAMED);
  const parts = [
    ...named.map(({ kind, value, weight, share }) => {
      // As people name it; in a document "-" stands for it.
      const name = kind === 'word' ? value : value === '-' ? 'standard input' : basename(value);
      return `${weight < 0 ? 'not ' : ''}${name} ${scoreText(share)}`;
    }),
    ...(photos.length <= NAMED
      ? []
      : [`${photos.length} photos ${scoreText(shares[0] ?? 0)} to ${scoreText(shares.at(-1) ?? 0)}`]),
  ];
  const isSeen =
    seen.map((one) => `${seenText(one)} ${scoreText(one.score)}`).join(', ') || 'nothing clear enough for a word';
  return [...(parts.length < 2 ? [] : [parts.join(', ')]), `seen: ${isSeen}`].join('; ');
}
