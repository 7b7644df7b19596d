import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { samePicture } from '../../../src/library/dedupe/same-picture.ts';
import { PRINT_BOX, type Print, printed, printIn } from '../../../src/photos/print.ts';
import { repository } from '../../support/cli.ts';

const fixture = (path: string): string => join(repository, 'fixtures/photos', path);

async function print(photo: Sharp): Promise<Print> {
  const bytes = await photo.toBuffer();
  const { autoOrient } = await sharp(bytes).metadata();
  const { data, info } = await sharp(bytes)
    .autoOrient()
    .toColourspace('srgb')
    .resize(PRINT_BOX, PRINT_BOX, { fit: 'inside', withoutEnlargement: true })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return printIn(printed(data, info), info, autoOrient);
}

const PHOTOS = ['pets/dog-1.jpg', 'Zoo/red-panda-1.jpg', 'Küche/citrus-1.jpg', '2023-10 Picos de Europa/mountain.jpg'];

describe.each(PHOTOS)('the print of %s', (path) => {
  const photo = (): Sharp => sharp(fixture(path));

  it.each([
    ['recompressed', () => photo().jpeg({ quality: 30 })],
    ['of half the size', () => photo().resize(500).jpeg()],
    ['as a WebP of 320 pixels', () => photo().resize(320).webp()],
    ['enlarged', () => photo().resize(2000).jpeg()],
  ] as const)('agrees with it %s', async (_, make) => {
    expect(samePicture(await print(photo()), await print(make()))).toBe(true);
  });

  it.each([
    ['brightened', () => photo().linear(1.12, 0).jpeg()],
    ['in grey', () => photo().grayscale().jpeg()],
    ['mirrored', () => photo().flop().jpeg()],
    ['turned by a degree', () => photo().rotate(1).jpeg()],
    [
      'with a patch on it',
      () =>
        photo()
          .composite([
            { input: { create: { width: 60, height: 60, channels: 3, background: '#c33' } }, left: 400, top: 300 },
          ])
          .jpeg(),
    ],
  ] as const)('differs from it %s', async (_, make) => {
    expect(samePicture(await print(photo()), await print(make()))).toBe(false);
  });

  it.each([0.99, 0.95, 0.8])('differs from a crop to %d of its sides', async (share) => {
    const { width, height } = await photo().metadata();
    const crop = photo().extract({
      left: 0,
      top: 0,
      width: Math.round(width * share),
      height: Math.round(height * share),
    });
    expect(samePicture(await print(photo()), await print(crop.jpeg()))).toBe(false);
  });
});

it('tells the frames of a burst apart', async () => {
  for (const name of ['pets/dog', 'pets/kitten', 'Zoo/red-panda', 'Küche/citrus', '2024-06 Cincinnati/bridge']) {
    const frames = await Promise.all([1, 2, 3].map((n) => print(sharp(fixture(`${name}-${n}.jpg`)))));
    for (const [i, one] of frames.entries()) {
      for (const other of frames.slice(i + 1)) expect(samePicture(one, other)).toBe(false);
    }
  }
});

it('holds no two plain frames for one picture', async () => {
  const black = (width: number): Sharp =>
    sharp({ create: { width, height: width, channels: 3, background: '#000' } }).jpeg();
  expect(samePicture(await print(black(600)), await print(black(300)))).toBe(false);
});

/** Text that a scanner or a screen shows, one line of it. */
function page(total: string): Sharp {
  const lines = Array.from(
    { length: 20 },
    (_, i) => `Item ${i + 1}: ${'a photo album with a cover '.slice(0, 12 + ((i * 7) % 14))}`,
  );
  const text = [...lines, `Total: ${total} EUR`].map(
    (line, i) => `<text x="80" y="${120 + i * 60}" font-family="sans-serif" font-size="26">${line}</text>`,
  );
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="1240" height="1600"><rect width="100%" height="100%" fill="#fff"/>${text.join('')}</svg>`,
    ),
  );
}

it('tells two pages apart that differ in a figure, and knows one that was saved again', async () => {
  const one = await print(page('1,234.50').jpeg({ quality: 90 }));
  for (const other of ['1,284.50', '8,709.15', '1,234.58']) {
    expect(samePicture(one, await print(page(other).jpeg({ quality: 90 })))).toBe(false);
  }
  expect(samePicture(one, await print(page('1,234.50').jpeg({ quality: 40 })))).toBe(true);
  expect(
    samePicture(
      one,
      await print(
        sharp(await page('1,234.50').png().toBuffer())
          .resize(500)
          .webp(),
      ),
    ),
  ).toBe(true);
});
