import { messageOf } from '../errors.ts';
import type { PhotoFault } from './fault.ts';
import { topLevelBoxes } from './heic/brands.ts';
import type { PhotoFormat } from './sniff.ts';

/** Warnings of libjpeg, libpng and libtiff that mean lost pixels. */
const LOST_PIXELS = /premature end|bad Huffman|instead of RST|Corrupt JPEG data|read error|CRC/i;
/** Padding between a JPEG's segments, which phones write: harmless. */
const PADDING = /extraneous bytes before marker/i;

/** Whether a decoder's warning means that pixels are lost, rather than that something harmless is odd. */
export function losesPixels(error: unknown): boolean {
  const message = messageOf(error);
  return LOST_PIXELS.test(message) && !PADDING.test(message);
}

const NAMES = { jpeg: 'a JPEG', png: 'a PNG', webp: 'a WebP', gif: 'a GIF', tiff: 'a TIFF', avif: 'an AVIF' } as const;

/** A sound file of a format that is read, but with something in it that is not. */
export function unsupportedKind(format: PhotoFormat): PhotoFault {
  return { code: 'unsupported', reason: `is ${NAMES[format]} of a kind that cannot be decoded` };
}

/** An error of sharp, whose texts mislead ("unsupported image format" for a file cut short), in plain words. */
export function failureOf(error: unknown, format: PhotoFormat, bytes: Uint8Array): PhotoFault {
  const message = messageOf(error);
  if (/pixel limit|out of memory|too large/i.test(message)) {
    return { code: 'too_large', reason: 'is larger than can be decoded' };
  }
  if (endsEarly(format, bytes) || /premature end of JPEG|unexpected end of GIF/i.test(message)) {
    return { code: 'corrupt', reason: 'is cut short' };
  }
  if (format === 'avif' && /unsupported image format/i.test(message)) {
    return {
      code: 'unsupported',
      reason: 'is an AVIF of a kind that cannot be decoded, such as one coded in layers',
    };
  }
  if (/not (supported|implemented|configured)|unsupported (?!image format)|bad labq format/i.test(message)) {
    return unsupportedKind(format);
  }
  return { code: 'corrupt', reason: 'is damaged' };
}

/** Whether a file stops before its own structure does. Only asked of files that could not be decoded. */
function endsEarly(format: PhotoFormat, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 16) return true;
  if (format === 'webp') return 8 + view.getUint32(4, true) > bytes.length;
  if (format === 'tiff') return view.getUint32(4, bytes[0] === 0x49) + 6 > bytes.length;
  if (format === 'png') return !Buffer.from(view.buffer, view.byteOffset, view.byteLength).includes('IEND');
  return format === 'avif' && topLevelBoxes(bytes).end !== bytes.length;
}
