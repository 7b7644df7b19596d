import sharp from 'sharp';
import { messageOf } from '../../errors.ts';
import type { PictureFormat } from '../port.ts';

/** The format that the first bytes tell; null for none that the API returns. */
export function formatOf(bytes: Uint8Array): PictureFormat | null {
  const ascii = (from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
  if (ascii(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg';
  return ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WEBP' ? 'webp' : null;
}

/** The pixels of a returned picture, every one of which was decoded; or what is wrong with it, as a clause. */
export async function decodeReturned(
  bytes: Uint8Array,
): Promise<{ readonly width: number; readonly height: number } | { readonly fault: string }> {
  if (formatOf(bytes) === null) return { fault: 'it is neither PNG nor JPEG nor WebP' };
  try {
    const { info } = await sharp(bytes, { failOn: 'error' }).raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height };
  } catch (error) {
    return { fault: `it cannot be decoded (${messageOf(error).split('\n')[0]})` };
  }
}
