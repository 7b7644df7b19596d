import { Draft } from '../../files/atomic-write.ts';
import type { IndexedPhoto } from '../../library/exported.ts';
import type { ModelIdentity } from '../../store/port.ts';

/**
 * Writes a two-dimensional float32 array as NumPy reads it (format 1.0), row by row, in any order and in bounded
 * memory. The file appears under its name only when it is whole.
 */
export class NpyWriter {
  readonly #draft: Draft;
  readonly #start: number;
  readonly #columns: number;

  private constructor(draft: Draft, start: number, columns: number) {
    this.#draft = draft;
    this.#start = start;
    this.#columns = columns;
  }

  static async create(file: string, rows: number, columns: number): Promise<NpyWriter> {
    const header = npyHeader(rows, columns);
    const writer = new NpyWriter(await Draft.open(file), header.length, columns);
    await writer.#writeAll(header, 0).catch((error) => writer.abandon().then(() => Promise.reject(error)));
    return writer;
  }

  async writeRow(row: number, values: Float32Array): Promise<void> {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [i, value] of values.entries()) bytes.writeFloatLE(value, i * 4);
    await this.#writeAll(bytes, this.#start + row * this.#columns * 4);
  }

  /** Gives the file its name. @param rows how many there came to be, where that was not known before */
  async finish(rows?: number): Promise<void> {
    if (rows !== undefined) await this.#writeAll(npyHeader(rows, this.#columns), 0);
    await this.#draft.publish();
  }

  /** Leaves nothing behind. */
  abandon(): Promise<void> {
    return this.#draft.abandon();
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    // One call may write less than it was given, as on a disk that is nearly full.
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#draft.handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}

/** Magic, version, and a Python literal padded so that the data start at byte 128, whatever the shape (NEP 1). */
function npyHeader(rows: number, columns: number): Buffer {
  const about = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const length = 128;
  const header = Buffer.alloc(length, ' ', 'latin1');
  header.write('\x93NUMPY\x01\x00', 0, 'latin1');
  header.writeUInt16LE(length - 10, 8);
  header.write(about, 10, 'latin1');
  header.write('\n', length - 1, 'latin1');
  return header;
}

/** The file that says which row is which photo. */
export function besideNpy(file: string): string {
  return file.replace(/\.npy$/i, '.json');
}

/** float32 [photos, dim], and beside it, in the same order, the paths. */
export async function exportNpy(
  file: string,
  photos: AsyncIterable<IndexedPhoto>,
  { id, sha256, dim }: ModelIdentity,
): Promise<number> {
  const array = await NpyWriter.create(file, 0, dim);
  const about = await Draft.open(besideNpy(file)).catch((error) => array.abandon().then(() => Promise.reject(error)));
  let rows = 0;
  try {
    const model = JSON.stringify({ id, sha256, dim });
    await about.handle.writeFile(`{"schema":"curate.export/1","model":${model},"paths":[`);
    for await (const { file: path, vector } of photos) {
      await array.writeRow(rows, vector);
      await about.handle.writeFile(`${rows === 0 ? '' : ','}\n${JSON.stringify(path)}`);
      rows += 1;
    }
    await about.handle.writeFile('\n]}\n');
    await about.publish();
    await array.finish(rows);
    return rows;
  } catch (error) {
    await Promise.all([array.abandon(), about.abandon()]);
    throw error;
  }
}
