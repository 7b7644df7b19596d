import sharp from 'sharp';
import { decodePhoto, MAX_PIXELS } from '../photos/decode.ts';
import { failureOf, losesPixels } from '../photos/decode-failure.ts';
import type { Faulty } from '../photos/fault.ts';
import { decodeHeic } from '../photos/heic.ts';
import { profiledTiff } from '../photos/profiled.ts';
import { readPhotoFile } from '../photos/read.ts';
import { type PhotoFormat, sniff } from '../photos/sniff.ts';
import { imageTokens } from './cost.ts';
import { sha256 } from './hash.ts';
import { metadataOf } from './segments.ts';

/** A picture made ready: these very bytes are sent. */
export interface Reference {
  /** Absolute path of the original. */
  readonly file: string;
  /** Of the original's bytes, lower-case hex. */
  readonly sha256: string;
  /** A JPEG without any metadata. */
  readonly bytes: Uint8Array;
  readonly sentSha256: string;
  /** Upright pixels of what is sent. */
  readonly width: number;
  readonly height: number;
  readonly tokens: number;
}

/** The fault's reason is a clause for people: "is cut short". */
export type Prepared = { readonly kind: 'ready'; readonly reference: Reference } | Faulty;

const LONGEST_SIDE = 1536;
const JPEG_QUALITY = 90;

/**
 * Reads a photo and makes what is sent of it: upright, longest side at most 1,536 pixels, sRGB, JPEG of quality 90,
 * no metadata. The whole photo is decoded first, so that damage is found that a reduced decode would step over.
 * The same bytes in give the same bytes out, for one version of sharp.
 */
export async function prepareReference(file: string): Promise<Prepared> {
  const read = await readPhotoFile(file);
  if (read.kind === 'fault') return read;
  const whole = await decodeWhole(read.bytes);
  if (whole.kind === 'fault') return whole;
  const { data, width, height } = whole;
  const sent = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: MAX_PIXELS })
    .resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: JPEG_QUALITY })
    .toBuffer({ resolveWithObject: true });
  const metadata = metadataOf(sent.data);
  if (metadata.length > 0) throw new Error(`a reference still carries metadata: ${metadata.join(', ')}`);
  return {
    kind: 'ready',
    reference: {
      file,
      sha256: sha256(read.bytes),
      bytes: sent.data,
      sentSha256: sha256(sent.data),
      width: sent.info.width,
      height: sent.info.height,
      tokens: imageTokens(sent.info.width, sent.info.height),
    },
  };
}

/** Upright 8-bit sRGB. */
interface Whole {
  readonly kind: 'whole';
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Unlike the pixels for embedding, these are converted to sRGB by the photo's profile, and transparency turns white. */
async function decodeWhole(bytes: Uint8Array): Promise<Whole | Faulty> {
  const content = sniff(bytes);
  if (content.kind === 'photo') return decodeFormat(bytes, content.format);
  if (content.kind === 'heic') {
    const pixels = await decodeHeic(bytes, MAX_PIXELS);
    if (pixels.kind === 'fault') return pixels;
    return decodeFormat(profiledTiff(pixels, pixels.icc), 'tiff');
  }
  const decoded = await decodePhoto(bytes, { reduceFor: null });
  return decoded.kind === 'fault' ? decoded : { kind: 'whole', ...decoded.image };
}

async function decodeFormat(bytes: Uint8Array, format: PhotoFormat): Promise<Whole | Faulty> {
  try {
    return await decode(bytes, 'warning').catch((error: unknown) => {
      if (losesPixels(error)) throw error;
      return decode(bytes, 'error');
    });
  } catch (error) {
    return { kind: 'fault', fault: failureOf(error, format, bytes) };
  }
}

async function decode(bytes: Uint8Array, failOn: 'warning' | 'error'): Promise<Whole> {
  const { data, info } = await sharp(bytes, { failOn, limitInputPixels: MAX_PIXELS })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`unsupported number of channels: ${info.channels}`);
  return { kind: 'whole', data, width: info.width, height: info.height };
}
