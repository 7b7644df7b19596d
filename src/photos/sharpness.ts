import type { RgbImage } from './pixels.ts';

/**
 * Variance of the Laplacian (Pech-Pacheco et al. 2000) of green, which carries most of the luma, over every fourth
 * row: the sharper the photo, the higher. Depends on content and size, so that only photos of one scene at one size
 * compare. 0 for an image without inner pixels.
 */
export function sharpness({ data, width, height }: RgbImage): number {
  if (width < 3 || height < 3) return 0;
  const row = width * 3;
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < height - 1; y += 4) {
    const end = (y + 1) * row - 3;
    for (let i = y * row + 4; i < end; i += 3) {
      // Inner pixels only, so that every neighbour exists.
      const sides = (data[i - 3] as number) + (data[i + 3] as number);
      const above = (data[i - row] as number) + (data[i + row] as number);
      const laplacian = sides + above - 4 * (data[i] as number);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
    count += width - 2;
  }
  return squares / count - (sum / count) ** 2;
}
