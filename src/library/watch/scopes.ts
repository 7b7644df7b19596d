import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outermost } from '../index/reconcile.ts';
import { inside } from '../scope.ts';

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
