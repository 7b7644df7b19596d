import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IndexedPhoto } from '../../src/library/exported.ts';
import { EXPORTS } from '../../src/output/exports/export.ts';
import { freshModel, photo } from '../store/samples.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-export-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const model = freshModel();
/** More than a row group of Parquet. */
const photos: readonly IndexedPhoto[] = Array.from({ length: 1203 }, (_, i) => ({
  ...photo(`a "${i}",\n.jpg`, { angle: i / 1000, ...(i % 2 === 0 ? { camera: null, takenMs: null } : {}) }),
  file: `/photos/a "${i}",\n.jpg`,
  libraryName: 'Photos',
}));

async function* all(): AsyncGenerator<IndexedPhoto> {
  yield* photos;
}

async function write(ending: string): Promise<string> {
  const file = join(folder, `out${ending}`);
  expect(await EXPORTS.get(ending)?.(file, all(), model)).toBe(photos.length);
  return file;
}

describe('an export', () => {
  it('is a NumPy array whose rows are the vectors, in the order of the paths beside it', async () => {
    const bytes = await readFile(await write('.npy'));
    const about = JSON.parse(await readFile(join(folder, 'out.json'), 'utf8'));
    expect(about.paths).toEqual(photos.map(({ file }) => file));
    expect(about.model).toEqual(model);
    const start = 10 + bytes.readUInt16LE(8);
    expect(bytes.toString('latin1', 10, start)).toContain(`'shape': (${photos.length}, 8)`);
    expect(start % 64).toBe(0);
    const values = new Float32Array(new Uint8Array(bytes.subarray(start)).buffer);
    expect(values).toEqual(Float32Array.from(photos.flatMap(({ vector }) => [...vector])));
  });

  it('is Parquet that another reader reads as what it was', async () => {
    const file = await asyncBufferFromFile(await write('.parquet'));
    const rows = await parquetReadObjects({ file });
    expect(rows).toHaveLength(photos.length);
    expect(rows[1202]?.vector).toEqual([...(photos[1202]?.vector ?? [])]);
    expect(rows[0]).toMatchObject({ path: photos[0]?.file, camera: null, takenAt: null, width: 4032 });
    expect(rows[1]).toMatchObject({ camera: 'Canon EOS 5D', sizeBytes: 3_600_000n, sharpness: 12.5 });
    expect(rows[1]?.modifiedAt).toEqual(new Date(1_700_000_000_123));
    const { key_value_metadata: metadata } = await parquetMetadataAsync(file);
    expect(metadata).toEqual([{ key: 'curate.model', value: JSON.stringify(model) }]);
  });

  it('is a JSON object a line', async () => {
    const lines = (await readFile(await write('.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(photos.length);
    const row = JSON.parse(lines[7] ?? '');
    expect(Float32Array.from(row.vector)).toEqual(photos[7]?.vector);
    expect(row).toMatchObject({ path: photos[7]?.file, library: 'Photos' });
  });

  it('is CSV with quoted names and an empty cell for what is unknown', async () => {
    const text = await readFile(await write('.csv'), 'utf8');
    expect(text.startsWith('path,library,width,height,takenAt,')).toBe(true);
    expect(text).toContain('"/photos/a ""0"",\n.jpg",Photos,4032,3024,,');
  });

  it('leaves nothing behind when the photos cannot be read to the end', async () => {
    async function* broken(): AsyncGenerator<IndexedPhoto> {
      yield* photos.slice(0, 1);
      throw new Error('the store is away');
    }
    for (const [ending, write] of EXPORTS) {
      await expect(write(join(folder, `out${ending}`), broken(), model)).rejects.toThrow('away');
    }
    expect(await readdir(folder)).toEqual([]);
  });
});
