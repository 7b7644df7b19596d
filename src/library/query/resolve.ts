import { statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { UserError } from '../../errors.ts';
import { composed, decomposed } from '../../files/names.ts';
import { typedPath } from '../../files/typed-path.ts';
import { kindByName, rawCompanions } from '../../photos/kinds.ts';
import { walk } from '../../photos/walk.ts';
import { onePerPhoto } from '../index/companions.ts';
import { hitOfLastSearch } from './last-search.ts';
import { type Look, parseTerm } from './parse.ts';

/** One photo or word to be like, or with a negative weight to be unlike. */
export type QueryTerm = PhotoTerm | WordTerm;

export interface PhotoTerm {
  readonly kind: 'photo';
  /** Absolute. */
  readonly file: string;
  /** "-" for a photo on standard input, which is in a file for now; else the file. */
  readonly name: string;
  readonly weight: number;
  /** One of many that a folder or pattern stands for: the others do without it when it cannot be read. */
  readonly oneOfMany: boolean;
}

export interface WordTerm {
  readonly kind: 'word';
  /** As it was asked for. */
  readonly text: string;
  readonly weight: number;
}

export interface ResolveDeps {
  readonly cwd: string;
  /** Where the last search is kept. */
  readonly dataFolder: string;
  /** The photo on standard input, as an absolute file. */
  standardInput(): Promise<string>;
}

/**
 * The photos and words that one argument of a search stands for, in the order of their paths.
 * @param away whether to search away from them: their weights are negative
 * @throws UserError as `parseTerm`, and `no_photos` for a folder or pattern without any
 */
export async function resolveTerm(text: string, away: boolean, deps: ResolveDeps): Promise<QueryTerm[]> {
  const { what, weight: size } = parseTerm(text, lookBelow(deps.cwd));
  const weight = away ? -size : size;
  const photo = (file: string, oneOfMany = false): PhotoTerm => ({
    kind: 'photo',
    file,
    name: file,
    weight,
    oneOfMany,
  });
  switch (what.kind) {
    case 'word':
      return [{ kind: 'word', text: what.text, weight }];
    case 'photo':
      return [photo(typedPath(deps.cwd, what.path))];
    case 'hit':
      return [photo(await hitOfLastSearch(deps.dataFolder, what.rank))];
    case 'stdin':
      return [{ ...photo(await deps.standardInput()), name: '-' }];
    case 'folder':
      return (await photosOf(typedPath(deps.cwd, what.path), what.path)).map((file) => photo(file, true));
    case 'glob':
      return (await photosLike(what.pattern, deps.cwd)).map((file) => photo(file, true));
  }
}

/** What stands on the disk, of paths relative to a folder. */
export function lookBelow(cwd: string): Look {
  return (path) => {
    try {
      return statSync(typedPath(cwd, path)).isDirectory() ? 'folder' : 'file';
    } catch {
      return null;
    }
  };
}

async function photosOf(folder: string, typed: string): Promise<string[]> {
  // A RAW with a JPEG is one photo, and not to count twice.
  const { files } = onePerPhoto((await walk(folder)).files);
  if (files.length > 0) return files.map(({ path }) => join(folder, ...path.split('/')));
  throw new UserError('no_photos', `There is no photo in the folder ${folder}.`, {
    hint: /^[\p{L}' -]+$/u.test(typed)
      ? `To search by the word, write word:${typed}`
      : 'Name another folder, or a photo.',
  });
}

/** By fast-glob, which passes over names that hold a newline. */
async function photosLike(pattern: string, cwd: string): Promise<string[]> {
  const { default: fastGlob } = await import('fast-glob');
  const portable = sep === '\\' ? pattern.replaceAll('\\', '/') : pattern;
  const matching = async (wanted: string): Promise<string[]> => {
    // Its `absolute` makes slashes of the backslashes that names may hold elsewhere than on Windows.
    const found = await fastGlob(wanted, { cwd, onlyFiles: true, suppressErrors: true });
    return found.filter((file) => kindByName(file) === 'photo').map((file) => resolve(cwd, file));
  };
  let photos: string[] = [];
  // As it was typed, or as names on the disk may be written that look so.
  for (const wanted of new Set([portable, composed(portable), decomposed(portable)])) {
    if (photos.length === 0) photos = await matching(wanted);
  }
  const raws = rawCompanions(photos);
  if (photos.length > 0) {
    return photos.filter((file) => !raws.has(file)).sort();
  }
  throw new UserError('no_photos', `No photo matches ${pattern}.`, {
    hint: 'Check the pattern; in quotes it reaches curate as it is.',
  });
}
