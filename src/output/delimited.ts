type Cell = string | number | null;

/** A line of CSV (RFC 4180, but with the line end of Unix); null is an empty cell. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map((cell) => quoted(cell === null ? '' : String(cell))).join(',')}\n`;
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
