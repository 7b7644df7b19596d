import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { type SearchResultRow, scoreText, takenText } from './result-row.ts';
import { printableParts, shortenPath } from './shorten.ts';
import type { Terminal } from './terminal.ts';
import { bytes, printable } from './text.ts';

export type Alignment = 'left' | 'right';

const GAP = '  ';
/** Cells below which a path says too little: other columns give way first. */
const LEGIBLE = 32;
const AWAY = ' (drive away)';

/** Rows in columns as wide as their widest cell, a line each, with a newline at the end. Cells are made printable. */
export function table(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string {
  return layOut(
    rows.map((row) => row.map(printable)),
    alignments,
  );
}

/** Search results for people. `columns: null` gives the same columns with every path whole. */
export function renderHits(hits: readonly SearchResultRow[], { columns, color }: Terminal): string {
  const style: typeof styleText = (format, text) => (color ? styleText(format, text, { validateStream: false }) : text);
  const extras = [
    { title: 'Taken', align: 'left' as const, cells: hits.map((hit) => takenText(hit.takenAt) ?? '') },
    { title: 'Size', align: 'right' as const, cells: hits.map((hit) => bytes(hit.sizeBytes)) },
  ];
  const ranks = hits.map((hit) => String(hit.rank));
  const scores = hits.map((hit) => scoreText(hit.score));
  const room = (shown: number): number =>
    columns === null
      ? Number.POSITIVE_INFINITY
      : columns -
        fixedWidth([
          ['#', ...ranks],
          ['Score', ...scores],
        ]) -
        fixedWidth(extras.slice(0, shown).map(whole));
  const longest = Math.max(
    ...hits.map((hit) => stringWidth(pathCell(hit, Number.POSITIVE_INFINITY, (_, text) => text))),
  );
  const shown = [2, 1].find((n) => room(n) >= Math.min(LEGIBLE, longest)) ?? 0;
  const paths = hits.map((hit) => pathCell(hit, Math.max(room(shown), AWAY.length + 3), style));
  const kept = extras.slice(0, shown);
  const heading = ['#', 'Score', 'Photo', ...kept.map(({ title }) => title)].map((title) => style('bold', title));
  const lines = hits.map((_, i) => [
    style('dim', ranks[i] ?? ''),
    scores[i] ?? '',
    paths[i] ?? '',
    ...kept.map(({ cells }) => cells[i] ?? ''),
  ]);
  return layOut([heading, ...lines], ['right', 'right', 'left', ...kept.map(({ align }) => align)]);
}

function whole({ title, cells }: { readonly title: string; readonly cells: readonly string[] }): string[] {
  return [title, ...cells];
}

/** Cells that these columns take, each with the gap beside it. */
function fixedWidth(columns: readonly (readonly string[])[]): number {
  return columns.reduce((sum, cells) => sum + GAP.length + Math.max(...cells.map((cell) => stringWidth(cell))), 0);
}

/** The path in its room, the name standing out, and a mark when the file is out of reach. */
function pathCell(hit: SearchResultRow, room: number, style: typeof styleText): string {
  const mark = hit.available ? '' : AWAY;
  const path = shortenPath(hit.path, room - mark.length, stringWidth);
  const { name } = printableParts(hit.path);
  const split = path.endsWith(name) ? path.length - name.length : 0;
  const folder = split === 0 ? '' : style('dim', path.slice(0, split));
  return folder + path.slice(split) + (mark === '' ? '' : style('yellow', mark));
}

/** Cells are safe already, and may carry styles. */
function layOut(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string {
  const widths = alignments.map((_, column) => Math.max(0, ...rows.map((row) => stringWidth(row[column] ?? ''))));
  const line = (row: readonly string[]): string =>
    alignments
      .map((alignment, column) => {
        const cell = row[column] ?? '';
        const padding = ' '.repeat((widths[column] ?? 0) - stringWidth(cell));
        return alignment === 'right' ? padding + cell : cell + padding;
      })
      .join(GAP)
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
