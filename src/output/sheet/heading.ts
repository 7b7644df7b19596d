import { basename, dirname, sep } from 'node:path';
import stringWidth from 'string-width';
import { scoreText } from '../result-row.ts';
import { printableParts, shortenMiddle } from '../terminal/shorten.ts';
import { count, printable } from '../text.ts';
import type { SheetContents } from './contents.ts';

/** What a sheet says about itself; every text is printable. */
export interface Heading {
  /** "Query" or "Queries". */
  readonly label: string;
  /** "like" photos, "of" what words say. */
  readonly relation: 'like' | 'of';
  /** The words, and the query photos' names. */
  readonly name: string;
  /** The folder of the query photo, or how many queries there are; "" for a word. */
  readonly folder: string;
  /** "6 most similar photos, scores 0.982 to 0.713", "12 best photos, 3 of which seem to show it, scores ...". */
  readonly found: string;
  /** "in /home/ann/Pictures/": the folder that all results share; "" when they share none. */
  readonly where: string;
  readonly made: string;
}

export function heading({ queries, words = [], results, nothing }: SheetContents, now: Date): Heading {
  const [first] = queries;
  const shared = sharedFolder(results.map(({ path }) => path));
  const several = queries.length + words.length > 1;
  return {
    label: several ? 'Queries' : 'Query',
    relation: queries.length > 0 ? 'like' : 'of',
    name: [...words.map(printable), ...(queries.length === 0 ? [] : [names(queries)])].join(', '),
    folder: several ? `${together(queries.length, words.length)} taken together` : folderOf(first),
    found: results.length === 0 ? (nothing ?? 'No photo is that alike') : foundText(results, words),
    where: shared === '' ? '' : `in ${printable(shared)}`,
    made: `Made by curate on ${dateText(now.toISOString())}`,
  };
}

function folderOf(query: string | undefined): string {
  return query === undefined ? '' : printableParts(query).folder;
}

/** The deepest folder that holds all files, with its trailing separator; "" when that is only the root. */
export function sharedFolder(files: readonly string[]): string {
  const folders = files.map((file) => dirname(file).split(sep));
  const [first = []] = folders;
  const differs = first.findIndex((part, depth) => folders.some((parts) => parts[depth] !== part));
  const shared = differs < 0 ? first : first.slice(0, differs);
  return shared.filter(Boolean).length === 0 ? '' : shared.join(sep) + sep;
}

/** The file's folder below the shared one, printable. */
export function folderBelow(file: string, shared: string): string {
  return printable((dirname(file) + sep).slice(shared.length));
}

/** "a.jpg", "a.jpg, b.jpg", "a.jpg, b.jpg and 7 more"; very long names lose their middle. */
function names(files: readonly string[]): string {
  const named = files.length > 3 ? files.slice(0, 2) : files;
  const listed = named.map((file) => shortenMiddle(printable(basename(file)), 60, stringWidth)).join(', ');
  return named.length < files.length ? `${listed} and ${files.length - named.length} more` : listed;
}

function together(photos: number, words: number): string {
  const parts = [...(words === 0 ? [] : [count(words, 'word')]), ...(photos === 0 ? [] : [count(photos, 'photo')])];
  return parts.join(' and ');
}

function foundText(results: SheetContents['results'], words: readonly string[]): string {
  const how = words.length > 0 ? 'best' : 'most similar';
  const scores = results.map(({ score }) => score);
  // The order need not be that of the scores.
  const [best, worst] = [scores.reduce((a, b) => Math.max(a, b)), scores.reduce((a, b) => Math.min(a, b))];
  if (scores.length === 1) return `The ${how} photo, score ${scoreText(best)}`;
  const seen = seenText(results, words.length === 1 ? 'it' : 'them');
  return `${count(scores.length, `${how} photo`)}${seen}, scores ${scoreText(best)} to ${scoreText(worst)}`;
}

/** ", 3 of which seem to show it"; "" where all do, and where that is not known. */
function seenText(results: SheetContents['results'], it: 'it' | 'them'): string {
  const seen = results.filter(({ shown }) => shown !== 'unlikely').length;
  if (seen === results.length) return '';
  if (seen === 0) return `, none of which clearly shows ${it}`;
  return seen === 1 ? `, one of which seems to show ${it}` : `, ${seen} of which seem to show ${it}`;
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ');

/** "15 June 2024" of an ISO date. */
export function dateText(iso: string): string {
  const [year, month, day] = iso.slice(0, 10).split('-');
  return `${Number(day)} ${MONTHS[Number(month) - 1] ?? month} ${year}`;
}
