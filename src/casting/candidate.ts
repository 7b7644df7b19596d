import { basename } from 'node:path';

/** A photo that may stand as a reference. */
export interface Candidate {
  /** Absolute native path. */
  readonly file: string;
  /** Of the file's bytes, lower-case hex. */
  readonly sha256: string;
  /** Cosine similarity to the query. */
  readonly score: number;
  /** How far it agrees with the query by its surroundings; null where that was not measured. */
  readonly agreement: number | null;
  /** Unit length. */
  readonly vector: Float32Array;
  /** Milliseconds since 1970; null when unknown. */
  readonly takenMs: number | null;
  /** Sharpness, comparable within a burst. */
  readonly quality: number;
  readonly width: number;
  readonly height: number;
}

/** A photo that stands in any case: the query, or one named by hand. */
export type FixedPhoto = Pick<Candidate, 'file' | 'sha256' | 'vector' | 'takenMs'>;

/** What became of a candidate; `reason` is a clause for people. */
export interface Verdict<T = Candidate> {
  readonly candidate: T;
  readonly used: boolean;
  readonly reason: string;
}

/** A photo as it is called in a reason. */
export function nameOf(photo: { readonly file: string }): string {
  return basename(photo.file);
}

/** "too like IMG_4.jpg (0.97)" */
export function tooLike(photo: { readonly file: string }, similarity: number): string {
  return `too like ${nameOf(photo)} (${similarity.toFixed(2)})`;
}
