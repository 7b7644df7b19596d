import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { usageError } from '../../errors.ts';
import { writeWhole } from '../../files/atomic-write.ts';
import { makeOwnFolders } from '../../files/folders.ts';

const schema = z.strictObject({ paths: z.array(z.string()) });

const fileIn = (dataFolder: string): string => join(dataFolder, 'last-search.json');

/** Keeps what `@1`, `@2`, ... mean from now on. @param paths absolute, best first */
export async function rememberSearch(dataFolder: string, paths: readonly string[]): Promise<void> {
  await makeOwnFolders(dataFolder);
  await writeWhole(fileIn(dataFolder), `${JSON.stringify({ paths })}\n`, 0o600);
}

/**
 * What `@1`, `@2`, ... mean follows photos that are moved, or put back. Never fails: what was moved is worth more than that
 * it can be referred to.
 * @param moves of absolute paths
 */
export async function followMoves(
  dataFolder: string,
  moves: readonly { readonly from: string; readonly to: string }[],
): Promise<void> {
  const paths = moves.length === 0 ? null : await lastPaths(dataFolder);
  if (paths === null) return;
  const places = new Map(moves.map(({ from, to }) => [from, to]));
  if (!paths.some((path) => places.has(path))) return;
  const now = paths.map((path) => places.get(path) ?? path);
  await rememberSearch(dataFolder, now).catch(() => undefined);
}

/** Null where nothing was searched for, and where what was kept is damaged: the next search keeps it anew. */
async function lastPaths(dataFolder: string): Promise<readonly string[] | null> {
  return readFile(fileIn(dataFolder), 'utf8')
    .then((text) => schema.parse(JSON.parse(text)).paths)
    .catch(() => null);
}

/** The photo that had this rank in the last search. @throws UserError `usage` when there is none */
export async function hitOfLastSearch(dataFolder: string, rank: number): Promise<string> {
  const paths = await lastPaths(dataFolder);
  const path = paths?.[rank - 1];
  if (path !== undefined) return path;
  const found = paths === null ? 'there was none yet' : `it found ${paths.length || 'nothing'}`;
  throw usageError(`There is no hit @${rank} of the last search: ${found}.`, 'Search first, or name a photo.');
}
