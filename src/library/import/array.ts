import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../errors.ts';

/** Rows read at a time, of 8 KB each. */
const PAGE = 1000;
/** How far a squared length may be from 1. */
const UNIT_TOLERANCE = 1e-3;

/** Little-endian float32 [rows, dim] in a file, from `start` on; read where it lies. */
export class FloatArray {
  readonly rows: number;
  readonly dim: number;
  readonly #handle: FileHandle;
  readonly #start: number;

  constructor(handle: FileHandle, place: { readonly start: number; readonly rows: number; readonly dim: number }) {
    this.#handle = handle;
    this.#start = place.start;
    this.rows = place.rows;
    this.dim = place.dim;
  }

  async row(n: number): Promise<Float32Array> {
    const [row] = await this.#read(n, 1);
    if (row === undefined) throw new RangeError(`no row ${n} of ${this.rows}`);
    return row;
  }

  /**
   * Numbers of the rows that are of unit length; those of NaN stand for photos that could not be embedded.
   * @throws UserError `import_vectors` for any other row
   */
  async unitRows(name: string): Promise<ReadonlySet<number>> {
    const found = new Set<number>();
    for (let from = 0; from < this.rows; from += PAGE) {
      for (const [n, row] of (await this.#read(from, Math.min(PAGE, this.rows - from))).entries()) {
        let squares = 0;
        for (const value of row) squares += value * value;
        if (Math.abs(squares - 1) < UNIT_TOLERANCE) found.add(from + n);
        else if (!Number.isNaN(squares)) {
          throw new UserError(
            'import_vectors',
            `Row ${from + n} of ${name} has length ${Math.sqrt(squares).toPrecision(4)}, not 1.`,
            {
              hint: 'Scale each vector to unit length: v / numpy.linalg.norm(v, axis=1, keepdims=True)',
              kind: 'refused',
            },
          );
        }
      }
    }
    return found;
  }

  async #read(from: number, rows: number): Promise<Float32Array[]> {
    const bytes = Buffer.alloc(rows * this.dim * 4);
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, this.#start + from * this.dim * 4);
    if (bytesRead < bytes.length)
      throw new RangeError(`the file ends within row ${from + Math.floor(bytesRead / this.dim / 4)}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: rows }, (_, row) =>
      Float32Array.from({ length: this.dim }, (_value, i) => view.getFloat32((row * this.dim + i) * 4, true)),
    );
  }
}
