import type { PhotoFilter, Shape } from '../port.ts';

/** No row has an empty id. */
const NOTHING = 'id == ""';

/**
 * A filter in the boolean language that Lite and servers from 2.3 share; '' lets every row through. What that language
 * cannot say (camera, name, endings, exclude) lets every row through here: see `unsaid` in photo-matcher.ts.
 * Prefixes become ranges: LIKE takes % and _ in folder names for wildcards and has no escape for them.
 */
export function expressionOf(filter: PhotoFilter): string {
  const parts: string[] = [];
  if (filter.within !== undefined) parts.push(anyFolder(filter.within));
  parts.push(...taken(filter));
  if (filter.shapes !== undefined) parts.push(anyShape(filter.shapes));
  if (filter.minSide !== undefined) {
    const side = integer(Math.ceil(filter.minSide));
    parts.push(`width >= ${side}`, `height >= ${side}`);
  }
  return parts.join(' and ');
}

function taken({ takenAfterMs: after, takenBeforeMs: before, undated }: PhotoFilter): string[] {
  if (after === undefined && before === undefined) return [];
  // 0 means unknown: such photos are neither before nor after anything.
  const dated = ['taken_ms != 0', ...between('taken_ms', after, before)];
  if (undated === undefined) return dated;
  const byFile = ['taken_ms == 0', ...between('mtime_ms', undated.afterMs, undated.beforeMs)];
  return [`((${dated.join(' and ')}) or (${byFile.join(' and ')}))`];
}

function between(field: string, from: number | undefined, until: number | undefined): string[] {
  return [
    ...(from === undefined ? [] : [`${field} >= ${integer(Math.ceil(from))}`]),
    ...(until === undefined ? [] : [`${field} < ${integer(Math.ceil(until))}`]),
  ];
}

const SHAPES: Readonly<Record<Shape, string>> = {
  landscape: 'width > height',
  portrait: 'width < height',
  square: 'width == height',
};

function anyShape(shapes: readonly Shape[]): string {
  return shapes.length === 0 ? NOTHING : `(${shapes.map((shape) => SHAPES[shape]).join(' or ')})`;
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
