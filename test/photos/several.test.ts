import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { holdsSeveral } from '../../src/photos/several.ts';
import { repository } from '../support/cli.ts';
import { grayTiff } from '../support/tiff-pages.ts';

const data = (path: string): Promise<Buffer> => readFile(join(repository, 'test/data', path));
const frames = ['#f00', '#0f0', '#00f'].map((background) => ({
  create: { width: 20, height: 10, channels: 3 as const, background },
}));
const still = (): Sharp => sharp(frames[0]);

function chunk(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, Buffer.from(type, 'latin1'), content, Buffer.alloc(4)]);
}

/** With a chunk right behind the header. */
async function pngWith(type: string, content: Buffer): Promise<Buffer> {
  const png = await still().png().toBuffer();
  return Buffer.concat([png.subarray(0, 33), chunk(type, content), png.subarray(33)]);
}

describe('a file of several pictures', () => {
  it.each(['gif', 'webp'] as const)('is an animated %s, and no still one', async (format) => {
    const stills = await Promise.all(frames.map((frame) => sharp(frame).png().toBuffer()));
    const animated = await sharp(stills, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
    expect(holdsSeveral(animated)).toBe(true);
    expect(holdsSeveral(await still().toFormat(format).toBuffer())).toBe(false);
    // Cut short, it has what is there.
    for (let end = 0; end < animated.length; end += 7)
      expect(() => holdsSeveral(animated.subarray(0, end))).not.toThrow();
  });

  it('is an APNG of several frames', async () => {
    expect(holdsSeveral(await pngWith('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])))).toBe(true);
    expect(holdsSeveral(await pngWith('acTL', Buffer.from([0, 0, 0, 1, 0, 0, 0, 0])))).toBe(false);
    expect(holdsSeveral(await pngWith('tEXt', Buffer.from('acTL\0 of two')))).toBe(false);
  });

  it('is a sequence in a HEIF container, and no photo of a phone', async () => {
    expect(holdsSeveral(await data('kinds/animated.avif'))).toBe(true);
    for (const name of ['phone', 'large', 'ten-bit', 'wide']) {
      expect(holdsSeveral(await data(`heic-raw/${name}.heic`)), name).toBe(false);
    }
    expect(holdsSeveral(await still().avif().toBuffer())).toBe(false);
    const ftyp = (...brands: string[]): Buffer => {
      const [major = '', ...others] = brands;
      const box = Buffer.from(`\0\0\0\0ftyp${major}\0\0\0\0${others.join('')}`, 'latin1');
      box.writeUInt32BE(box.length);
      return box;
    };
    expect(holdsSeveral(ftyp('hevc', 'msf1', 'mif1', 'heic'))).toBe(true);
    expect(holdsSeveral(ftyp('heix', 'mif1', 'msf1', 'hevx'))).toBe(false);
  });

  it.each([true, false])('is a TIFF of pages, which a preview or a mask is not (little-endian: %s)', (little) => {
    expect(holdsSeveral(grayTiff([0, 0], { little }))).toBe(true);
    // NewSubfileType: a smaller version, a page of several, a mask.
    expect(holdsSeveral(grayTiff([0, 1], { little }))).toBe(false);
    expect(holdsSeveral(grayTiff([0, 4], { little }))).toBe(false);
    expect(holdsSeveral(grayTiff([2, 2], { little }))).toBe(true);
    expect(holdsSeveral(grayTiff([0], { little }))).toBe(false);
    // The chain comes back to its beginning.
    expect(holdsSeveral(grayTiff([0], { little, loops: true }))).toBe(false);
  });

  it('is looked for in no endless chain of previews', () => {
    const previews = grayTiff(Array(5000).fill(1));
    expect(holdsSeveral(previews)).toBe(false);
  });

  it('is none of another format', async () => {
    expect(holdsSeveral(await still().jpeg().toBuffer())).toBe(false);
    expect(holdsSeveral(await data('kinds/palette.bmp'))).toBe(false);
    expect(holdsSeveral(await data('heic-raw/constructed.nef'))).toBe(false);
    expect(holdsSeveral(new Uint8Array())).toBe(false);
  });
});
