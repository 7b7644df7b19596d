import type { PhotoFilter } from '../port.ts';

/** No row has an empty id. */
const NOTHING = 'id == ""';

/**
 * A filter in the boolean language that Lite and servers from 2.3 share; '' lets every row through.
 * Prefixes become ranges: LIKE takes % and _ in folder names for wildcards and has no escape for them.
 */
export function expressionOf(filter: PhotoFilter): string {
  const parts: string[] = [];
  if (filter.within !== undefined) parts.push(anyFolder(filter.within));
  const { takenAfterMs: after, takenBeforeMs: before } = filter;
  // 0 means unknown: such photos are neither before nor after anything.
  if (after !== undefined || before !== undefined) parts.push('taken_ms != 0');
  if (after !== undefined) parts.push(`taken_ms >= ${integer(Math.ceil(after))}`);
  if (before !== undefined) parts.push(`taken_ms < ${integer(Math.ceil(before))}`);
  return parts.join(' and ');
}

export function inLibrary(library: string): string {
  return `library == ${quote(library)}`;
}

export function idIn(ids: readonly string[]): string {
  return `id in [${ids.map(quote).join(',')}]`;
}

function anyFolder(folders: NonNullable<PhotoFilter['within']>): string {
  if (folders.length === 0) return NOTHING;
  return `(${folders.map(({ library, folder }) => `(${inFolder(library, folder)})`).join(' or ')})`;
}

function inFolder(library: string, folder: string): string {
  if (folder === '') return inLibrary(library);
  // "0" follows "/": strings are compared by bytes, so the range holds exactly what begins with "folder/".
  return `${inLibrary(library)} and path >= ${quote(`${folder}/`)} and path < ${quote(`${folder}0`)}`;
}

/** A string literal. Templates would save the escaping, but Lite and 2.3 have none. */
export function quote(text: string): string {
  const escaped = text.replace(/["\\\n\r\t]/g, (character) => ESCAPES[character] ?? character);
  return `"${escaped}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** Beyond this a number would be written with an exponent, which is a float to Milvus. */
function integer(value: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
}
