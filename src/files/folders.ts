import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { exists } from './exists.ts';

/**
 * Makes a folder and those around it that are missing, one by one: Node's own way never ends where the system says of a
 * folder that is there that it is not (/proc), and hides what stands in the way on a read-only volume.
 * @returns the outermost one that was missing
 * @throws what stands in the way
 */
export async function makeFolders(
  folder: string,
  make: (one: string) => Promise<unknown> = mkdir,
): Promise<string | undefined> {
  const missing = [folder];
  for (let one = dirname(folder); !(await exists(one)) && dirname(one) !== one; one = dirname(one))
    missing.unshift(one);
  let outermost: string | undefined;
  for (const one of missing) {
    try {
      await make(one);
      outermost ??= one;
    } catch (error) {
      const isThere = await stat(one).then(
        (found) => found.isDirectory(),
        () => false,
      );
      if (!isThere) throw error;
    }
  }
  return outermost;
}

/** The same, of folders that only their owner may enter. */
export async function makeOwnFolders(folder: string): Promise<void> {
  await makeFolders(folder, (one) => mkdir(one, { mode: 0o700 }));
}
