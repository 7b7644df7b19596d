import type { IndexedPhoto } from '../../library/exported.ts';
import { type PhotoFacts, photoFacts } from '../photo-facts.ts';

/** A photo of the index as it is written out, without its vector. */
export interface ExportRow extends PhotoFacts {
  /** Absolute native path. */
  readonly path: string;
  readonly sha256: string;
  readonly sharpness: number;
}

export function exportRow(photo: IndexedPhoto): ExportRow {
  return {
    path: photo.file,
    ...photoFacts(photo),
    sha256: photo.sha256,
    sharpness: photo.quality,
  };
}
