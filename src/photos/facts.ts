import type { Exif } from './metadata/exif.ts';

/**
 * Which reader made the facts of a photo. It goes up when more is read from a file, or when it is read differently:
 * then photos whose facts an older one made are read again, without being embedded again. 0 is curate 0.1.0,
 * 1 knew a sharpness that noise raises, 2 no IPTC.
 */
export const FACTS_VERSION = 3;

/** What is kept of a photo besides its vector. */
export interface PhotoFacts extends Exif {
  /** Upright pixels. */
  readonly width: number;
  readonly height: number;
  /** Sharpness; comparable within a burst only. */
  readonly quality: number;
  /** `FACTS_VERSION` of the reader. */
  readonly facts: number;
}
