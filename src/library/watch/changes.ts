import { lstat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { IGNORE_FILE, IgnoreRules } from '../../photos/ignore.ts';
import { inside, outermost } from '../paths.ts';

interface Rooted {
  /** Followed folders, absolute. */
  readonly roots: readonly string[];
  /** Roots of the libraries that they belong to: what `patterns` are relative to. */
  readonly libraries: readonly string[];
  /** gitignore patterns of the command line. */
  readonly patterns: readonly string[];
}

/** The changes (absolute paths) that a run could make something of: not those of what a walk leaves out as ignored. */
export async function unignored(changes: Iterable<string>, { roots, libraries, patterns }: Rooted): Promise<string[]> {
  const known = new Map<string, Promise<IgnoreRules>>();
  const rulesOf = (base: string, folder: string): Promise<IgnoreRules> => {
    const key = `${base}\0${folder}`;
    const above = (): Promise<IgnoreRules> =>
      folder === '' ? Promise.resolve(IgnoreRules.fromPatterns(patterns)) : rulesOf(base, parentOf(folder));
    const rules = known.get(key) ?? above().then((upper) => upper.enter(base, folder));
    known.set(key, rules);
    return rules;
  };
  const kept: string[] = [];
  for (const path of changes) {
    const root = roots.find((candidate) => inside(candidate, path) !== null);
    if (root === undefined) continue;
    const base = libraries.find((library) => inside(library, root) !== null) ?? root;
    const start = inside(base, root) ?? '';
    if (!(await isIgnored(path, inside(base, path) ?? '', start, (folder) => rulesOf(base, folder)))) kept.push(path);
  }
  return kept;
}

/** Whether the file, or a folder it is in below `start`, is ignored. */
async function isIgnored(
  path: string,
  relative: string,
  start: string,
  rulesOf: (folder: string) => Promise<IgnoreRules>,
): Promise<boolean> {
  if (relative === start) return false;
  const folders: string[] = [];
  for (let folder = parentOf(relative); folder !== start; folder = parentOf(folder)) folders.unshift(folder);
  for (const folder of folders) if ((await rulesOf(parentOf(folder))).ignores(folder, true)) return true;
  // Rules are read whatever they say of themselves.
  if (relative.endsWith(`/${IGNORE_FILE}`) || relative === IGNORE_FILE) return false;
  return (await rulesOf(parentOf(relative))).ignores(relative, await isFolder(path));
}

function parentOf(path: string): string {
  const parent = posix.dirname(path);
  return parent === '.' ? '' : parent;
}

/** More changed folders than this in one root are indexed as one: the folder around them all. */
const MAX_FOLDERS = 16;

/** The folders to index for these changed paths: each the nearest one that is there, none inside another. */
export async function changedFolders(changes: Iterable<string>, roots: readonly string[]): Promise<string[]> {
  const byRoot = new Map<string, Set<string>>();
  for (const path of changes) {
    const root = roots.find((candidate) => inside(candidate, path) !== null);
    if (root === undefined) continue;
    const folders = byRoot.get(root) ?? new Set();
    byRoot.set(root, folders.add(await nearestFolder(path, root)));
  }
  return outermost(
    [...byRoot].flatMap(([root, folders]) =>
      folders.size > MAX_FOLDERS ? [commonFolder(root, [...folders])] : [...folders],
    ),
  );
}

async function nearestFolder(path: string, root: string): Promise<string> {
  let folder = path;
  while (folder !== root && !(await isFolder(folder))) folder = dirname(folder);
  return folder;
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The deepest folder that contains all of `folders`, which lie in `root`. */
export function commonFolder(root: string, folders: readonly string[]): string {
  const paths = folders.map((folder) => (inside(root, folder) ?? '').split('/').filter((part) => part !== ''));
  const [first = [], ...others] = paths;
  const differs = first.findIndex((part, depth) => others.some((path) => path[depth] !== part));
  return join(root, ...(differs === -1 ? first : first.slice(0, differs)));
}
