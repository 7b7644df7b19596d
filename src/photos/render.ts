import { createHash } from 'node:crypto';
import type { Sharp } from 'sharp';
import type { Faulty } from './fault.ts';
import type { Size } from './pixels.ts';
import { lumaOf } from './planes.ts';
import { printed } from './print.ts';
import { profiledTiff } from './profiled.ts';
import { readPhotoFile } from './read.ts';
import { judged, loadSharp, type Strictness } from './sharp.ts';
import type { PhotoFormat } from './sniff.ts';
import { MAX_PIXELS, openSource, tooLarge } from './source.ts';

export interface RenderRequest {
  /** Absolute native path. */
  readonly file: string;
  /** The photo is shrunk to fit into this, whole pixels; small photos are not enlarged. */
  readonly box: Size;
  /** A file of that format, rows of RGB bytes, rows of luma (Rec. 601), or what `printIn` reads. */
  readonly as:
    | { readonly format: 'jpeg' | 'webp'; readonly quality: number }
    | { readonly format: 'rgb' | 'luma' | 'print' };
  /** The colour ("#rrggbb") that shows through transparency; null leaves it transparent, where the format can. */
  readonly background: string | null;
  /** Decode every pixel first, so that damage is found which a reduced decode steps over. */
  readonly whole: boolean;
}

/** A photo as one looks at it: upright, sRGB, without metadata. */
export interface Rendition extends Size {
  readonly kind: 'rendition';
  readonly data: Uint8Array;
  /** Of the very bytes that it was made from, lower-case hex. */
  readonly sha256: string;
}

/** Reads a photo and makes a rendition of it. A fault's reason is a clause for people: "is cut short". */
export type RenderPhoto = (request: RenderRequest) => Promise<Rendition | Faulty>;

/**
 * Renders in this process, which a hostile photo can hang: `openDisplay` is the way to it from a command.
 * Unlike the pixels for embedding, colours are converted to sRGB by the photo's profile. The same bytes in give the
 * same bytes out, for one version of sharp.
 */
export const renderPhoto: RenderPhoto = async (request) => {
  const read = await readPhotoFile(request.file);
  if (read.kind === 'fault') return read;
  const source = await openSource(read.bytes);
  if (source.kind === 'fault') return source;
  const { bytes, format }: { bytes: Uint8Array; format: PhotoFormat } =
    source.kind === 'encoded' ? source : { bytes: profiledTiff(source.image, source.icc), format: 'tiff' };
  const rendered = await judged(bytes, format, (strictness) => render(bytes, request, strictness));
  if (rendered.kind === 'fault') return rendered;
  return { ...rendered, sha256: createHash('sha256').update(read.bytes).digest('hex') };
};

/** @throws what sharp throws. */
async function render(
  bytes: Uint8Array,
  { box, as, background, whole }: RenderRequest,
  failOn: Strictness,
): Promise<Omit<Rendition, 'sha256'> | Faulty> {
  const sharp = await loadSharp();
  const { autoOrient: size } = await sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata();
  if (size.width * size.height > MAX_PIXELS) return tooLarge(size);
  let image = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn }).autoOrient().toColourspace('srgb');
  if (background !== null) image.flatten({ background });
  if (whole) image = await decodedWhole(image);
  image.resize({ ...box, fit: 'inside', withoutEnlargement: true });
  if (as.format === 'jpeg') image.jpeg({ quality: as.quality });
  else if (as.format === 'webp') image.webp({ quality: as.quality, smartSubsample: true });
  else image.removeAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  if (as.format === 'print') return { kind: 'rendition', data: printed(data, info), width, height };
  if (as.format === 'luma') return { kind: 'rendition', data: lumaOf(data, info).values, width, height };
  return { kind: 'rendition', data, width, height };
}

async function decodedWhole(image: Sharp): Promise<Sharp> {
  const sharp = await loadSharp();
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: MAX_PIXELS });
}
