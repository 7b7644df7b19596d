import { stat } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';

/** A small upright sRGB picture without metadata, or why there is none. */
export type Thumbnail =
  | { readonly kind: 'picture'; readonly data: Buffer; readonly width: number; readonly height: number }
  | { readonly kind: 'none'; readonly reason: string };

/** How the pixels are handed over: a WebP file, or rows of RGB bytes with transparency laid onto a colour. */
export type Encoding =
  | { readonly as: 'webp'; readonly quality: number }
  | { readonly as: 'rgb'; readonly background: string };

/** Fits the photo into a box of whole pixels; small photos are not enlarged. */
export async function thumbnail(
  file: string,
  box: { readonly width: number; readonly height: number },
  encoding: Encoding,
): Promise<Thumbnail> {
  const obstacle = await whyUnreadable(file);
  if (obstacle !== null) return { kind: 'none', reason: obstacle };
  const { default: sharp } = await import('sharp');
  try {
    const image = sharp(file, { failOn: 'truncated' })
      .autoOrient()
      .resize({ ...box, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb');
    const encoded =
      encoding.as === 'webp'
        ? image.webp({ quality: encoding.quality, smartSubsample: true })
        : image.flatten({ background: encoding.background }).raw();
    const { data, info } = await encoded.toBuffer({ resolveWithObject: true });
    return { kind: 'picture', data, width: info.width, height: info.height };
  } catch {
    return { kind: 'none', reason: 'Damaged or not a photo' };
  }
}

/** Looked at before decoding: sharp would wait for ever on a FIFO, and its messages about files mislead. */
async function whyUnreadable(file: string): Promise<string | null> {
  try {
    return (await stat(file)).isFile() ? null : 'Not a regular file';
  } catch (error) {
    switch (systemErrorCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        return 'No longer there';
      case 'EACCES':
      case 'EPERM':
        return 'Not allowed to read it';
      default:
        return 'Cannot be read';
    }
  }
}
