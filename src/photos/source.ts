import { decodeBmp } from './bmp.ts';
import { unsupportedKind } from './decode-failure.ts';
import { type Faulty, faulty } from './fault.ts';
import { fileBrands, topLevelBoxes } from './heic/brands.ts';
import { decodeHeic, heicProfile } from './heic/heic.ts';
import { decodeExactlyReducedHeic } from './heic/reduced.ts';
import { decodeExactlyReducedJpeg } from './jpeg/reduced.ts';
import type { RgbImage, Size } from './pixels.ts';
import { orientedPng, readPng } from './png.ts';
import { hasMoreScans } from './raw/jpegs.ts';
import { rawPreview } from './raw/raw.ts';
import { judged, loadSharp } from './sharp.ts';
import { type PhotoFormat, sniff } from './sniff.ts';
import { fromYCbCr, ycbcrReading } from './tiff.ts';

/** Photos of more pixels are refused. Phones reach 200 million, and this bounds a full decode to 0.75 GB of memory. */
export const MAX_PIXELS = 250e6;

/**
 * A progressive JPEG visits every pixel again for each of its scans (ten as programs write it), so that two megabytes can
 * take an hour.
 */
const MAX_SCANS = 500;

/** A photo as far as sharp does not decode it. */
export type Source =
  /** A file that sharp decodes. */
  | {
      readonly kind: 'encoded';
      readonly format: PhotoFormat;
      readonly bytes: Uint8Array;
      /** Where EXIF is to be looked for, as `readExif` takes it; null where the header says so. */
      readonly exif: readonly Uint8Array[] | null;
    }
  /** Decoded by another decoder, upright. */
  | {
      readonly kind: 'pixels';
      readonly image: RgbImage;
      /** The profile that the colours are meant in; null for sRGB. */
      readonly icc: Uint8Array | null;
      readonly exif: readonly Uint8Array[];
    };

/** Tells what a photo is, by its content alone, and decodes what sharp cannot. A camera RAW file is its preview. */
export async function openSource(bytes: Uint8Array): Promise<Source | Faulty> {
  const content = sniff(bytes);
  if (content.kind === 'photo') return asSharpReadsIt(bytes, content.format);
  if (content.kind === 'heic') {
    const pixels = await decodeHeic(bytes, MAX_PIXELS);
    return pixels.kind === 'fault' ? pixels : { kind: 'pixels', image: pixels, icc: pixels.icc, exif: [bytes] };
  }
  if (content.kind === 'bmp') {
    const pixels = await decodeBmp(bytes, (size) => (size.width * size.height > MAX_PIXELS ? tooLarge(size) : null));
    return pixels.kind === 'fault' ? pixels : { kind: 'pixels', image: pixels, icc: null, exif: [] };
  }
  if (content.kind === 'raw') {
    const preview = await rawPreview(bytes, content.format);
    if (preview.kind === 'fault') return preview;
    return { kind: 'encoded', format: 'jpeg', bytes: preview.jpeg, exif: preview.exif };
  }
  if (content.kind === 'unsupported') return faulty('unsupported', `is ${content.name}, which cannot be decoded`);
  const looks = content.name === null ? '' : `: it looks like ${content.name}`;
  return faulty('not_an_image', `is not an image${looks}`);
}

/**
 * The same where a photo can be decoded at a reduced size at which its long side has at least so many pixels, and at which
 * its edges are those of whole pixels; null where it cannot. Damage in what is passed over is not noticed.
 */
export async function openReduced(bytes: Uint8Array, long: number): Promise<Source | null> {
  const content = sniff(bytes);
  if (content.kind === 'heic') {
    const reduced = decodeExactlyReducedHeic(bytes, long, MAX_PIXELS);
    if (typeof reduced === 'string') return null;
    return { kind: 'pixels', image: reduced.image, icc: heicProfile(bytes), exif: [bytes] };
  }
  if (content.kind !== 'photo' || content.format !== 'jpeg') return null;
  const reduced = decodeExactlyReducedJpeg(bytes, long, MAX_PIXELS);
  if (typeof reduced === 'string') return null;
  const sharp = await loadSharp();
  const header = await sharp(bytes, { failOn: 'none' }).metadata();
  return { kind: 'pixels', image: reduced.image, icc: header.icc ?? null, exif: [] };
}

/** What libvips would take for something else is put so that it does not. */
async function asSharpReadsIt(bytes: Uint8Array, format: PhotoFormat): Promise<Source | Faulty> {
  if (format === 'png') {
    const png = readPng(bytes);
    return { kind: 'encoded', format, bytes: orientedPng(bytes, png), exif: png.exif === null ? [] : [png.exif] };
  }
  if (format === 'tiff') {
    const reading = ycbcrReading(bytes);
    if (reading === 'wrong') return { kind: 'fault', fault: unsupportedKind(format) };
    if (reading === 'unconverted') return decodeYCbCr(bytes);
  }
  if (format === 'jpeg' && hasMoreScans(bytes, MAX_SCANS)) {
    return faulty('too_large', `is a JPEG of more than ${MAX_SCANS} scans, which is made to be slow`);
  }
  if (format === 'avif' && fileBrands(bytes)?.[0] === 'avis') return stillOf(bytes);
  return { kind: 'encoded', format, bytes, exif: null };
}

async function decodeYCbCr(bytes: Uint8Array): Promise<Source | Faulty> {
  const sharp = await loadSharp();
  return judged(bytes, 'tiff', async (failOn) => {
    const { autoOrient: size } = await sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata();
    if (size.width * size.height > MAX_PIXELS) return tooLarge(size);
    const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn, ignoreIcc: true }).autoOrient().removeAlpha();
    const { data, info } = await image.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`unsupported number of channels: ${info.channels}`);
    return { kind: 'pixels', image: fromYCbCr({ data, ...size }), icc: null, exif: [bytes] } as const;
  });
}

/**
 * libvips does not know the major brand of an animation (`avis`), but one that programs write holds a still picture as
 * well, which stands for its first frame.
 */
function stillOf(animation: Uint8Array): Source | Faulty {
  if (!topLevelBoxes(animation).names.includes('meta')) {
    return faulty('unsupported', 'is an animated AVIF without a still picture, which cannot be decoded');
  }
  const bytes = Buffer.from(animation);
  bytes.write('avif', 8, 'latin1');
  return { kind: 'encoded', format: 'avif', bytes, exif: null };
}

export function tooLarge({ width, height }: Size): Faulty {
  const limit = MAX_PIXELS / 1e6;
  return faulty('too_large', `claims ${width} x ${height} pixels; more than ${limit} megapixels are not decoded`);
}
