import { gifFrames } from './gif.ts';
import { fileBrands } from './heic/brands.ts';
import { isAnimatedPng } from './png.ts';
import { latin1 } from './raw/kind.ts';
import { sniff } from './sniff.ts';
import { tiffPages } from './tiff.ts';

/** Major brands of sequences of pictures (ISO/IEC 23008-12, annex B; AV1 Image File Format, 7). */
const SEQUENCES = ['msf1', 'hevc', 'hevx', 'hevm', 'hevs', 'avis'];
/** Of the flags in VP8X, the first chunk of an extended WebP (RFC 9649, 2.7). */
const IS_ANIMATED = 0x02;

/** Whether a file holds further pictures than the one that stands for it: an animation, the pages of a document. */
export function holdsSeveral(bytes: Uint8Array): boolean {
  const content = sniff(bytes);
  if (content.kind === 'heic') return isSequence(bytes);
  if (content.kind !== 'photo') return false;
  switch (content.format) {
    case 'gif':
      return gifFrames(bytes, 2) > 1;
    case 'tiff':
      return tiffPages(bytes, 2) > 1;
    case 'png':
      return isAnimatedPng(bytes);
    case 'webp':
      return latin1(bytes, 12, 16) === 'VP8X' && ((bytes[20] ?? 0) & IS_ANIMATED) !== 0;
    case 'avif':
      return isSequence(bytes);
    case 'jpeg':
      return false;
  }
}

function isSequence(bytes: Uint8Array): boolean {
  // A still picture may name them among its others.
  return SEQUENCES.includes(fileBrands(bytes)?.[0] ?? '');
}
