import type { RgbImage } from './pixels.ts';

/**
 * What noise of its own in two images leaves in the product of their Laplacians, as a share of their mean squared
 * difference: sharp's reduction makes neighbouring pixels share some of it. Measured on nothing but noise at seven sizes from
 * 800 to 2,400 pixels: 0.051 to 0.070.
 */
const SHARED_NOISE = 0.06;

/**
 * Sharpness that noise does not raise: the covariance of two Laplacians (their variance, Pech-Pacheco et al. 2000, is the
 * usual measure) of the luma, as a JPEG's subsampled chroma spreads noise from pixel to pixel. Of every two by two pixels one
 * diagonal makes the first image of half the size, the other diagonal the second: both see the same detail, but noise of
 * their own, which cancels out on average; what a reduction lets them share of it is taken off. The sharper the photo, the
 * higher. Every fourth row of cells counts. Depends on content and size, so that only photos of one scene at one size
 * compare. 0 for an image without inner cells, and for nothing but noise.
 */
export function sharpness({ data, width, height }: RgbImage): number {
  const row = width * 3;
  const [across, down] = [width >> 1, height >> 1];
  if (across < 3 || down < 3) return 0;
  let [count, sumOne, sumOther, products, differences] = [0, 0, 0, 0, 0];
  for (let y = 1; y < down - 1; y += 4) {
    for (let x = 1; x < across - 1; x += 1) {
      // A cell's upper left pixel; inner cells only, so that every neighbour exists.
      const at = 2 * y * row + 6 * x;
      const one = laplacian(data, at, at + row + 3, row);
      const other = laplacian(data, at + 3, at + row, row);
      sumOne += one;
      sumOther += other;
      products += one * other;
      differences += (one - other) ** 2;
      count += 1;
    }
  }
  const covariance = products / count - (sumOne / count) * (sumOther / count);
  return Math.max(0, covariance - (SHARED_NOISE * differences) / count);
}

/** Of the mean of two pixels of each cell: four cells around less four times the one at hand. */
function laplacian(data: Uint8Array, first: number, second: number, row: number): number {
  let sum = 0;
  for (const at of [first, second]) {
    const sides = luma(data, at - 6) + luma(data, at + 6);
    const above = luma(data, at - 2 * row) + luma(data, at + 2 * row);
    sum += sides + above - 4 * luma(data, at);
  }
  return sum / 2;
}

/** Rec. 601, as JPEG has it. */
function luma(data: Uint8Array, at: number): number {
  // Inner pixels only.
  return 0.299 * (data[at] as number) + 0.587 * (data[at + 1] as number) + 0.114 * (data[at + 2] as number);
}
