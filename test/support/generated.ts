import type { RgbImage } from '../../src/photos/pixels.ts';

/** The image that test/data/pillow/make.py makes from a seed. */
export function generatedImage(width: number, height: number, seed: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = seed % 4 === 0 ? (state >>> 31) * 255 : state >>> 24;
  }
  return { data, width, height };
}
