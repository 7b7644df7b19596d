import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { RgbImage } from '../../src/photos/pixels.ts';
import { sharpness } from '../../src/photos/sharpness.ts';
import { repository } from '../support/cli.ts';
import { generatedImage } from '../support/generated.ts';

async function blurred({ data, width, height }: RgbImage, sigma: number): Promise<RgbImage> {
  const raw = { width, height, channels: 3 as const };
  return { data: await sharp(data, { raw }).blur(sigma).raw().toBuffer(), width, height };
}

/** The definition, cell by cell. */
function bySums({ data, width, height }: RgbImage, part = { left: 0, top: 0, width, height }): number {
  const luma = (x: number, y: number): number => {
    const at = ((part.top + y) * width + part.left + x) * 3;
    return 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0);
  };
  const first = (x: number, y: number): number => (luma(2 * x, 2 * y) + luma(2 * x + 1, 2 * y + 1)) / 2;
  const second = (x: number, y: number): number => (luma(2 * x + 1, 2 * y) + luma(2 * x, 2 * y + 1)) / 2;
  const laplacian = (of: typeof first, x: number, y: number): number =>
    of(x - 1, y) + of(x + 1, y) + of(x, y - 1) + of(x, y + 1) - 4 * of(x, y);
  const pairs: [one: number, other: number][] = [];
  for (let y = 1; y < (part.height >> 1) - 1; y += 4) {
    for (let x = 1; x < (part.width >> 1) - 1; x++) pairs.push([laplacian(first, x, y), laplacian(second, x, y)]);
  }
  const mean = (of: (one: number, other: number) => number): number =>
    pairs.reduce((sum, [one, other]) => sum + of(one, other), 0) / pairs.length;
  const [one, other] = [mean((value) => value), mean((_, value) => value)];
  const covariance = mean((a, b) => (a - one) * (b - other));
  return pairs.length === 0 ? 0 : Math.max(0, covariance - 0.06 * mean((a, b) => (a - b) ** 2));
}

test('it is the covariance of the Laplacians of two diagonals, of any part of an image', () => {
  const side = fc.integer({ min: 1, max: 40 });
  const margin = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(side, side, margin, margin, margin, fc.nat(), (width, height, left, top, after, seed) => {
      const part = { left, top, width, height };
      const { data, ...size } = generatedImage(left + width + after, top + height + after, seed);
      // Neighbours share what is not noise.
      const image = {
        data: data.map((value, i) => (2 * value + (data[i - 3] ?? 0) + (data[i - 6] ?? 0)) / 4),
        ...size,
      };
      expect(sharpness(image, part)).toBeCloseTo(bySums(image, part), 6);
      expect(sharpness(image)).toBeCloseTo(bySums(image), 6);
    }),
  );
});

test('the more a photo is blurred, the less sharp it is', async () => {
  const side = fc.integer({ min: 40, max: 80 });
  await fc.assert(
    fc.asyncProperty(side, side, fc.nat(), async (width, height, seed) => {
      // Detail of two pixels and more, which optics leave; pixels that know nothing of each other are noise.
      const image = await blurred(generatedImage(width, height, seed), 1);
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

/** Gaussian noise on every channel (Box and Muller), reproducible. */
function noisy({ data, width, height }: RgbImage, sigma: number): RgbImage {
  let state = 1;
  const uniform = (): number => {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { data: data.map((value) => Math.min(255, Math.max(0, Math.round(value + sigma * normal())))), width, height };
}

/** Photographs at the size of a reduced decode. */
async function photographs(): Promise<RgbImage[]> {
  const names = [
    'pets/dog-1.jpg',
    'crab.jpg',
    'Garden/bee.jpg',
    '2025-05 Füssen/neuschwanstein.jpg',
    'pets/chelsea.png',
  ];
  return await Promise.all(
    names.map(async (name) => {
      const { data, info } = await sharp(join(repository, 'fixtures', 'photos', name))
        .resize({ width: 480, height: 480, fit: 'inside' })
        .removeAlpha()
        .toColourspace('srgb')
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { data, width: info.width, height: info.height };
    }),
  );
}

test.each([0, 4, 8, 15, 30])(
  'a blurred frame with noise of sigma %s does not pass for the sharp one',
  async (sigma) => {
    for (const photo of await photographs()) {
      const sharp = sharpness(noisy(photo, 2));
      for (const radius of [1.2, 3]) {
        expect(sharpness(noisy(await blurred(photo, radius), sigma))).toBeLessThan(sharp);
      }
    }
  },
);

test('noise alone is next to no sharpness', () => {
  const grey = { data: new Uint8Array(300 * 300 * 3).fill(128), width: 300, height: 300 };
  expect(sharpness(noisy(grey, 15))).toBeLessThan(30);
});

test.each([1.25, 1.6])('nor is noise that neighbours share since the photo was reduced %s times', async (times) => {
  const grey = { data: new Uint8Array(900 * 900 * 3).fill(128), width: 900, height: 900 };
  const { data, ...size } = noisy(grey, 30);
  const side = Math.round(900 / times);
  const reduced = await sharp(data, { raw: { ...size, channels: 3 } })
    .resize(side, side)
    .raw()
    .toBuffer();
  // Uncorrected it would count for more than 100.
  expect(sharpness({ data: reduced, width: side, height: side })).toBeLessThan(40);
});
