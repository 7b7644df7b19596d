import fc from 'fast-check';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { RgbImage } from '../../src/photos/pixels.ts';
import { sharpness } from '../../src/photos/sharpness.ts';
import { generatedImage } from '../support/generated.ts';

async function blurred({ data, width, height }: RgbImage, sigma: number): Promise<RgbImage> {
  const raw = { width, height, channels: 3 as const };
  return { data: await sharp(data, { raw }).blur(sigma).raw().toBuffer(), width, height };
}

test('the more a photo is blurred, the less sharp it is', async () => {
  const side = fc.integer({ min: 40, max: 80 });
  await fc.assert(
    fc.asyncProperty(side, side, fc.nat(), async (width, height, seed) => {
      const image = generatedImage(width, height, seed);
      const [little, much] = [await blurred(image, 0.8), await blurred(image, 3)];
      expect(sharpness(image)).toBeGreaterThan(sharpness(little));
      expect(sharpness(little)).toBeGreaterThan(sharpness(much));
    }),
    { numRuns: 20 },
  );
});

test('an even surface has no sharpness, nor has an image without inner pixels', () => {
  expect(sharpness({ data: new Uint8Array(300).fill(90), width: 10, height: 10 })).toBe(0);
  expect(sharpness(generatedImage(2, 50, 1))).toBe(0);
  expect(sharpness(generatedImage(50, 1, 1))).toBe(0);
});
