import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { explanationText } from '../explanation.ts';
import { fileTimeText, type SearchResultRow, scoreText, takenText } from '../result-row.ts';
import { bytes, printable } from '../text.ts';
import { ELLIPSIS, type Measure, printableParts, shortenMiddle, shortenPath } from './shorten.ts';
import type { Terminal } from './terminal.ts';

export type Alignment = 'left' | 'right';

const GAP = '  ';
/** Cells below which a path says too little: other columns give way first. */
const LEGIBLE = 32;
const AWAY = ' (drive away or deleted)';
const ELSEWHERE = ' (not on this machine)';

/** How many cells of the terminal each text takes, found out once for each: for names that are not ASCII that takes its time. */
function measuring(): Measure {
  const known = new Map<string, number>();
  return (text) => {
    // An ellipsis is as wide as a full stop, and for the first text that is not ASCII string-width takes 30 ms.
    const width = known.get(text) ?? stringWidth(text.replaceAll(ELLIPSIS, '.'));
    known.set(text, width);
    return width;
  };
}

const widest = (texts: readonly string[], measure: Measure): number =>
  texts.reduce((most, text) => Math.max(most, measure(text)), 0);

/**
 * Rows in columns as wide as their widest cell, a line each, with a newline at the end. Cells are made printable.
 * @param alignments of the first columns; the others are on the left
 */
export function table(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string {
  return safeTable(
    rows.map((row) => row.map(printable)),
    alignments,
  );
}

/** The same of cells that are printable already, and may be links. */
export function safeTable(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string {
  const [first = []] = rows;
  return layOut(
    rows,
    first.map((_, column) => alignments[column] ?? 'left'),
    measuring(),
  ).join('');
}

interface Column {
  readonly title: string;
  readonly align: Alignment;
  readonly cells: readonly string[];
  /** Whether the person asked for what it says: then it does not give way to paths. */
  readonly isAsked?: boolean;
}

interface HitsOptions {
  /** Whether a photo that does not say when it was taken shows its file's time, marked as that. */
  readonly fileTimes?: boolean;
  /** Whether it is said below each photo why it was found. */
  readonly explained?: boolean;
  /** Absolute: what the paths are relative to, where they are. */
  readonly relativeTo?: string;
}

/** Search results for people. `columns: null` gives the same columns with every path whole. */
export function renderHits(
  hits: readonly SearchResultRow[],
  { columns, color, links = false }: Terminal,
  { fileTimes = false, explained = false, relativeTo = '' }: HitsOptions = {},
): string {
  const style: Style = (format, text) => (color ? styleText(format, text, { validateStream: false }) : text);
  const measure = measuring();
  const leading: Column[] = [
    { title: '#', align: 'right', cells: hits.map((hit) => style('dim', String(hit.rank))) },
    { title: 'Score', align: 'right', cells: hits.map((hit) => scoreText(hit.score)) },
  ];
  const taken = ({ takenAt, modifiedAt }: SearchResultRow): string =>
    takenText(takenAt) ?? (fileTimes ? fileTimeText(modifiedAt) : '');
  const extras: Column[] = [
    { title: 'Likeness', align: 'left' as const, cells: hits.map(({ likeness }) => likeness ?? '') },
    { title: 'Shown', align: 'left' as const, cells: hits.map(({ shown }) => shown ?? '') },
    { title: 'Taken', align: 'left' as const, cells: hits.map(taken), isAsked: fileTimes },
    { title: 'Size', align: 'right' as const, cells: hits.map((hit) => bytes(hit.sizeBytes)) },
  ].filter(({ cells }) => cells.some(Boolean));
  const pathsIn = (room: number): string[] =>
    hits.map((hit) => pathCell(hit, room, { style, links, measure, relativeTo }));
  const roomBeside = (others: readonly Column[]): number =>
    columns === null ? Number.POSITIVE_INFINITY : columns - widthOf([...leading, ...others], measure);

  const enough = Math.min(LEGIBLE, widest(pathsIn(Number.POSITIVE_INFINITY), measure));
  for (let last = extras.length - 1; last >= 0 && roomBeside(extras) < enough; last -= 1) {
    if (!extras[last]?.isAsked) extras.splice(last, 1);
  }
  const photo: Column = {
    title: 'Photo',
    align: 'left',
    cells: pathsIn(Math.max(roomBeside(extras), widest(hits.map(markOf), measure) + 3)),
  };
  const shown = [...leading, photo, ...extras];
  const [head = '', ...lines] = layOut(
    [shown.map(({ title }) => style('bold', title)), ...hits.map((_, i) => shown.map(({ cells }) => cells[i] ?? ''))],
    shown.map(({ align }) => align),
    measure,
  );
  const indent = widthOf(leading, measure);
  const below = (hit: SearchResultRow): string[] =>
    wrapped(printable(explanationText(hit) ?? ''), (columns ?? Number.POSITIVE_INFINITY) - indent, measure);
  const reasons = (hit: SearchResultRow): string[] =>
    explained ? below(hit).map((text) => `${' '.repeat(indent)}${style('dim', text)}\n`) : [];
  return head + hits.flatMap((hit, i) => [lines[i] ?? '', ...reasons(hit)]).join('');
}

/** A text in lines, none wider than the room; none at all of an empty one. */
function wrapped(text: string, room: number, measure: Measure): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter(Boolean)) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && measure(longer) <= room) lines[lines.length - 1] = longer;
    else lines.push(shortenMiddle(word, room, measure));
  }
  return lines;
}

