import { basename, dirname, sep } from 'node:path';
import { printable } from '../text.ts';

/** How much room a text takes, in terminal cells or pixels. */
export type Measure = (text: string) => number;

export const ELLIPSIS = '…';
const ASCII = /^[ -~]*$/;
/** Made when such a text is too wide: the first of a process takes 9 ms. */
let graphemes: Intl.Segmenter | undefined;

function charactersOf(text: string): string[] {
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/** Takes out the middle of a text that is too wide, between whole characters as readers see them. */
export function shortenMiddle(text: string, room: number, measure: Measure): string {
  if (measure(text) <= room) return text;
  if (measure(ELLIPSIS) > room) return '';
  const characters = ASCII.test(text) ? [...text] : charactersOf(text);
  let head = '';
  let tail = '';
  // From both ends in turn; the end goes first, for it tells numbered names and endings apart.
  for (let first = 0, last = characters.length - 1; first <= last; ) {
    const longerTail = (characters[last] ?? '') + tail;
    if (measure(head + ELLIPSIS + longerTail) > room) break;
    tail = longerTail;
    last -= 1;
    const longerHead = head + (characters[first] ?? '');
    if (first > last || measure(longerHead + ELLIPSIS + tail) > room) break;
    head = longerHead;
    first += 1;
  }
  return head + ELLIPSIS + tail;
}

/** A path made printable and fit to the room: folders give way first, so that the file's name stays. */
export function shortenPath(file: string, room: number, measure: Measure): string {
  const { folder, name } = printableParts(file);
  // Of a name alone the folder would be "./", which nobody wrote.
  const whole = file.includes(sep) ? folder + name : name;
  if (measure(whole) <= room) return whole;
  const forFolder = room - measure(name);
  if (forFolder < measure(`${ELLIPSIS}${sep}`)) return shortenMiddle(name, room, measure);
  return shortenMiddle(folder, forFolder, measure) + name;
}

/** The folder with its trailing separator, and the name, both safe to show. */
export function printableParts(file: string): { readonly folder: string; readonly name: string } {
  const folder = dirname(file);
  return { folder: printable(folder.endsWith(sep) ? folder : folder + sep), name: printable(basename(file)) };
}
