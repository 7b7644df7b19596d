import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { UserError } from '../../errors.ts';
import { hashFile } from '../../files/hash.ts';
import { walk } from '../../photos/walk.ts';
import type { Library } from '../../store/port.ts';
import { inside } from '../paths.ts';
import type { VectorFile } from './vector-file.ts';

/** Photos by which the folder that they were in is recognised. */
const TRIED = 100;

/**
 * Rows by the absolute path at which their photo is on this machine, of those that are there by their path. Where the
 * vectors were made the folder may have been another: then what is the same is the end of the paths.
 */
export function locate(
  { photos }: VectorFile,
  usable: ReadonlySet<number>,
  roots: readonly string[],
): Map<string, number> {
  const tried = someOf(photos, TRIED);
  const depth = Math.max(0, ...tried.map(({ path }) => partsOf(path).length));
  const ways: ((path: string) => readonly string[])[] = [
    (path) => (isAbsolute(path) && isBelowAny(path, roots) ? [path] : []),
    ...Array.from({ length: depth }, (_, cut) => (path: string) => {
      const end = partsOf(path).slice(cut);
      return end.length === 0 ? [] : roots.map((root) => join(root, ...end));
    }),
  ];
  const there = (way: (path: string) => readonly string[], path: string) =>
    way(path).find((place) => existsSync(place));
  const counts = ways.map((way) => tried.filter(({ path }) => there(way, path) !== undefined).length);
  const best = ways[counts.indexOf(Math.max(...counts))];
  const found = new Map<string, number>();
  for (const [row, { path }] of photos.entries()) {
    const file = best === undefined || !usable.has(row) ? undefined : there(best, path);
    if (file !== undefined) found.set(file, row);
  }
  return found;
}

/** Files that are read to find some by their content. */
const HASHED = 200;

/** Some photos, at most `most`, that are there under other names, where the file has sums to know them by. */
export async function locateByContent(
  vectors: VectorFile,
  usable: ReadonlySet<number>,
  roots: readonly string[],
  most: number,
): Promise<Map<string, number>> {
  const sums = sumsOf(vectors, usable);
  const found = new Map<string, number>();
  for (const root of sums.size === 0 ? [] : roots) {
    const { files } = await walk(root, { folder: '', ignore: [] });
    for (const { path } of someOf(files, HASHED)) {
      const file = join(root, path);
      const row = sums.get((await hashFile(file)) ?? '');
      if (row !== undefined) found.set(file, row);
      if (found.size === most) return found;
    }
  }
  return found;
}

export function sumsOf({ photos }: VectorFile, usable: ReadonlySet<number>): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [row, { sha256 }] of photos.entries()) if (sha256 !== null && usable.has(row)) sums.set(sha256, row);
  return sums;
}

const partsOf = (path: string): string[] => path.split(/[\\/]/).filter(Boolean);

function isBelowAny(file: string, roots: readonly string[]): boolean {
  return roots.length === 0 || roots.some((root) => inside(root, file) !== null);
}

/** The deepest folder that all files lie in; null for none. */
function commonFolder(files: readonly string[]): string | null {
  let common: string[] | null = null;
  for (const file of files) {
    const parts = dirname(file).split(sep);
    const shared: string[] = common ?? parts;
    const until = shared.findIndex((part, i) => part !== parts[i]);
    common = until === -1 ? shared : shared.slice(0, until);
  }
  return common === null ? null : common.join(sep) || sep;
}

/** Where the photos are that nobody named a folder for. @throws UserError `import_folder` when that is half the machine */
export function rootsOf(files: readonly string[], libraries: readonly Library[]): string[] {
  const known = libraries.filter(({ root }) => files.some((file) => inside(root, file) !== null));
  const others = files.filter((file) => known.every(({ root }) => inside(root, file) === null));
  const roots = known.map(({ root }) => root);
  if (others.length === 0) return roots;
  const folder = commonFolder(others) ?? sep;
  if (folder.split(sep).filter(Boolean).length >= 2) return [...roots, folder];
  throw new UserError('import_folder', `The photos lie far apart: all that they share is ${folder}.`, {
    hint: 'Name the folders to be indexed behind the file: curate import FILE FOLDER...',
    kind: 'usage',
  });
}

/** At equal distances, `wanted` of the items or a little more, fewer than twice as many; all where there are fewer. */
export function someOf<T>(items: readonly T[], wanted: number): T[] {
  const every = Math.max(1, Math.floor(items.length / wanted));
  return items.filter((_, i) => i % every === 0);
}
