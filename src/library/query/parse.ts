import { fileURLToPath } from 'node:url';
import { UserError, usageError } from '../../errors.ts';
import { kindByName } from '../../photos/kinds.ts';

/** One thing that a person asked for, before anything of it was looked at. */
export interface Term {
  readonly what:
    | { readonly kind: 'photo' | 'folder'; readonly path: string }
    | { readonly kind: 'glob'; readonly pattern: string }
    | { readonly kind: 'word'; readonly text: string }
    /** A photo on standard input. */
    | { readonly kind: 'stdin' }
    /** A photo of the last search's answer, by its rank from 1. */
    | { readonly kind: 'hit'; readonly rank: number };
  /** Positive; 1 unless given. */
  readonly weight: number;
}

/** What stands on the disk under a path as it was typed: a file of any kind, a folder, or nothing. */
export type Look = (path: string) => 'file' | 'folder' | null;

const WEIGHTED = /^(.+):(-?(?:\d+(?:\.\d+)?|\.\d+))$/su;
const HIT = /^@(\d+)$/;
const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//i;
const MAGIC = /[*?[\]{}]/;
const FORCED = 'word:';

/**
 * Reads one argument of a search: `a.jpg`, `folder/`, `'*.jpg'`, `beach`, `word:beach`, `-`, `@3`, each with a weight when
 * `:0.7` follows. What is there under the very text, weight and all, is that.
 * @throws UserError `usage`, `query_unreadable` for a missing file, `web_address`: none of it could be a word
 */
export function parseTerm(text: string, look: Look): Term {
  const whole = onDisk(text, look);
  if (whole !== null) return { what: whole, weight: 1 };
  const [, head, digits] = WEIGHTED.exec(text) ?? [];
  if (head === undefined || digits === undefined) return { what: parseWhat(text, look), weight: 1 };
  const weight = Number(digits);
  if (weight === 0)
    throw usageError(`"${text}" has a weight of 0.`, 'Leave it out, or search away from it with --not.');
  if (weight < 0) throw usageError(`"${text}" has a negative weight.`, `Search away from it with --not ${head}`);
  return { what: parseWhat(head, look), weight };
}

function parseWhat(text: string, look: Look): Term['what'] {
  if (text === '-') return { kind: 'stdin' };
  const hit = HIT.exec(text)?.[1];
  if (hit !== undefined) {
    if (Number(hit) === 0) throw usageError('There is no hit @0.', 'The best hit of the last search is @1.');
    return { kind: 'hit', rank: Number(hit) };
  }
  if (text.startsWith(FORCED)) return word(text.slice(FORCED.length));
  demandNoAddress(text);
  const found = onDisk(text, look);
  if (found !== null) return found;
  if (MAGIC.test(text)) return { kind: 'glob', pattern: text };
  if (looksLikePath(text)) throw photoMissing(text);
  if (text.startsWith('@'))
    throw usageError(`"${text}" is no hit of the last search.`, 'Write @1 for the best one, @2 for the next.');
  return word(text);
}

function onDisk(text: string, look: Look): Term['what'] | null {
  // Those have a meaning of their own; ./- and ./@3 name files.
  if (text === '-' || HIT.test(text)) return null;
  const found = text === '' ? null : look(text);
  if (found === null) return null;
  return { kind: found === 'folder' ? 'folder' : 'photo', path: text };
}

function word(text: string): Term['what'] {
  if (text.trim() !== '') return { kind: 'word', text: text.trim() };
  throw usageError('A word to search for is empty.', 'Name a photo or a word, such as beach.');
}

/** Whether someone who typed this meant a file: it has a separator, or an ending that files have. */
export function looksLikePath(text: string): boolean {
  return /[/\\]/.test(text) || kindByName(text) !== 'unknown';
}

export function photoMissing(path: string): UserError {
  return new UserError('query_unreadable', `The query photo ${path} cannot be used: it does not exist.`, {
    hint: 'Check the spelling, or connect the drive it is on.',
  });
}

/** @throws UserError `web_address` */
export function demandNoAddress(text: string): void {
  if (!ADDRESS.test(text)) return;
  throw new UserError('web_address', `${text} is an address; curate reads files of this machine alone.`, {
    hint: /^file:/i.test(text)
      ? `Name the file by its path: ${pathOf(text)}`
      : 'Save the photo first, and name the file.',
    kind: 'usage',
  });
}

/** Of a file: address, as file managers give them. */
function pathOf(address: string): string {
  try {
    return fileURLToPath(address);
  } catch {
    return '/path/to/photo.jpg';
  }
}

/** The entries of a list: separated by NUL when it has any, else by line breaks. Empty ones are left out. */
export function parseList(text: string): string[] {
  const entries = text.includes('\0') ? text.split('\0') : text.split(/\r?\n/);
  return entries.filter((entry) => entry !== '');
}
