import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Paths } from '../settings.ts';
import { folderBytes } from './status.ts';

/** Something of curate's own on this machine. */
export interface Belonging {
  /** What it is, for people. */
  readonly what: string;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
}

/** Everything that curate puts into its own folders; what else lies there (CURATE_HOME may be any folder) is not ours. */
const OWN: readonly (readonly [keyof Paths, string, string])[] = [
  ['data', 'lite', 'index'],
  ['data', 'lite-next', 'index that was being moved'],
  ['data', 'lite-old', 'index that was moved'],
  ['data', 'lite-move.lock', 'lock'],
  ['data', 'python', 'Python environment of the embedded store'],
  ['data', 'models', 'downloaded models'],
  ['data', 'undo', 'undo journals'],
  ['data', 'decisions', 'decisions on photos that are alike'],
  ['data', 'active-model.json', 'model of the index'],
  ['data', 'manifests', 'what is known of the index on this machine'],
  ['data', 'machine.json', 'where libraries are on this machine'],
  ['data', 'last-search.json', 'last search'],
  ['data', 'pairs', 'likeness of pairs of photos'],
  ['data', 'picture-tokens.json', 'tokens of pictures made'],
  ['data', 'index.lock', 'lock'],
  ['cache', 'models', 'optimised models'],
  ['cache', 'checksums.json', 'checksums'],
  ['cache', 'code', 'compiled code'],
  ['cache', 'words', 'what photos show'],
  ['cache', 'verdicts', 'which pictures are the same'],
  ['config', 'config.json', 'settings'],
];

/** What lies where, of what there is. */
export async function belongings(paths: Paths): Promise<Belonging[]> {
  const found = await Promise.all(
    OWN.map(async ([folder, name, what]) => {
      const path = join(paths[folder], name);
      const state = await lstat(path).catch(() => null);
      if (state === null) return [];
      return [{ what, path, bytes: state.isDirectory() ? await folderBytes(path, []) : state.size }];
    }),
  );
  return found.flat();
}

/** Removes them, and the folders that are empty then. @returns what lies in the folders still, and is not curate's */
export async function removeBelongings(paths: Paths, owned: readonly Belonging[]): Promise<string[]> {
  for (const { path } of owned) await rm(path, { recursive: true, force: true });
  const left: string[] = [];
  // The config folder last: it may hold the others.
  for (const folder of new Set([paths.data, paths.cache, paths.config])) {
    const names = await readdir(folder).catch(() => null);
    if (names === null) continue;
    if (names.length === 0) await rmdir(folder);
    else left.push(...names.map((name) => join(folder, name)));
  }
  return left;
}