type Style = (format: Parameters<typeof styleText>[0], text: string) => string;

/** Cells that these columns take, each with the gap beside it. */
function widthOf(columns: readonly Column[], measure: Measure): number {
  return columns.reduce((sum, { title, cells }) => sum + GAP.length + widest([title, ...cells], measure), 0);
}

const markOf = ({ available, mounted }: SearchResultRow): string => (available ? '' : mounted ? AWAY : ELSEWHERE);

/** The path in its room, the name standing out, and a mark when the file is out of reach. */
function pathCell(
  hit: SearchResultRow,
  room: number,
  {
    style,
    links,
    measure,
    relativeTo,
  }: { readonly style: Style; readonly links: boolean; readonly measure: Measure; readonly relativeTo: string },
): string {
  const mark = markOf(hit);
  const path = shortenPath(hit.path, room - mark.length, measure);
  const { name } = printableParts(hit.path);
  const split = path.endsWith(name) ? path.length - name.length : 0;
  const folder = split === 0 ? '' : style('dim', path.slice(0, split));
  const shownName = links ? linkedTo(hit, path.slice(split), relativeTo) : path.slice(split);
  return folder + shownName + (mark === '' ? '' : style('yellow', mark));
}

/**
 * https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda: a text that a click opens, where the photo can be reached.
 * @param relativeTo absolute, or "" where the photo's path is
 */
export function linkedTo({ path, available }: SearchResultRow, text: string, relativeTo: string): string {
  const file = relativeTo === '' ? path : resolve(relativeTo, path);
  return available && text !== '' && isAbsolute(file)
    ? `\x1b]8;;${pathToFileURL(file).href}\x1b\\${text}\x1b]8;;\x1b\\`
    : text;
}

/** Cells are safe already, and may carry styles. */
function layOut(rows: readonly (readonly string[])[], alignments: readonly Alignment[], measure: Measure): string[] {
  const widths = alignments.map((_, column) =>
    widest(
      rows.map((row) => row[column] ?? ''),
      measure,
    ),
  );
  const line = (row: readonly string[]): string =>
    alignments
      .map((alignment, column) => {
        const cell = row[column] ?? '';
        const padding = ' '.repeat((widths[column] ?? 0) - measure(cell));
        return alignment === 'right' ? padding + cell : cell + padding;
      })
      .join(GAP)
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`);
}
