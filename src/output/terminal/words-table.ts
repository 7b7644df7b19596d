import stringWidth from 'string-width';
import type { CountedWord } from '../../library/words/count.ts';
import type { Seen } from '../../library/words/seen.ts';
import { scoreText, seenText } from '../result-row.ts';
import { shortenMiddle } from './shorten.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Cells of the widest word beyond which synonyms are dropped altogether. */
const FEWEST = 12;

/** Words with the number of photos that show each, and what else each may be called, as far as there is room. */
export function renderWords(words: readonly CountedWord[], { columns }: Pick<Terminal, 'columns'>): string {
  const counts = words.map(({ photos }) => (photos === 0 ? '' : photos.toLocaleString('en-US')));
  const widest = (title: string, cells: readonly string[]): number =>
    Math.max(title.length, ...cells.map((cell) => stringWidth(cell)));
  const taken =
    widest('Photos', counts) +
    2 +
    widest(
      'Word',
      words.map(({ word }) => word),
    ) +
    2;
  const room = columns === null ? Number.POSITIVE_INFINITY : columns - taken;
  const synonyms = words.map(({ also }) => shortenMiddle(also.join(', '), room, stringWidth));
  const shown = room >= FEWEST;
  return table(
    [
      ['Photos', 'Word', ...(shown ? ['Also'] : [])],
      ...words.map(({ word }, i) => [counts[i] ?? '', word, ...(shown ? [synonyms[i] ?? ''] : [])]),
    ],
    ['right', 'left', ...(shown ? (['left'] as const) : [])],
  );
}

/** What is seen in one photo, most of it first. */
export function renderSeen(seen: readonly Seen[]): string {
  return table(
    [
      ['Score', 'Word'],
      ...seen.map(({ meaning: { name }, score, kind }) => [scoreText(score), seenText({ word: name, score, kind })]),
    ],
    ['right', 'left'],
  );
}
