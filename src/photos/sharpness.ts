import type { RgbImage } from './pixels.ts';

/**
 * Variance of the Laplacian of the luma (Pech-Pacheco et al. 2000): the sharper the photo, the higher. Depends on
 * content and size, so that only photos of one scene at one size compare. 0 for an image without inner pixels.
 */
export function sharpness({ data, width, height }: RgbImage): number {
  if (width < 3 || height < 3) return 0;
  const luma = new Int16Array(width * height);
  for (let p = 0, i = 0; p < luma.length; p++, i += 3) {
    // BT.601 weights in 1/256; all three samples are inside the image.
    luma[p] = (77 * (data[i] as number) + 150 * (data[i + 1] as number) + 29 * (data[i + 2] as number)) >> 8;
  }
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < height - 1; y++) {
    const end = (y + 1) * width - 1;
    for (let p = y * width + 1; p < end; p++) {
      // Inner pixels only, so that every neighbour exists.
      const around =
        (luma[p - 1] as number) + (luma[p + 1] as number) + (luma[p - width] as number) + (luma[p + width] as number);
      const laplacian = around - 4 * (luma[p] as number);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const count = (width - 2) * (height - 2);
  return squares / count - (sum / count) ** 2;
}
