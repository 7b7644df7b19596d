import type { Sharp } from 'sharp';
import { decodePhoto, MAX_PIXELS } from '../photos/decode.ts';
import { failureOf } from '../photos/decode-failure.ts';
import { decodeHeic } from '../photos/heic.ts';
import { profiledTiff } from '../photos/profiled.ts';
import { readPhotoFile } from '../photos/read.ts';
import { sniff } from '../photos/sniff.ts';

/** A small upright sRGB picture without metadata, or why there is none, as the beginning of a sentence. */
export type Thumbnail =
  | { readonly kind: 'picture'; readonly data: Buffer; readonly width: number; readonly height: number }
  | { readonly kind: 'none'; readonly reason: string };

/** How the pixels are handed over: a WebP file, or rows of RGB bytes with transparency laid onto a colour. */
export type Encoding =
  | { readonly as: 'webp'; readonly quality: number }
  | { readonly as: 'rgb'; readonly background: string };

interface Box {
  readonly width: number;
  readonly height: number;
}

/** Fits the photo into a box of whole pixels; small photos are not enlarged. */
export async function thumbnail(file: string, box: Box, encoding: Encoding): Promise<Thumbnail> {
  const read = await readPhotoFile(file);
  if (read.kind === 'fault') return none(read.fault.reason);
  const content = sniff(read.bytes);
  if (content.kind === 'heic') return decodedByLibheif(read.bytes, box, encoding);
  if (content.kind !== 'photo') return decodedElsewhere(read.bytes, box, encoding);
  const { default: sharp } = await import('sharp');
  try {
    // Unlike for embedding, colours count here: sharp takes them from the photo's profile to sRGB.
    return await shrink(sharp(read.bytes, { failOn: 'truncated', limitInputPixels: MAX_PIXELS }), box, encoding);
  } catch (error) {
    return none(failureOf(error, content.format, read.bytes).reason);
  }
}

/** Phones write Display P3: its colours count here, too. */
async function decodedByLibheif(bytes: Uint8Array, box: Box, encoding: Encoding): Promise<Thumbnail> {
  const pixels = await decodeHeic(bytes, MAX_PIXELS);
  if (pixels.kind === 'fault') return none(pixels.fault.reason);
  const { default: sharp } = await import('sharp');
  return shrink(sharp(profiledTiff(pixels, pixels.icc), { limitInputPixels: false }), box, encoding);
}

/** What sharp's own build cannot read. */
async function decodedElsewhere(bytes: Uint8Array, box: Box, encoding: Encoding): Promise<Thumbnail> {
  const decoded = await decodePhoto(bytes, { reduceFor: Math.max(box.width, box.height) });
  if (decoded.kind === 'fault') return none(decoded.fault.reason);
  const { data, width, height } = decoded.image;
  const { default: sharp } = await import('sharp');
  return shrink(sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false }), box, encoding);
}

async function shrink(image: Sharp, { width, height }: Box, encoding: Encoding): Promise<Thumbnail> {
  image.autoOrient().resize({ width, height, fit: 'inside', withoutEnlargement: true }).toColourspace('srgb');
  if (encoding.as === 'webp') image.webp({ quality: encoding.quality, smartSubsample: true });
  else image.flatten({ background: encoding.background }).raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { kind: 'picture', data, width: info.width, height: info.height };
}

function none(reason: string): Thumbnail {
  return { kind: 'none', reason: reason.charAt(0).toUpperCase() + reason.slice(1) };
}
