import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FloatArray } from './array.ts';
import type { ImportedPhoto, VectorFile } from './vector-file.ts';

/** Rows decoded at a time. */
const GROUP = 1000;

const rowSchema = z.object({
  path: z.string(),
  sha256: z.string().nullish(),
  vector: z.union([z.array(z.number()), z.instanceof(Float32Array), z.instanceof(Float64Array)]),
});

/**
 * A Parquet file with the columns `path`, `vector` (a list of floats) and, if there is one, `sha256`; its model stands in
 * the metadata as `curate.model`. The vectors are laid out in a file of their own, to be read in any order.
 */
export async function openParquet(file: string, tmp: string): Promise<VectorFile> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer);
  const names = metadata.schema.map(({ name }) => name);
  for (const name of ['path', 'vector']) if (!names.includes(name)) throw new Error(`it has no column "${name}"`);
  const columns = ['path', 'vector', ...(names.includes('sha256') ? ['sha256'] : [])];
  const rows = Number(metadata.num_rows);
  const folder = await mkdtemp(join(tmp, 'curate-import-'));
  let handle: FileHandle | null = null;
  const close = async (): Promise<void> => {
    await handle?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    handle = await open(join(folder, 'vectors'), 'wx+', 0o600);
    const photos: ImportedPhoto[] = [];
    let dim: number | null = null;
    for (let rowStart = 0; rowStart < rows; rowStart += GROUP) {
      const rowEnd = Math.min(rowStart + GROUP, rows);
      for (const read of await parquetReadObjects({ file: buffer, metadata, columns, rowStart, rowEnd })) {
        const { path, sha256, vector } = rowSchema.parse(read);
        dim ??= vector.length;
        if (vector.length !== dim)
          throw new Error(`row ${photos.length} has ${vector.length} values, and others ${dim}`);
        photos.push({ path, sha256: sha256 ?? null });
        await handle.appendFile(bytesOf(vector));
      }
    }
    const said = metadata.key_value_metadata?.find(({ key }) => key === 'curate.model')?.value;
    const model = said === undefined ? null : z.object({ id: z.string(), sha256: z.string() }).parse(JSON.parse(said));
    return { model, photos, array: new FloatArray(handle, { start: 0, rows, dim: dim ?? 0 }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function bytesOf(vector: readonly number[] | Float32Array | Float64Array): Buffer {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, i * 4);
  return bytes;
}
