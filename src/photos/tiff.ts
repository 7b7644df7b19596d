import type { RgbImage } from './pixels.ts';
import { readDirectory } from './raw/kind.ts';

/** Tags and values of TIFF 6.0. */
const TAG = { subfile: 254, compression: 259, photometric: 262, planes: 284, subsampling: 530 } as const;
const YCBCR = 6;
const JPEG = [6, 7];
const SEPARATE = 2;
/** One sample of each colour for every pixel: two SHORTs of 1. The default is 2, 2. */
const FULL = 0x0001_0001;

/**
 * How libvips reads the first picture of a TIFF in YCbCr: it converts JPEG and subsampled pixels to RGB, and hands others
 * on as if they were RGB; what stands in separate planes it mixes up. Null for other pictures.
 */
export function ycbcrReading(bytes: Uint8Array): 'converted' | 'unconverted' | 'wrong' | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) return null;
  const little = bytes[0] === 0x49;
  const { tags } = readDirectory(view, view.getUint32(4, little), little);
  if (tags.get(TAG.photometric)?.short !== YCBCR) return null;
  if (JPEG.includes(tags.get(TAG.compression)?.short ?? 0)) return 'converted';
  if (tags.get(TAG.planes)?.short === SEPARATE) return 'wrong';
  return tags.get(TAG.subsampling)?.long === FULL ? 'unconverted' : 'converted';
}

/** Bits of NewSubfileType (TIFF 6.0, section 8): a smaller version of another picture, a mask of its transparency. */
const REDUCED_OR_MASK = 0b101;
const BIG = 43;
/** Previews and masks that are passed over: a file made to be slow has more. */
const MOST_DIRECTORIES = 100;

/** How many pictures a TIFF holds, counted up to `most`: previews and masks are no further ones. A BigTIFF's are not counted. */
export function tiffPages(bytes: Uint8Array, most: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  if (bytes[little ? 2 : 3] === BIG) return 1;
  const seen = new Set<number>();
  let pages = 0;
  for (let at = bytes.length < 8 ? 0 : view.getUint32(4, little); at !== 0 && pages < most && !seen.has(at); ) {
    if (seen.size === MOST_DIRECTORIES) break;
    seen.add(at);
    const { tags, next } = readDirectory(view, at, little);
    if (tags.size > 0 && ((tags.get(TAG.subfile)?.long ?? 0) & REDUCED_OR_MASK) === 0) pages += 1;
    at = next;
  }
  return pages;
}

/** Full-range YCbCr (ITU-R BT.601, as in JFIF) in place of RGB, to RGB: what Pillow does with such a file. */
export function fromYCbCr({ data, width, height }: RgbImage): RgbImage {
  // Clamps and rounds.
  const rgb = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 3) {
    // Three samples a pixel, all inside the array.
    const [y, cb, cr] = [data[i] as number, (data[i + 1] as number) - 128, (data[i + 2] as number) - 128];
    rgb[i] = y + 1.402 * cr;
    rgb[i + 1] = y - 0.344136 * cb - 0.714136 * cr;
    rgb[i + 2] = y + 1.772 * cb;
  }
  return { data: new Uint8Array(rgb.buffer), width, height };
}
