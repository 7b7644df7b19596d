import { type Faulty, faulty } from './fault.ts';
import type { RgbImage, Size } from './pixels.ts';

interface Header extends Size {
  readonly bits: number;
  readonly hasRunLengths: boolean;
}

/** What the headers of Windows and of OS/2 (12 bytes, sizes of 16 bits) say; a height below 0 counts from the top. */
function readHeader(bytes: Uint8Array): Header | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 34) return null;
  if (view.getUint32(14, true) === 12) {
    const [width, height] = [view.getUint16(18, true), view.getUint16(20, true)];
    return { width, height, bits: view.getUint16(24, true), hasRunLengths: false };
  }
  return {
    width: view.getUint32(18, true),
    height: Math.abs(view.getInt32(22, true)),
    bits: view.getUint16(28, true),
    hasRunLengths: [1, 2].includes(view.getUint32(30, true)),
  };
}

/**
 * Decodes a BMP of 1 to 32 bits a pixel. What stands for alpha in one of 32 bits is left out, as Pillow leaves it out; run
 * lengths, which the decoder gets wrong, are refused.
 * @param tooLarge The fault of a size that is not decoded; null for one that is
 */
export async function decodeBmp(
  bytes: Uint8Array,
  tooLarge: (size: Size) => Faulty | null,
): Promise<({ readonly kind: 'pixels' } & RgbImage) | Faulty> {
  const claimed = readHeader(bytes);
  if (claimed === null) return faulty('corrupt', 'is cut short');
  const refused = tooLarge(claimed);
  if (refused !== null) return refused;
  if (claimed.hasRunLengths) return faulty('unsupported', 'is a BMP with run lengths, which cannot be decoded');
  const { decode } = await import('bmp-ts');
  try {
    // Alpha, blue, green, red; its other order loses the red of palettes.
    const { data, width, height } = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (width !== claimed.width || height !== claimed.height || data.length !== width * height * 4) {
      return faulty('corrupt', 'is damaged');
    }
    const rgb = new Uint8Array(width * height * 3);
    for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
      // Four samples a pixel, all inside the array.
      rgb[to] = data[from + 3] as number;
      rgb[to + 1] = data[from + 2] as number;
      rgb[to + 2] = data[from + 1] as number;
    }
    // Of five bits the decoder leaves the lower three dark: white is 255, not 248.
    if (claimed.bits === 16) for (const [i, value] of rgb.entries()) rgb[i] = value | (value >> 5);
    return { kind: 'pixels', data: rgb, width, height };
  } catch (error) {
    // Reading past the end of the file.
    if (error instanceof RangeError) return faulty('corrupt', 'is damaged or cut short');
    return faulty('unsupported', 'is a BMP of a kind that cannot be decoded');
  }
}
