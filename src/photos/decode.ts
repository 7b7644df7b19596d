import type { Metadata, SharpOptions } from 'sharp';
import { unsupportedKind } from './decode-failure.ts';
import type { Faulty } from './fault.ts';
import { isPartial, opaqueGif, withGround } from './gif.ts';
import { isHeic } from './heic/brands.ts';
import { decodeReducedHeic } from './heic/reduced.ts';
import { decodeReducedJpeg } from './jpeg/reduced.ts';
import type { RgbImage, Size } from './pixels.ts';
import { judged, loadSharp, type Strictness } from './sharp.ts';
import type { PhotoFormat } from './sniff.ts';
import { MAX_PIXELS, openSource, tooLarge } from './source.ts';

/**
 * Where the short side keeps so many times the pixels it will be resized to, cosines between the vectors of reduced and
 * full decodes of JPEGs are 0.9999 in the median (bench/reduced-decode.js); at twice, 0.9989. Of HEICs, 0.9998.
 */
const ROOM = 2.5;
const REDUCTION = { fit: 'fill', kernel: 'lanczos3' } as const;

export interface DecodedPhoto {
  readonly kind: 'decoded';
  /** Upright; smaller than the photo when that was asked for. */
  readonly image: RgbImage;
  /** Upright size of the whole photo. */
  readonly size: Size;
  /** Where EXIF is to be looked for, as `readExif` takes it. */
  readonly exif: readonly Uint8Array[];
}

export interface DecodeOptions {
  /**
   * The short side that the pixels will be resized to. A photo much larger than that is then decoded at a reduced
   * size, which is faster and keeps what the resize would keep. Null decodes every pixel.
   */
  readonly reduceFor: number | null;
  /** Of a reduced decode only the square in the middle is looked at: the rest may be left grey. */
  readonly centreSquare?: boolean;
}

/**
 * Decodes a photo into upright 8-bit RGB; what it is, its content decides. EXIF orientation is applied, alpha dropped
 * without blending, an animation stands for its first frame. ICC profiles are left alone, as Pillow leaves them:
 * converting a Display P3 photo to sRGB would move its vector (cosine 0.987).
 */
export async function decodePhoto(bytes: Uint8Array, options: DecodeOptions): Promise<DecodedPhoto | Faulty> {
  const { reduceFor, centreSquare = false } = options;
  if (reduceFor !== null && isHeic(bytes)) {
    const reduced = decodeReducedHeic(bytes, ROOM * reduceFor, MAX_PIXELS, centreSquare);
    if (typeof reduced !== 'string') return { kind: 'decoded', ...reduced, exif: [bytes] };
  }
  const source = await openSource(bytes);
  if (source.kind === 'fault') return source;
  if (source.kind === 'pixels')
    return { kind: 'decoded', ...(await reduced(source.image, options)), exif: source.exif };
  const decoded = await decodeFormat(source.bytes, source.format, options);
  return decoded.kind === 'fault' || source.exif === null ? decoded : { ...decoded, exif: source.exif };
}

async function decodeFormat(
  bytes: Uint8Array,
  format: PhotoFormat,
  options: DecodeOptions,
): Promise<DecodedPhoto | Faulty> {
  const { reduceFor } = options;
  if (format === 'gif') return decodeGif(bytes, options);
  if (format !== 'jpeg' || reduceFor === null) return decodeWithSharp(bytes, format, options);
  const reduced = decodeReducedJpeg(bytes, ROOM * reduceFor, MAX_PIXELS);
  if (reduced === 'unsuited') return decodeWithSharp(bytes, format, options);
  // At a reduced size libjpeg passes over damage that it reports when it decodes every pixel.
  if (reduced === 'doubtful') return decodeWithSharp(bytes, format, { reduceFor: null });
  const { image, size, exif } = reduced;
  return { kind: 'decoded', image, size, exif: exif === null ? [] : [exif] };
}

async function decodeGif(bytes: Uint8Array, options: DecodeOptions): Promise<DecodedPhoto | Faulty> {
  const opaque = opaqueGif(bytes);
  if (opaque === null) return decodeWithSharp(bytes, 'gif', options);
  const decoded = await decodeWithSharp(opaque.bytes, 'gif', { reduceFor: null });
  if (decoded.kind === 'fault') return decoded;
  const image = isPartial(opaque, decoded.size) ? withGround(decoded.image, opaque) : decoded.image;
  return { ...decoded, ...(await reduced(image, options)) };
}

function decodeWithSharp(
  bytes: Uint8Array,
  format: PhotoFormat,
  options: DecodeOptions,
): Promise<DecodedPhoto | Faulty> {
  return judged(bytes, format, (strictness) => attempt(bytes, format, options, strictness));
}

