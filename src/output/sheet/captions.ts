import { certaintyText, type SearchResultRow, scoreText, takenDay } from '../result-row.ts';
import { printableParts, shortenMiddle } from '../terminal/shorten.ts';
import { folderBelow, type Heading } from './heading.ts';
import type { SheetLayout, Size } from './layout.ts';
import type { Lettering } from './lettering.ts';
import type { Thumbnail } from './thumbnail.ts';

/** A neutral dark ground: photos look their own colour on it. */
export const GROUND = '#18191b';
const PANEL = '#26282c';
const TEXT = '#eeeeec';
const QUIET = '#a3a6ab';
const ACCENT = '#f0b85a';

/** Lines of the heading: which words, how large (in font sizes), and the way down to the next line. */
const HEADING = [
  { words: 'label', size: 0.9, fill: ACCENT, down: 1.9 },
  { words: 'name', size: 1.7, fill: TEXT, down: 2 },
  { words: 'folder', size: 1, fill: QUIET, down: 2.5 },
  { words: 'found', size: 1.1, fill: TEXT, down: 1.6 },
  { words: 'where', size: 1, fill: QUIET, down: 1.6 },
  { words: 'made', size: 1, fill: QUIET, down: 0 },
] as const satisfies readonly { words: keyof Heading; size: number; fill: string; down: number }[];

/** In font sizes: a folder with less room is left out. */
const LEAST_FOLDER = 3;

/** Pixels that the heading takes in height. */
export function headingHeight(words: Heading, layout: SheetLayout): number {
  return Math.ceil(headingSize(layout) * (1.5 + linesOf(words).reduce((sum, { down }) => sum + down, 0)));
}

function linesOf(words: Heading): (typeof HEADING)[number][] {
  return HEADING.filter((line) => words[line.words] !== '');
}

function headingSize({ fontSize }: SheetLayout): number {
  return Math.max(15, fontSize);
}

/** SVG of the heading, its upper left corner at (x, 0). */
export function headingMarks(words: Heading, x: number, layout: SheetLayout, lettering: Lettering): string {
  const base = headingSize(layout);
  const room = layout.width - layout.margin - x;
  let y = base;
  return linesOf(words)
    .map((line) => {
      const size = base * line.size;
      const text = shortenMiddle(words[line.words], room, lettering.measure(size));
      const mark = lettering.draw(text, x, Math.round(y), size, line.fill);
      y += base * line.down;
      return mark;
    })
    .join('');
}

/** What all results of a sheet are shown with. */
interface Shown {
  /** The deepest folder that holds them all. */
  readonly shared: string;
  readonly fileTimes: boolean;
}

/** SVG of one result below and, when there is no picture, inside its frame, whose corner is (x, 0). */
export function captionMarks(
  row: SearchResultRow,
  shown: Shown,
  x: number,
  { frame, fontSize, captionLines }: SheetLayout,
  lettering: Lettering,
): string {
  const measure = lettering.measure(fontSize);
  const baseline = frame.height + Math.round(fontSize * 1.5);
  const score = scoreText(row.score);
  const rank = String(row.rank);
  const nameAt = measure(`${rank}  `);
  const scoreAt = frame.width - measure(score);
  const name = shortenMiddle(printableParts(row.path).name, scoreAt - nameAt - fontSize * 0.6, measure);
  const marks = [
    lettering.draw(rank, x, baseline, fontSize, ACCENT),
    lettering.draw(name, x + nameAt, baseline, fontSize, TEXT),
    lettering.draw(score, x + scoreAt, baseline, fontSize, TEXT),
  ];
  if (captionLines === 2)
    marks.push(...secondLine(row, shown, { from: x + nameAt, to: x + frame.width }, fontSize, baseline, lettering));
  return marks.join('');
}

/** How alike it is or how sure it is that it shows the words, the folder where it has room, and the day. */
function secondLine(
  row: SearchResultRow,
  { shared, fileTimes }: Shown,
  { from, to }: { readonly from: number; readonly to: number },
  fontSize: number,
  firstBaseline: number,
  lettering: Lettering,
): string[] {
  const small = fontSize * 0.85;
  const below = firstBaseline + Math.round(fontSize * 1.4);
  const measure = lettering.measure(small);
  const words = certaintyText(row) ?? '';
  const folderAt = words === '' ? from : from + measure(words) + small;
  const taken = takenDay(row, fileTimes);
  const date = taken === null ? '' : `${taken.day}${taken.from === 'file' ? ' (file)' : ''}`;
  const room = to - measure(date) - small - folderAt;
  const folder = room < LEAST_FOLDER * small ? '' : shortenMiddle(folderBelow(row.path, shared), room, measure);
  const dateAt = words === '' && folder === '' ? from : to - measure(date);
  return [
    lettering.draw(words, from, below, small, TEXT),
    lettering.draw(folder, folderAt, below, small, QUIET),
    lettering.draw(date, dateAt, below, small, QUIET),
  ];
}

/** SVG of an empty tile that says why there is no picture; nothing where there is one. */
export function emptyTile(picture: Thumbnail, box: Size, x: number, fontSize: number, lettering: Lettering): string {
  if (picture.kind === 'picture') return '';
  const measure = lettering.measure(fontSize);
  const reason = shortenMiddle(picture.reason, box.width - fontSize, measure);
  const at = x + (box.width - measure(reason)) / 2;
  return (
    `<rect x="${x}" y="0" width="${box.width}" height="${box.height}" fill="${PANEL}"/>` +
    lettering.draw(reason, at, box.height / 2 + fontSize * 0.35, fontSize, QUIET)
  );
}
