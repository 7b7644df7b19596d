import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, expect, it } from 'vitest';
import { frameQuality, frameScore } from '../../src/photos/frame.ts';
import type { RgbImage } from '../../src/photos/pixels.ts';
import { subjectMap } from '../../src/photos/subject.ts';
import { repository } from '../support/cli.ts';

let crab: RgbImage;
beforeAll(async () => {
  const { data, info } = await sharp(join(repository, 'fixtures/photos/crab.jpg'))
    .resize({ width: 800, height: 800, fit: 'inside' })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  crab = { data, width: info.width, height: info.height };
});

const change = async (image: RgbImage, by: (from: Sharp) => Sharp): Promise<RgbImage> => {
  const { width, height } = image;
  const { data } = await by(sharp(image.data, { raw: { width, height, channels: 3 } }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width, height };
};
const blurred = (image: RgbImage, sigma: number): Promise<RgbImage> => change(image, (from) => from.blur(sigma));

/** One image where the other says so, an ellipse in the middle of half its sides. */
function inTheMiddle(inside: RgbImage, outside: RgbImage): RgbImage {
  const { width, height } = inside;
  const data = Uint8Array.from(outside.data);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (Math.hypot((x / width - 0.5) * 4, (y / height - 0.5) * 4) > 1) continue;
      const at = (y * width + x) * 3;
      data.set(inside.data.subarray(at, at + 3), at);
    }
  }
  return { data, width, height };
}

it('prefers the frame whose subject is sharp to one whose surroundings are', async () => {
  const soft = await blurred(crab, 2);
  const [subject, surroundings] = [inTheMiddle(crab, soft), inTheMiddle(soft, crab)];
  expect(frameQuality(subject).sharpness).toBeGreaterThan(frameQuality(surroundings).sharpness);
  expect(frameQuality(crab).sharpness).toBeGreaterThan(frameQuality(subject).sharpness);
});

it('takes noise for no sharpness, and a brighter exposure for no sharper one', async () => {
  let state = 1;
  const noise = (): number => {
    // Numerical Recipes' linear congruential generator, a triangle of 12 levels.
    const next = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    return (next() - next()) * 12;
  };
  const soft = await blurred(crab, 1);
  const noisy = { ...soft, data: soft.data.map((value) => Math.max(0, Math.min(255, value + noise()))) };
  expect(frameQuality(crab).sharpness).toBeGreaterThan(frameQuality(noisy).sharpness);
  const bright = await change(soft, (from) => from.linear(1.4, 0));
  expect(frameScore(frameQuality(crab))).toBeGreaterThan(frameScore(frameQuality(bright)));
});

it('tells the shares that are blown out and black', () => {
  const data = new Uint8Array(100 * 100 * 3).fill(128);
  data.fill(255, 0, 2000 * 3);
  data.fill(0, 2000 * 3, 3000 * 3);
  expect(frameQuality({ data, width: 100, height: 100 })).toMatchObject({ blown: 0.2, black: 0.1 });
});

it('looks for the subject where a colour stands out, and in the middle of what is even', () => {
  const [width, height] = [320, 240];
  const even = { data: new Uint8Array(width * height * 3).fill(90), width, height };
  const map = subjectMap(even);
  expect(map.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1);
  expect([367, 368, 399, 400]).toContain(map.indexOf(Math.max(...map)));
  const spot = even.data.slice();
  for (let y = 100; y < 140; y += 1) for (let x = 60; x < 100; x += 1) spot.set([250, 40, 30], (y * width + x) * 3);
  const found = subjectMap({ data: spot, width, height });
  const at = found.indexOf(Math.max(...found));
  expect([at % 32, Math.floor(at / 32)]).toEqual([expect.closeTo(8, -1), expect.closeTo(12, -1)]);
  expect(found[at]).toBeGreaterThan(5 * (map[at] as number));
});
