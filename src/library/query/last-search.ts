import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { usageError } from '../../errors.ts';
import { writeWhole } from '../../files/atomic-write.ts';

const schema = z.strictObject({ paths: z.array(z.string()) });

const fileIn = (dataFolder: string): string => join(dataFolder, 'last-search.json');

/** Keeps what `@1`, `@2`, ... mean from now on. @param paths absolute, best first */
export async function rememberSearch(dataFolder: string, paths: readonly string[]): Promise<void> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await writeWhole(fileIn(dataFolder), `${JSON.stringify({ paths })}\n`, 0o600);
}

/** The photo that had this rank in the last search. @throws UserError `usage` when there is none */
export async function hitOfLastSearch(dataFolder: string, rank: number): Promise<string> {
  const paths = await readFile(fileIn(dataFolder), 'utf8')
    .then((text) => schema.parse(JSON.parse(text)).paths)
    // Also when it is damaged: the next search writes a new one.
    .catch(() => null);
  const path = paths?.[rank - 1];
  if (path !== undefined) return path;
  const found = paths === null ? 'there was none yet' : `it found ${paths.length || 'nothing'}`;
  throw usageError(`There is no hit @${rank} of the last search: ${found}.`, 'Search first, or name a photo.');
}
