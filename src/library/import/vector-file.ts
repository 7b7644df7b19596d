import { extname } from 'node:path';
import { messageOf, UserError, usageError } from '../../errors.ts';
import type { FloatArray } from './array.ts';
import { openNpy } from './npy.ts';
import { openParquet } from './parquet.ts';

/** What a file says of one of its rows. */
export interface ImportedPhoto {
  /** As it stands in the file: absolute, on whatever machine, or relative. */
  readonly path: string;
  /** Of the photo's bytes; null where the file does not say. */
  readonly sha256: string | null;
}

/** Vectors that were made elsewhere, one a photo. */
export interface VectorFile {
  /** By which model, as far as the file says; null where it does not. */
  readonly model: { readonly id: string | null; readonly sha256: string | null } | null;
  /** In the order of the array's rows. */
  readonly photos: readonly ImportedPhoto[];
  readonly array: FloatArray;
  close(): Promise<void>;
}

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
