import { access, constants, lstat, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, sep } from 'node:path';
import { systemErrorCode, UserError, usageError, whyUnwritten } from '../errors.ts';
import { makeFolders } from '../files/folders.ts';
import { typedPath } from '../files/typed-path.ts';
import type { PictureFormat } from './port.ts';

export const ENDINGS: Readonly<Record<string, PictureFormat>> = { png: 'png', jpg: 'jpeg', jpeg: 'jpeg', webp: 'webp' };

/** What `--out` means: a folder, or a file of a folder. Paths are absolute. */
export type Place =
  | { readonly kind: 'folder'; readonly folder: string }
  | {
      readonly kind: 'file';
      readonly folder: string;
      readonly stem: string;
      /** As it was written, without the dot. */
      readonly ending: string;
      readonly format: PictureFormat;
    };

/** @throws UserError usage when the ending is none of a picture */
export async function placeOf(cwd: string, out: string | null): Promise<Place> {
  const target = typedPath(cwd, out ?? '.');
  const isFolder = out === null || /[\\/]$/.test(out) || (await kind(target)) === 'folder' || extname(target) === '';
  if (isFolder) return { kind: 'folder', folder: target };
  const ending = extname(target).slice(1);
  const format = ENDINGS[ending.toLowerCase()];
  if (format === undefined) throw usageError(`The ending of ${out} is none of .png, .jpg, .webp.`);
  return { kind: 'file', folder: dirname(target), stem: basename(target, `.${ending}`), ending, format };
}

/** @returns the first folder that had to be made */
export async function makeFolder(folder: string): Promise<string | undefined> {
  try {
    const first = await makeFolders(folder);
    await access(folder, constants.W_OK);
    return first;
  } catch (error) {
    throw unwritten(folder, error);
  }
}

/**
 * Makes nothing yet: the folder may be there, or the nearest one above it that is would take it.
 * @returns that folder
 */
export async function demandWritable(folder: string): Promise<string> {
  for (let place = folder; ; place = dirname(place)) {
    try {
      if (!(await stat(place)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'EEXIST' });
      await access(place, constants.W_OK);
      return place;
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' || place === dirname(place)) throw unwritten(folder, error, place);
    }
  }
}

/** What a name may be lengthened by: its number, one of several, a partial picture, its lineage. */
const LONGEST_MARKS = '-1000-10.partial-10.json';

/** @param standing a folder that is there, on the disk that the file goes to @throws UserError usage */
export async function demandNameable(
  standing: string,
  { stem, ending }: { readonly stem: string; readonly ending: string },
): Promise<void> {
  const found = await lstat(join(standing, `${stem}${LONGEST_MARKS}.${ending}`)).catch(systemErrorCode);
  if (found !== 'ENAMETOOLONG') return;
  throw usageError(`The name of ${stem}.${ending} is too long.`, 'Name a shorter file with --out.');
}

function unwritten(folder: string, error: unknown, place = folder): UserError {
  const why = whyUnwritten(systemErrorCode(error) === 'EEXIST' ? place : join(place, 'picture'), error);
  return new UserError('cannot_write', `Cannot write to ${folder}${sep}: ${why}.`, {
    hint: 'Choose another folder: --out FOLDER',
    cause: error,
  });
}

export async function kind(path: string): Promise<'file' | 'folder' | null> {
  return stat(path).then(
    (found) => (found.isDirectory() ? 'folder' : 'file'),
    () => null,
  );
}
