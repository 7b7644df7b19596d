import type { Frame, RgbImage, Size } from '../pixels.ts';

const ORIENTATION = 0x0112;
const SHORT = 3;

/**
 * The orientation in EXIF's first directory (EXIF 2.32, 4.6), 1 to 8; 1 when there is none, null where readers may
 * differ over what is meant.
 * @param exif A TIFF block.
 */
export function exifOrientation(exif: Uint8Array): number | null {
  try {
    return readOrientation(new DataView(exif.buffer, exif.byteOffset, exif.byteLength));
  } catch (error) {
    // The view's: a directory goes on past the end.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readOrientation(view: DataView): number | null {
  const order = view.getUint16(0);
  const little = order === 0x4949;
  if ((!little && order !== 0x4d4d) || view.getUint16(2, little) !== 42) return null;
  const directory = view.getUint32(4, little);
  let orientation: number | null = null;
  for (let i = 0; i < view.getUint16(directory, little); i++) {
    const entry = directory + 2 + i * 12;
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const value = view.getUint16(entry + 8, little);
    const isOneShort = view.getUint16(entry + 2, little) === SHORT && view.getUint32(entry + 4, little) === 1;
    if (orientation !== null || value < 1 || value > 8 || !isOneShort) return null;
    orientation = value;
  }
  return orientation ?? 1;
}

/** What turns an image with this orientation upright (EXIF 2.32, 4.6.4). */
export interface Turn {
  /** Columns become rows. */
  readonly exchanged: boolean;
  /** Which of the stored image's corners comes first. */
  readonly fromRight: boolean;
  readonly fromBottom: boolean;
}

export function turnOf(orientation: number): Turn {
  return {
    exchanged: orientation >= 5,
    fromRight: [2, 3, 7, 8].includes(orientation),
    fromBottom: [3, 4, 6, 7].includes(orientation),
  };
}

/** A copy, turned upright from an orientation. */
export function turnedUpright({ data, width, height }: RgbImage, orientation: number): RgbImage {
  const { exchanged, fromRight, fromBottom } = turnOf(orientation);
  const first = ((fromBottom ? height - 1 : 0) * width + (fromRight ? width - 1 : 0)) * 3;
  const [right, down] = [fromRight ? -3 : 3, (fromBottom ? -3 : 3) * width];
  const size = exchanged ? { width: height, height: width } : { width, height };
  const [stepX, stepY] = exchanged ? [down, right] : [right, down];
  const turned = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < size.height; y++) {
    for (let x = 0, from = first + y * stepY; x < size.width; x++, from += stepX) {
      // Both inside by construction.
      turned[to++] = data[from] as number;
      turned[to++] = data[from + 1] as number;
      turned[to++] = data[from + 2] as number;
    }
  }
  return { data: turned, ...size };
}

/** Where a photo of this stored size lies in its upright image of pixels that stand for `unit` x `unit` of it. */
export function reducedFrame({ width, height }: Size, unit: number, orientation: number): Frame {
  const { exchanged, fromRight, fromBottom } = turnOf(orientation);
  const [across, down] = [width / unit, height / unit];
  const left = fromRight ? Math.ceil(across) - across : 0;
  const top = fromBottom ? Math.ceil(down) - down : 0;
  return exchanged ? { left: top, top: left, width: down, height: across } : { left, top, width: across, height: down };
}
