import { extname } from 'node:path';
import { messageOf, UserError, usageError } from '../../errors.ts';
import { openNpy } from './npy.ts';
import { openParquet } from './parquet.ts';
import type { VectorFile } from './vector-file.ts';

/**
 * @param file absolute; `.npy` with `.json` or `.jsonl` beside it, or `.parquet`, as `curate export` writes them
 * @param tmp where Parquet's vectors are laid out to be read in any order; gone with `close`
 * @throws UserError `usage`, `import_missing` and `import_format`
 */
export async function openVectorFile(file: string, tmp: string): Promise<VectorFile> {
  const ending = extname(file).toLowerCase();
  if (ending !== '.npy' && ending !== '.parquet') {
    throw usageError(
      `${file} is no file of vectors that can be read.`,
      'Give a .npy (with .json beside it) or a .parquet.',
    );
  }
  try {
    return await (ending === '.npy' ? openNpy(file) : openParquet(file, tmp));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('import_format', `${file} cannot be read: ${messageOf(error)}.`, {
      hint: 'Write it as curate export does: docs/scripting.md says how.',
      cause: error,
    });
  }
}
