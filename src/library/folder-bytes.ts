import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';

/**
 * Of all files below; 0 when there is no such folder. What vanishes meanwhile does not count.
 * @param unlisted gathers the folders that could not be listed
 */
export async function folderBytes(folder: string, unlisted: string[]): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') unlisted.push(folder);
    return [];
  });
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return folderBytes(path, unlisted);
      return lstat(path).then(
        ({ size }) => size,
        () => 0,
      );
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
