import type { Sharp } from 'sharp';
import type { RgbImage, Size } from '../../photos/pixels.ts';

/** What happens to photos on their way through phones, messengers and editors. */
export const VARIANTS = [
  'recompressed',
  'darker',
  'brighter',
  'mirrored',
  'tilted',
  'crop',
  'corner-crop',
  'thumbnail',
  'turned',
] as const;
export type Variant = (typeof VARIANTS)[number];

/** One stop of light, as a factor on sRGB's encoded values (its gamma is about 2.2). */
const STOP = 2 ** (1 / 2.2);
/** Of each side. */
const CROP = 0.7;
const TILT_DEGREES = 4;
/** The thumbnail that cameras put into EXIF is 160 pixels wide. */
const THUMBNAIL_PX = 160;
const QUALITY = { usual: 92, poor: 30 };

/** The variant of an upright photo as a JPEG; `corner` (0 to 3) says which one a corner crop keeps. */
export async function makeVariant(variant: Variant, image: RgbImage, corner: number): Promise<Buffer> {
  const quality = variant === 'recompressed' ? QUALITY.poor : QUALITY.usual;
  return (await alter(variant, image, corner)).jpeg({ quality }).toBuffer();
}

async function alter(variant: Variant, image: RgbImage, corner: number): Promise<Sharp> {
  const { default: sharp } = await import('sharp');
  const photo = sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } });
  const inner = { width: Math.round(image.width * CROP), height: Math.round(image.height * CROP) };
  const margin = { left: image.width - inner.width, top: image.height - inner.height };
  switch (variant) {
    case 'recompressed':
      return photo;
    case 'darker':
      return photo.linear(1 / STOP, 0);
    case 'brighter':
      return photo.linear(STOP, 0);
    case 'mirrored':
      return photo.flop();
    case 'tilted':
      return await tilt(photo, image);
    case 'crop':
      return photo.extract({ ...inner, left: margin.left >> 1, top: margin.top >> 1 });
    case 'corner-crop':
      return photo.extract({
        ...inner,
        left: corner % 2 === 0 ? 0 : margin.left,
        top: corner < 2 ? 0 : margin.top,
      });
    case 'thumbnail':
      return photo.resize(THUMBNAIL_PX, THUMBNAIL_PX, { fit: 'inside', withoutEnlargement: true });
    case 'turned':
      return photo.rotate(90);
  }
}

/** Turned a little and cut to where no corner is empty, as an editor straightens a horizon. */
async function tilt(photo: Sharp, size: Size): Promise<Sharp> {
  const { default: sharp } = await import('sharp');
  const { data, info } = await photo.rotate(TILT_DEGREES).raw().toBuffer({ resolveWithObject: true });
  const { width, height } = insideTilted(size, TILT_DEGREES);
  const left = (info.width - width) >> 1;
  const top = (info.height - height) >> 1;
  return sharp(data, { raw: info }).extract({ left, top, width, height });
}

/** The largest rectangle of the same proportions that lies, upright, in a photo turned by `degrees` (0 to 45). */
export function insideTilted({ width, height }: Size, degrees: number): Size {
  const angle = (degrees * Math.PI) / 180;
  const long = Math.max(width, height);
  const short = Math.min(width, height);
  const scale = 1 / (Math.cos(angle) + (long / short) * Math.sin(angle));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)) };
}
