import type { FloatArray } from './array.ts';

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
