import { basename, relative } from 'node:path';
import { type Cell, csvLine, tsvLine } from '../delimited.ts';
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
import { type Alignment, renderHits, table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Rows as they are printed: their paths relative where that is wanted. */
export function laidOut<Row extends { readonly path: string }>(rows: readonly Row[], { relativeTo }: Layout): Row[] {
  if (relativeTo === undefined) return [...rows];
  // Empty for the folder itself, which is no photo; another drive on Windows stays absolute.
  return rows.map((row) => ({ ...row, path: relative(relativeTo, row.path) }));
}

/** The rows with the chosen fields alone, for JSON; all of them when none are chosen. */
export function picked(rows: readonly SearchResultRow[], { fields }: Layout): Partial<Record<Field, unknown>>[] {
  if (fields === undefined) return [...rows];
  return rows.map((row) => Object.fromEntries(fields.map((field) => [field, cellOf(row, field)])));
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
  { fields }: Layout,
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
      return fields === undefined ? renderHits(rows, terminal, { fileTimes, explained }) : fieldTable(rows, fields);
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
  return field === 'name' ? basename(row.path) : row[field];
}

const NUMBERS: ReadonlySet<Field> = new Set(['rank', 'score', 'width', 'height', 'sizeBytes']);

function fieldTable(rows: readonly SearchResultRow[], fields: readonly Field[]): string {
  const alignments = fields.map((field): Alignment => (NUMBERS.has(field) ? 'right' : 'left'));
  return table([fields, ...rows.map((row) => fields.map((field) => shown(row, field)))], alignments);
}

function shown(row: SearchResultRow, field: Field): string {
  if (field === 'score') return scoreText(row.score);
  if (field === 'takenAt') return takenText(row.takenAt) ?? '';
  if (field === 'sizeBytes') return bytes(row.sizeBytes);
  const value = cellOf(row, field);
  return value === null ? '' : String(value);
}
