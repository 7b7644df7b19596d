import { createHash } from 'node:crypto';
import type { ResizeOptions, Sharp } from 'sharp';
import type { Faulty } from './fault.ts';
import type { RgbImage, Size } from './pixels.ts';
import { lumaOf, type Plane } from './planes.ts';
import { PRINT_BOX, printed } from './print.ts';
import { profiledTiff } from './profiled.ts';
import { readPhotoFile } from './read.ts';
import { judged, loadSharp, type Strictness } from './sharp.ts';
import type { PhotoFormat } from './sniff.ts';
import { MAX_PIXELS, openReduced, openSource, type Source, tooLarge } from './source.ts';

export interface RenderRequest {
  /** Absolute native path. */
  readonly file: string;
  /** The photo is shrunk to fit into this, whole pixels; small photos are not enlarged. */
  readonly box: Size;
  /**
   * A file of that format, rows of RGB bytes, or what `printIn` reads; of a photo larger than a print, and a box as large,
   * its luma as well.
   */
  readonly as: { readonly format: 'jpeg' | 'webp'; readonly quality: number } | { readonly format: 'rgb' | 'print' };
  /** The colour ("#rrggbb") that shows through transparency; null leaves it transparent, where the format can. */
  readonly background: string | null;
  /** Decode every pixel first, so that damage is found which a reduced decode steps over. */
  readonly whole: boolean;
}

/** A photo as one looks at it: upright, sRGB, without metadata. */
export interface Rendition extends Size {
  readonly kind: 'rendition';
  readonly data: Uint8Array;
  /** Beside a print. */
  readonly luma?: Plane;
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
  const { bytes } = read;
  const rendered =
    request.as.format === 'print'
      ? await renderPrint(bytes, request)
      : await renderSource(await openSource(bytes), request);
  if (rendered.kind === 'fault') return rendered;
  return { ...rendered, sha256: createHash('sha256').update(bytes).digest('hex') };
};

type Rendered = Omit<Rendition, 'sha256'>;

/** How many times a print's pixels are decoded at the least: the rest is reduced with a better filter than a decoder's. */
const PRINT_ROOM = 1.5;
/** Of what is looked at closely a decoder may leave so much out, which spares it to decode every pixel. */
const CLOSE = 15 / 16;

async function renderPrint(bytes: Uint8Array, request: RenderRequest): Promise<Rendered | Faulty> {
  const side = Math.max(request.box.width, request.box.height);
  const least = side > PRINT_BOX ? CLOSE * side : PRINT_ROOM * side;
  const source = (request.whole ? null : await openReduced(bytes, least)) ?? (await openSource(bytes));
  const pixels = await renderSource(source, { ...request, as: { format: 'rgb' } });
  if (pixels.kind === 'fault' || source.kind === 'fault') return pixels;
  if (Math.max(pixels.width, pixels.height) <= PRINT_BOX) return { ...pixels, data: printed(pixels.data, pixels) };
  // Of the whole photo's shape, which is rounded once: renditions of one picture are to have prints of one size.
  const shape = source.kind === 'pixels' ? source.image : await sizeOf(source.bytes);
  const scale = PRINT_BOX / Math.max(shape.width, shape.height);
  const size = { width: Math.round(shape.width * scale) || 1, height: Math.round(shape.height * scale) || 1 };
  const small = await resized(pixels, { ...size, fit: 'fill' });
  const { width, height } = small;
  return { kind: 'rendition', data: printed(small.data, small), width, height, luma: lumaOf(pixels.data, pixels) };
}

async function sizeOf(bytes: Uint8Array): Promise<Size> {
  const sharp = await loadSharp();
  return (await sharp(bytes, { limitInputPixels: false, failOn: 'none' }).metadata()).autoOrient;
}

async function renderSource(source: Source | Faulty, request: RenderRequest): Promise<Rendered | Faulty> {
  if (source.kind === 'fault') return source;
  if (source.kind === 'encoded') return renderEncoded(source, request);
  // Fewer pixels are converted to sRGB, which takes longer than to reduce them.
  const { width, height } = source.image;
  const fits = width <= request.box.width && height <= request.box.height;
  const image = fits ? source.image : await resized(source.image, { ...request.box, fit: 'inside' });
  if (request.as.format === 'rgb' && source.icc === null) {
    return { kind: 'rendition', data: image.data, width: image.width, height: image.height };
  }
  return renderEncoded({ bytes: profiledTiff(image, source.icc), format: 'tiff' }, request);
}

function renderEncoded(
  { bytes, format }: { readonly bytes: Uint8Array; readonly format: PhotoFormat },
  request: RenderRequest,
): Promise<Rendered | Faulty> {
  return judged(bytes, format, (strictness) => render(bytes, request, strictness));
}

async function resized({ data, width, height }: RgbImage, options: ResizeOptions): Promise<RgbImage> {
  const sharp = await loadSharp();
  const raw = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: MAX_PIXELS });
  const { data: smaller, info } = await raw.resize(options).raw().toBuffer({ resolveWithObject: true });
  return { data: smaller, width: info.width, height: info.height };
}

/** @throws what sharp throws. */
async function render(
  bytes: Uint8Array,
  { box, as, background, whole }: RenderRequest,
  failOn: Strictness,
): Promise<Rendered | Faulty> {
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
  return { kind: 'rendition', data, width: info.width, height: info.height };
}

async function decodedWhole(image: Sharp): Promise<Sharp> {
  const sharp = await loadSharp();
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: MAX_PIXELS });
}
