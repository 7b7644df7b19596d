import type { Coding } from './layout.ts';

/** Shares of red and blue in luma, by the number of the matrix (ITU-T H.273, table 4). */
const SHARES: Readonly<Record<number, readonly [red: number, blue: number]>> = {
  1: [0.2126, 0.0722],
  // Unspecified: as JPEG has it.
  2: [0.299, 0.114],
  4: [0.3, 0.11],
  5: [0.299, 0.114],
  6: [0.299, 0.114],
  7: [0.212, 0.087],
  9: [0.2627, 0.0593],
};

/**
 * How luma and chroma of 8 bits become colours, as `reduce` in wasm/hevc/decoder.c takes it; null for a matrix that is
 * no such thing. What the file says counts before what the coded pictures say, but a full range said by either is full.
 */
export function conversionOf(file: Coding | null, picture: Coding): readonly number[] | null {
  const shares = SHARES[(file ?? picture).matrix];
  if (shares === undefined) return null;
  const fullRange = picture.fullRange || file?.fullRange === true;
  const [red, blue] = shares;
  const green = 1 - red - blue;
  const [gain, offset, chroma] = fullRange ? [1, 0, 1] : [255 / 219, 16, 255 / 224];
  const [toRed, toBlue] = [2 * (1 - red) * chroma, 2 * (1 - blue) * chroma];
  return [gain, offset, toRed, (toBlue * blue) / green, (toRed * red) / green, toBlue];
}
