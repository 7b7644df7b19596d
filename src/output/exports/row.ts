import type { IndexedPhoto } from '../../library/exported.ts';
import { takenAt } from '../../photos/metadata/taken.ts';

/** A photo of the index as it is written out, without its vector. */
export interface ExportRow {
  /** Absolute native path. */
  readonly path: string;
  readonly library: string;
  /** Upright pixels. */
  readonly width: number;
  readonly height: number;
  readonly takenAt: string | null;
  readonly takenFrom: string | null;
  readonly camera: string | null;
  readonly modifiedAt: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly sharpness: number;
}

export function exportRow(photo: IndexedPhoto): ExportRow {
  return {
    path: photo.file,
    library: photo.libraryName,
    width: photo.width,
    height: photo.height,
    takenAt: takenAt(photo),
    takenFrom: photo.takenFrom,
    camera: photo.camera,
    modifiedAt: new Date(photo.mtimeMs).toISOString(),
    sizeBytes: photo.size,
    sha256: photo.sha256,
    sharpness: photo.quality,
  };
}
