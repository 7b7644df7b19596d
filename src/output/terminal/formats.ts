import { basename, isAbsolute, relative } from 'node:path';
import stringWidth from 'string-width';
import { type Cell, csvLine, tsvLine } from '../delimited.ts';
import { explanationText } from '../explanation.ts';
import {
  FIELDS,
  type Field,
  type Layout,
  type ListFormat,
  type SearchResultRow,
  scoreText,
  takenText,
} from '../result-row.ts';
import { bytes, printable } from '../text.ts';
import { shortenMiddle, shortenPath } from './shorten.ts';
import { type Alignment, linkedTo, renderHits, safeTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Rows as they are printed: their paths relative where that is wanted. */
export function laidOut<Row extends { readonly path: string }>(rows: readonly Row[], { relativeTo }: Layout): Row[] {
  if (relativeTo === undefined) return [...rows];
  // Another drive on Windows stays absolute; what is not on this machine (NAME:/path) is relative to nothing here.
  return rows.map((row) => (isAbsolute(row.path) ? { ...row, path: relative(relativeTo, row.path) } : row));
}

/** The rows with the chosen fields alone, for JSON; all of them when none are chosen. */
export function picked(rows: readonly SearchResultRow[], { fields }: Layout): Partial<Record<Field, unknown>>[] {
  if (fields === undefined) return [...rows];
  return rows.map((row) =>
    Object.fromEntries(fields.map((field) => [field, field === 'name' ? basename(row.path) : row[field]])),
  );
}

/** One of several queries whose answers stand below each other. */
export interface OneOfMany {
  readonly query: string;
  readonly isFirst: boolean;
}

/**
 * Search results in a form for people (table) or programs, of which tsv and csv begin with a line of names. Of one query of
 * many only the first answer does, and each row names its query.
 * @param rows laid out already
 */
export function renderAs(
  format: ListFormat,
  rows: readonly SearchResultRow[],
  { fields, relativeTo }: Layout,
  {
    terminal,
    fileTimes,
    explained = false,
    oneOfMany = null,
  }: {
    readonly terminal: Terminal;
    readonly fileTimes: boolean;
    readonly explained?: boolean;
    readonly oneOfMany?: OneOfMany | null;
  },
): string {
  switch (format) {
    case 'table':
      if (rows.length === 0) return '';
      return fields === undefined
        ? renderHits(rows, terminal, { fileTimes, explained, ...(relativeTo === undefined ? {} : { relativeTo }) })
        : fieldTable(rows, fields, terminal, relativeTo);
    case 'paths':
      // On a terminal a path must not drive it; elsewhere it must be the path.
      return rows.map(({ path }) => `${terminal.columns === null ? path : printable(path)}\n`).join('');
    case 'tsv':
    case 'csv': {
      const line = format === 'csv' ? csvLine : tsvLine;
      const names = fields ?? FIELDS;
      const cells = rows.map((row) => names.map((field) => cellOf(row, field)));
      if (oneOfMany === null) return [names, ...cells].map(line).join('');
      const { query, isFirst } = oneOfMany;
      return [...(isFirst ? [['query', ...names]] : []), ...cells.map((row) => [query, ...row])].map(line).join('');
    }
  }
}

function cellOf(row: SearchResultRow, field: Field): Cell {
  if (field === 'explanation') return row.explanation && explanationText(row);
  return field === 'name' ? basename(row.path) : row[field];
}

const NUMBERS: ReadonlySet<Field> = new Set(['rank', 'score', 'width', 'height', 'sizeBytes']);

/** A click on these opens the photo, where the terminal knows links. */
const LINKED: readonly Field[] = ['path', 'name'];

/** These lose their middle where the terminal is too narrow, one after the other. */
const SHORTENED: readonly Field[] = ['path', 'name', 'library', 'camera'];
/** Cells below which they say nothing. */
const LEAST = 20;
const GAP = 2;

function fieldTable(
  rows: readonly SearchResultRow[],
  fields: readonly Field[],
  { columns, links = false }: Terminal,
  relativeTo = '',
): string {
  const alignments = fields.map((field): Alignment => (NUMBERS.has(field) ? 'right' : 'left'));
  const texts = new Map(fields.map((field) => [field, rows.map((row) => printable(shown(row, field)))]));
  const widthOf = (field: Field): number =>
    (texts.get(field) ?? []).reduce((most, text) => Math.max(most, stringWidth(text)), field.length);
  const total = fields.reduce((sum, field) => sum + widthOf(field) + GAP, -GAP);
  let excess = columns === null ? 0 : total - columns;
  for (const field of SHORTENED) {
    if (excess <= 0 || !texts.has(field)) continue;
    const width = widthOf(field);
    const room = Math.min(width, Math.max(LEAST, width - excess));
    const shorten = field === 'path' ? shortenPath : shortenMiddle;
    texts.set(
      field,
      (texts.get(field) ?? []).map((text) => shorten(text, room, stringWidth)),
    );
    excess -= width - room;
  }
  const cell = (row: SearchResultRow, i: number, field: Field): string => {
    const text = texts.get(field)?.[i] ?? '';
    return links && LINKED.includes(field) ? linkedTo(row, text, relativeTo) : text;
  };
  return safeTable([fields, ...rows.map((row, i) => fields.map((field) => cell(row, i, field)))], alignments);
}

function shown(row: SearchResultRow, field: Field): string {
  if (field === 'score') return scoreText(row.score);
  if (field === 'takenAt') return takenText(row.takenAt) ?? '';
  if (field === 'sizeBytes') return bytes(row.sizeBytes);
  const value = cellOf(row, field);
  return value === null ? '' : String(value);
}
