import { type FileHandle, open, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { systemErrorCode, UserError } from '../../errors.ts';
import { FloatArray } from './array.ts';
import type { ImportedPhoto, VectorFile } from './vector-file.ts';

const modelSchema = z.object({ id: z.string().nullish(), sha256: z.string().nullish() });
const besideSchema = z.union([
  z.array(z.string()).transform((paths) => ({ paths, model: undefined })),
  z.object({ paths: z.array(z.string()), model: modelSchema.nullish() }),
]);
const lineSchema = z.object({ path: z.string(), sha256: z.string().nullish(), model: modelSchema.nullish() });

/** A NumPy array of float32 [photos, dim], and beside it FILE.json with the paths or FILE.jsonl with a line a photo. */
export async function openNpy(file: string): Promise<VectorFile> {
  const { photos, model } = await beside(file);
  const handle = await open(file, 'r');
  try {
    const place = await headerOf(handle);
    const { size } = await handle.stat();
    if (size < place.start + place.rows * place.dim * 4) throw new Error('it ends before its last row');
    if (place.rows !== photos.length) {
      throw new Error(`it has ${place.rows} rows, and the file beside it names ${photos.length} photos`);
    }
    return { model, photos, array: new FloatArray(handle, place), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Format 1.0 to 3.0 (NEP 1). */
async function headerOf(handle: FileHandle): Promise<{ start: number; rows: number; dim: number }> {
  const head = Buffer.alloc(12);
  await handle.read(head, 0, head.length, 0);
  if (head.toString('latin1', 0, 6) !== '\x93NUMPY') throw new Error('it is no NumPy array');
  const isFirst = head[6] === 1;
  const length = isFirst ? head.readUInt16LE(8) : head.readUInt32LE(8);
  const at = isFirst ? 10 : 12;
  const about = Buffer.alloc(Math.min(length, 65_536));
  await handle.read(about, 0, about.length, at);
  const text = about.toString('latin1');
  const type = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  if (type !== '<f4')
    throw new Error(`its numbers are ${type ?? 'of no type'}, not float32: write array.astype("<f4")`);
  if (/'fortran_order':\s*True/.test(text))
    throw new Error('it is in Fortran order: write numpy.ascontiguousarray(array)');
  const [, rows, dim] = /'shape':\s*\((\d+),\s*(\d+)\s*,?\s*\)/.exec(text) ?? [];
  if (rows === undefined || dim === undefined) throw new Error('it is not two-dimensional, a row a photo');
  return { start: at + length, rows: Number(rows), dim: Number(dim) };
}

async function beside(file: string): Promise<Pick<VectorFile, 'model' | 'photos'>> {
  const json = await readIfThere(file.replace(/\.npy$/i, '.json'));
  if (json !== null) {
    const { paths, model } = expected(besideSchema, json, '{"paths": [...]} beside it, as text');
    return { photos: paths.map((path) => ({ path, sha256: null })), model: modelOf(model) };
  }
  const lines = await readIfThere(file.replace(/\.npy$/i, '.jsonl'));
  if (lines !== null) {
    const rows = lines
      .split('\n')
      .flatMap((line) =>
        line.trim() === '' ? [] : expected(lineSchema, line, '{"path": ...} in each line beside it'),
      );
    const photos: ImportedPhoto[] = rows.map(({ path, sha256 }) => ({ path, sha256: sha256 ?? null }));
    return { photos, model: modelOf(rows[0]?.model) };
  }
  throw new UserError('import_missing', `Nothing beside ${file} says which row is which photo.`, {
    hint: 'Put FILE.json with {"paths": [...]} there, or FILE.jsonl with {"path": ...} a line, in the order of the rows.',
  });
}

function expected<T>(schema: z.ZodType<T>, text: string, what: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`there is no ${what}`, { cause: error });
  }
}

function modelOf(model: z.infer<typeof modelSchema> | null | undefined): VectorFile['model'] {
  return model ? { id: model.id ?? null, sha256: model.sha256 ?? null } : null;
}

async function readIfThere(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  });
}
