import type { IndexedPhoto } from '../library/exported.ts';
import { takenAt } from '../photos/metadata/taken.ts';
import type { PhotoRecord } from '../store/port.ts';

/** What is told of any indexed photo, whether it was found or is written out. */
export interface PhotoFacts {
  /** The library's name. */
  readonly library: string;
  /** Upright pixels. */
  readonly width: number;
  readonly height: number;
  /** ISO 8601, by the camera's clock, with its offset where that is known; null when the photo does not say. */
  readonly takenAt: string | null;
  /** What says so; null when nothing does. */
  readonly takenFrom: string | null;
  readonly camera: string | null;
  /** The file's own time, ISO 8601 in UTC. */
  readonly modifiedAt: string;
  readonly sizeBytes: number;
}

export function photoFacts(photo: PhotoRecord & { readonly libraryName: string }): PhotoFacts {
  return {
    library: photo.libraryName,
    width: photo.width,
    height: photo.height,
    takenAt: takenAt(photo),
    // The first moment of 1970 is what a clock says that was never set: the store knows no time of it.
    takenFrom: photo.takenMs === null ? null : photo.takenFrom,
    camera: photo.camera,
    modifiedAt: new Date(photo.mtimeMs).toISOString(),
    sizeBytes: photo.size,
  };
}

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
