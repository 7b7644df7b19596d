import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import sharp from 'sharp';
import { messageOf, systemErrorCode } from '../errors.ts';
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

/** `reason` is a clause for people: "is cut short". */
export interface ReferenceFault {
  readonly code: 'not_found' | 'unreadable' | 'not_a_file' | 'empty' | 'unsupported' | 'damaged' | 'too_large';
  readonly reason: string;
}

export type Prepared =
  | { readonly kind: 'ready'; readonly reference: Reference }
  | { readonly kind: 'fault'; readonly fault: ReferenceFault };

const LONGEST_SIDE = 1536;
const JPEG_QUALITY = 90;
/** 8-bit RGB of this many pixels takes 600 MB while it is being reduced. */
const MOST_PIXELS = 200e6;
/** Warnings of the JPEG decoder that cost no pixel; cameras and editors write such files. */
const HARMLESS = /extraneous bytes before marker|Invalid SOS parameters for sequential JPEG/;

/**
 * Reads a photo and makes what is sent of it: upright, longest side at most 1,536 pixels, sRGB, JPEG of quality 90,
 * no metadata. The whole photo is decoded first, so that damage is found that a reduced decode would step over.
 * The same bytes in give the same bytes out, for one version of sharp.
 */
export async function prepareReference(file: string): Promise<Prepared> {
  const read = await readRegularFile(file);
  if (!(read instanceof Uint8Array)) return { kind: 'fault', fault: read };
  const whole = await decodeWhole(read);
  if ('reason' in whole) return { kind: 'fault', fault: whole };
  const { data, info } = whole;
  const { width, height, channels } = info;
  const sent = await sharp(data, { raw: { width, height, channels }, limitInputPixels: MOST_PIXELS })
    .resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: JPEG_QUALITY })
    .toBuffer({ resolveWithObject: true });
  const metadata = metadataOf(sent.data);
  if (metadata.length > 0) throw new Error(`a reference still carries metadata: ${metadata.join(', ')}`);
  return {
    kind: 'ready',
    reference: {
      file,
      sha256: sha256(read),
      bytes: sent.data,
      sentSha256: sha256(sent.data),
      width: sent.info.width,
      height: sent.info.height,
      tokens: imageTokens(sent.info.width, sent.info.height),
    },
  };
}

async function readRegularFile(file: string): Promise<Uint8Array | ReferenceFault> {
  try {
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      if (!(await handle.stat()).isFile()) return { code: 'not_a_file', reason: 'is not a file' };
      const bytes = await handle.readFile();
      return bytes.length === 0 ? { code: 'empty', reason: 'is empty' } : bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return { code: 'not_found', reason: 'does not exist' };
    return { code: 'unreadable', reason: `cannot be read (${code || messageOf(error)})` };
  }
}

interface Decoded {
  readonly data: Buffer;
  readonly info: { readonly width: number; readonly height: number; readonly channels: 1 | 2 | 3 | 4 };
}

async function decodeWhole(bytes: Uint8Array): Promise<Decoded | ReferenceFault> {
  try {
    return await decode(bytes, 'warning');
  } catch (error) {
    if (
      !messageOf(error)
        .split('\n')
        .every((line) => HARMLESS.test(line))
    )
      return faultOf(error);
  }
  try {
    return await decode(bytes, 'error');
  } catch (error) {
    return faultOf(error);
  }
}

function decode(bytes: Uint8Array, failOn: 'warning' | 'error'): Promise<Decoded> {
  return sharp(bytes, { failOn, limitInputPixels: MOST_PIXELS })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
}

function faultOf(error: unknown): ReferenceFault {
  const message = messageOf(error);
  if (/unsupported image format|Unsupported codec/i.test(message)) {
    return { code: 'unsupported', reason: 'is not a picture that can be decoded' };
  }
  if (/pixel limit/i.test(message)) return { code: 'too_large', reason: 'has more than 200 million pixels' };
  if (/premature end of JPEG|read error|truncated/i.test(message)) return { code: 'damaged', reason: 'is cut short' };
  return { code: 'damaged', reason: 'is damaged' };
}