/** @throws what sharp throws. */
async function attempt(
  bytes: Uint8Array,
  format: PhotoFormat,
  { reduceFor }: DecodeOptions,
  failOn: Strictness,
): Promise<DecodedPhoto | Faulty> {
  const sharp = await loadSharp();
  // Only the header is read, so that a claim of very many pixels costs nothing.
  const header = await sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata();
  const size = header.autoOrient;
  if (size.width * size.height > MAX_PIXELS) return tooLarge(size);
  if (!isPicture(header)) return { kind: 'fault', fault: unsupportedKind(format) };
  const cmyk = header.space === 'cmyk';
  // Reducing would weigh colours by alpha, which dropping alpha must not; and sharp reduces no CMYK on load.
  const reduced = reduceFor === null || header.hasAlpha || cmyk ? null : reducedSize(size, reduceFor);
  const image = await pixels(bytes, reduced, cmyk, failOn);
  return { kind: 'decoded', image, size, exif: exifSources(header.exif, format, bytes) };
}

/**
 * Whether the numbers are brightness: 8 or 16 bits, or floats from 0 to 1 in three channels. Others, which scientific
 * programs write into TIFF, have a range of their own that only those know: libvips would cut them off to black or white.
 */
function isPicture({ depth, space }: Metadata): boolean {
  return depth === 'uchar' || depth === 'ushort' || (depth === 'float' && space === 'scrgb');
}

/** Their format has no reduced decoding: every pixel is there, and reduced as sharp reduces the other formats. */
async function reduced(image: RgbImage, { reduceFor }: DecodeOptions): Promise<Pick<DecodedPhoto, 'image' | 'size'>> {
  const { data, width, height } = image;
  const size = { width, height };
  const smaller = reduceFor === null ? null : reducedSize(size, reduceFor);
  if (smaller === null) return { image, size };
  const sharp = await loadSharp();
  const pipeline = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: MAX_PIXELS }).raw();
  return { image: { data: await pipeline.resize({ ...smaller, ...REDUCTION }).toBuffer(), ...smaller }, size };
}

async function pixels(bytes: Uint8Array, reduced: Size | null, cmyk: boolean, failOn: Strictness): Promise<RgbImage> {
  const sharp = await loadSharp();
  const options: SharpOptions = { limitInputPixels: MAX_PIXELS, failOn, ignoreIcc: true };
  const pipeline = sharp(bytes, options).autoOrient().removeAlpha();
  if (reduced !== null) pipeline.resize({ ...reduced, ...REDUCTION });
  if (cmyk) pipeline.pipelineColourspace('cmyk');
  pipeline.toColourspace(cmyk ? 'cmyk' : 'srgb');
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== (cmyk ? 4 : 3)) throw new Error(`unsupported number of channels: ${info.channels}`);
  return { data: cmyk ? cmykToRgb(data) : data, width: info.width, height: info.height };
}

/** Plain subtraction of inks, as Pillow's `convert('RGB')`, and so the reference, does it: no profile is asked. */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let i = 0, o = 0; i < cmyk.length; i += 4) {
    // Four samples a pixel, all inside the array.
    const light = 255 - (cmyk[i + 3] as number);
    for (let ink = i; ink < i + 3; ink++) rgb[o++] = light - Math.round(((cmyk[ink] as number) * light) / 255);
  }
  return rgb;
}

/**
 * The size to decode at when the short side will be `target`: twice that, or less where it lets sharp read a JPEG at
 * a smaller DCT scale. sharp reads at 1/8, 1/4 or 1/2 when asked for less than 1/9, 1/5 or 1/3 and reduces the rest
 * with Lanczos; below 1.75 times the target, cosines to the full decode drop under 0.999 (measured on 12, 8 and 5
 * megapixels; see bench/README.md). Null when there is little to gain.
 */
export function reducedSize({ width, height }: Size, target: number): Size | null {
  const short = Math.min(width, height);
  const scales = [9, 5, 3].filter((shrink) => short / shrink >= 1.75 * target);
  const shrink = Math.max(short / (2 * target), scales[0] ?? 1);
  if (shrink < 1.25) return null;
  return { width: Math.floor(width / shrink), height: Math.floor(height / shrink) };
}

/** sharp hands out EXIF as it stands in the file: behind "Exif\0\0" in a JPEG, without it in a PNG or WebP. */
function exifSources(exif: Buffer | undefined, format: PhotoFormat, bytes: Uint8Array): Uint8Array[] {
  if (exif === undefined) return format === 'tiff' ? [bytes] : [];
  return [exif.toString('latin1', 0, 6) === 'Exif\0\0' ? exif.subarray(6) : exif];
}
