export type Cell = string | number | boolean | null;

/** A line of CSV (RFC 4180, but with the line end of Unix); null is an empty cell. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map((cell) => quoted(cell === null ? '' : String(cell))).join(',')}\n`;
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line of TSV: what would end a cell or a line is written as \t, \n, \r, and a backslash as \\. */
export function tsvLine(cells: readonly Cell[]): string {
  return `${cells.map((cell) => escaped(cell === null ? '' : String(cell))).join('\t')}\n`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
