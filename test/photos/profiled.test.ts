import fc from 'fast-check';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { profiledTiff } from '../../src/photos/profiled.ts';

const images = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([width, height]) =>
  fc.record({
    width: fc.constant(width),
    height: fc.constant(height),
    data: fc.uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height }),
  }),
);

it('hands pixels to sharp as they are, whatever stands in place of a profile', async () => {
  const profiles = fc.option(fc.uint8Array({ minLength: 1, maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(images, profiles, async (image, profile) => {
      const read = await sharp(profiledTiff(image, profile), { failOn: 'error' })
        .toColourspace('srgb')
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([read.info.width, read.info.height, read.info.channels]).toEqual([image.width, image.height, 3]);
      expect(Buffer.compare(read.data, Buffer.from(image.data))).toBe(0);
    }),
  );
});
