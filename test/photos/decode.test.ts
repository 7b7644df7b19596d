import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePhoto, reducedSize } from '../../src/photos/decode.ts';
import type { PhotoFault } from '../../src/photos/fault.ts';
import { MAX_PIXELS } from '../../src/photos/source.ts';
import { repository } from '../support/cli.ts';
import { generatedImage } from '../support/generated.ts';

const WIDTH = 48;
const HEIGHT = 32;

/** A photo whose corners tell its orientation: red top left, green top right, blue bottom left, white bottom right. */
function corners(): Sharp {
  const data = Buffer.alloc(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const right = x >= WIDTH / 2;
      const bottom = y >= HEIGHT / 2;
      const colour = right ? (bottom ? [255, 255, 255] : [0, 255, 0]) : bottom ? [0, 0, 255] : [255, 0, 0];
      data.set(colour, (y * WIDTH + x) * 3);
    }
  }
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

async function decoded(bytes: Uint8Array, reduceFor: number | null = null) {
  const result = await decodePhoto(bytes, { reduceFor });
  if (result.kind === 'fault') throw new Error(result.fault.reason);
  return result;
}

async function faultOf(bytes: Uint8Array): Promise<PhotoFault> {
  const result = await decodePhoto(bytes, { reduceFor: 235 });
  if (result.kind !== 'fault') throw new Error('it was decoded');
  return result.fault;
}

async function cornerColours(bytes: Uint8Array): Promise<string> {
  const { image } = await decoded(bytes);
  const name = (x: number, y: number): string => {
    const at = (y * image.width + x) * 3;
    const levels = [...image.data.subarray(at, at + 3)];
    if (Math.min(...levels) > 200) return 'white';
    return ['red', 'green', 'blue'][levels.indexOf(Math.max(...levels))] ?? '';
  };
  const [right, bottom] = [image.width - 3, image.height - 3];
  return [name(2, 2), name(right, 2), name(2, bottom), name(right, bottom)].join(' ');
}

const formats: Readonly<Record<string, (image: Sharp) => Sharp>> = {
  'a JPEG': (image) => image.jpeg(),
  'a progressive JPEG': (image) => image.jpeg({ progressive: true }),
  'a CMYK JPEG': (image) => image.toColourspace('cmyk').jpeg(),
  'a PNG': (image) => image.png(),
  'an interlaced PNG': (image) => image.png({ progressive: true }),
  'a PNG with a palette': (image) => image.png({ palette: true }),
  'a PNG with alpha': (image) => image.ensureAlpha(0.5).png(),
  'a PNG of 16 bits': (image) => image.toColourspace('rgb16').png(),
  'a WebP': (image) => image.webp(),
  'a lossless WebP with alpha': (image) => image.ensureAlpha(0).webp({ lossless: true, exact: true }),
  'a GIF': (image) => image.gif(),
  'a TIFF': (image) => image.tiff(),
  'a CMYK TIFF': (image) => image.toColourspace('cmyk').tiff({ compression: 'lzw' }),
  'an AVIF': (image) => image.avif({ lossless: true }),
};

describe('decoding gives upright RGB', () => {
  for (const [name, encode] of Object.entries(formats)) {
    test(`from ${name}`, async () => {
      const bytes = await encode(corners()).toBuffer();
      expect(await cornerColours(bytes)).toBe('red green blue white');
      const { size, image } = await decoded(bytes);
      expect(size).toEqual({ width: WIDTH, height: HEIGHT });
      expect(image.data).toHaveLength(WIDTH * HEIGHT * 3);
    });
  }

  test('from grey levels of 8 and 16 bits', async () => {
    const grey = await corners().extractChannel('green').png().toBuffer();
    const deep = await sharp(grey).toColourspace('grey16').png().toBuffer();
    for (const bytes of [await sharp(grey).jpeg().toBuffer(), grey, deep]) {
      const { image } = await decoded(bytes);
      expect(image.data).toHaveLength(WIDTH * HEIGHT * 3);
      expect([image.data[0], image.data[1], image.data[2]]).toEqual([image.data[1], image.data[2], image.data[0]]);
    }
  });

  test('whatever the EXIF orientation, with the size as one sees it', async () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      // Turned so that applying the orientation gives the upright corners again.
      const turned = {
        1: corners(),
        2: corners().flop(),
        3: corners().rotate(180),
        4: corners().flip(),
        5: sharp(await corners().rotate(90).png().toBuffer()).flop(),
        6: corners().rotate(270),
        7: sharp(await corners().rotate(270).png().toBuffer()).flop(),
        8: corners().rotate(90),
      }[orientation] as Sharp;
      const bytes = await turned.withMetadata({ orientation }).jpeg().toBuffer();
      expect(await cornerColours(bytes), `orientation ${orientation}`).toBe('red green blue white');
      expect((await decoded(bytes)).size).toEqual({ width: WIDTH, height: HEIGHT });
    }
  });

  test('from the first frame of an animation', async () => {
    const frames = [await corners().png().toBuffer(), await corners().negate().png().toBuffer()];
    for (const format of ['gif', 'webp'] as const) {
      const bytes = await sharp(frames, { join: { animated: true } })
        .toFormat(format)
        .toBuffer();
      expect(await cornerColours(bytes)).toBe('red green blue white');
    }
  });

  test('with the colours as they stand in the file, whatever its profile', async () => {
    const level = { create: { width: 8, height: 8, channels: 3 as const, background: { r: 200, g: 60, b: 20 } } };
    const bytes = await sharp(level).keepIccProfile().withIccProfile('p3').png().toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect(stored.equals((await decoded(bytes)).image.data)).toBe(true);
    expect(stored[0]).not.toBe(200);
  });

  test('of one pixel, of one row, and of one column', async () => {
    for (const [width, height] of [
      [1, 1],
      [30_000, 1],
      [1, 30_000],
    ] as const) {
      const create = { width, height, channels: 3 as const, background: 'red' };
      const { image, size } = await decoded(await sharp({ create }).png().toBuffer(), 235);
      expect(size).toEqual({ width, height });
      expect(image.data).toHaveLength(width * height * 3);
    }
  });

  test('at a reduced size, never below 1.75 times the target, when the photo is large', async () => {
    const photo = { create: { width: 4000, height: 3000, channels: 3 as const, background: '#357' } };
    const upright = { create: { width: 3000, height: 4000, channels: 3 as const, background: '#357' } };
    const turned = await sharp(upright).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    for (const bytes of [await sharp(photo).jpeg().toBuffer(), turned]) {
      const { image, size } = await decoded(bytes, 235);
      expect(size).toEqual({ width: 4000, height: 3000 });
      expect(image).toMatchObject({ width: 1000, height: 750 });
    }
    for (let side = 1; side < 20_000; side += 7) {
      const reduced = reducedSize({ width: side, height: side * 2 }, 235);
      if (reduced !== null) expect(Math.min(reduced.width, reduced.height)).toBeGreaterThanOrEqual(411);
    }
  });
});

describe('what cannot be decoded is told apart', () => {
  const broken = (name: string): Promise<Buffer> => readFile(join(repository, 'fixtures', 'broken', name));

  const expectations: Readonly<Record<string, PhotoFault>> = {
    'text.jpg': { code: 'not_an_image', reason: 'is not an image: it looks like plain text' },
    'truncated.jpg': { code: 'corrupt', reason: 'is cut short' },
    'truncated.png': { code: 'corrupt', reason: 'is cut short' },
    'header-only.jpg': { code: 'corrupt', reason: 'is cut short' },
    'damaged.jpg': { code: 'corrupt', reason: 'is damaged' },
    'damaged-hidden.jpg': { code: 'corrupt', reason: 'is damaged' },
    'wrong-crc.png': { code: 'corrupt', reason: 'is damaged' },
    'bad-header.gif': { code: 'unsupported', reason: 'is a GIF of an unknown version, which cannot be decoded' },
    'animated.avif': {
      code: 'unsupported',
      reason: 'is an animated AVIF without a still picture, which cannot be decoded',
    },
    'huge.webp': {
      code: 'too_large',
      reason: 'claims 16383 x 16383 pixels; more than 250 megapixels are not decoded',
    },
  };
  for (const [name, fault] of Object.entries(expectations)) {
    test(`${name} ${fault.reason}`, async () => {
      expect(await faultOf(await broken(name))).toEqual(fault);
    });
  }

  for (const [name, encode] of Object.entries(formats)) {
    test(`${name} is cut short wherever it ends`, async () => {
      const { data, width, height } = generatedImage(96, 64, 1);
      const bytes = await encode(sharp(data, { raw: { width, height, channels: 3 } })).toBuffer();
      for (const part of [0.05, 0.5, 0.95]) {
        const { code, reason } = await faultOf(bytes.subarray(0, Math.floor(bytes.length * part)));
        expect(code, `${part}`).toBe('corrupt');
        // A TIFF may lose the end of a table that nothing else would miss.
        if (!name.includes('TIFF')) expect(reason, `${part}`).toBe('is cut short');
      }
    });
  }

  test('bytes lost in the middle of a large JPEG do not hide behind its reduced size', async () => {
    const { data, width, height } = generatedImage(3200, 2400, 1);
    const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
      .jpeg()
      .toBuffer();
    expect((await decoded(bytes, 235)).size).toEqual({ width, height });
    const middle = bytes.length >> 1;
    const lossy = Buffer.concat([bytes.subarray(0, middle), bytes.subarray(middle + 4096)]);
    expect((await faultOf(lossy)).code).toBe('corrupt');
  });

  test('other kinds of file are named by their content', async () => {
    const heads: Readonly<Record<string, string>> = {
      '%PDF-1.7\n': 'not_an_image: is not an image: it looks like a PDF document',
      'PK\x03\x04\x14\0': 'not_an_image: is not an image: it looks like an archive',
      '\0\0\0\x20ftypisom\0\0\x02\0isom': 'not_an_image: is not an image: it looks like a video',
      '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>':
        'not_an_image: is not an image: it looks like an SVG drawing',
      '<!DOCTYPE html><title>Not found</title>': 'not_an_image: is not an image: it looks like a web page',
      [`${'\0'.repeat(4096)}`]: 'not_an_image: is not an image: it looks like nothing but zeros',
      '\x01\x02\x03\x04': 'not_an_image: is not an image',
      'BM\x36\x10\0\0\0\0\0\0': 'corrupt: is cut short',
      '\xff\x0a\xfa\x7f': 'unsupported: is a JPEG XL image, which cannot be decoded',
      '\0\0\0\x0cjP  \r\n': 'unsupported: is a JPEG 2000 image, which cannot be decoded',
      'II*\0\x10\0\0\0CR\x02\0': 'corrupt: is a camera RAW file (CR2) that is damaged, or of a camera not known',
      '\0MRM\0\x01\0\0': 'corrupt: is a camera RAW file (MRW) that is damaged, or of a camera not known',
      '\xff\xd8\xff': 'corrupt: is cut short',
    };
    for (const [head, expected] of Object.entries(heads)) {
      const { code, reason } = await faultOf(Buffer.from(head, 'latin1'));
      expect(`${code}: ${reason}`, JSON.stringify(head.slice(0, 20))).toBe(expected);
    }
  });

  test('a bomb of more pixels than are decoded is refused by its header, at once', async () => {
    const side = Math.ceil(Math.sqrt(MAX_PIXELS)) + 1;
    const header = Buffer.alloc(33);
    header.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
    header.writeUInt32BE(side, 16);
    header.writeUInt32BE(side, 20);
    header.set([8, 2, 0, 0, 0], 24);
    header.writeUInt32BE(crc32(header.subarray(12, 29)), 29);
    const started = performance.now();
    expect((await faultOf(Buffer.concat([header, idat()]))).code).toBe('too_large');
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

/** CRC-32 as PNG has it (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function idat(): Buffer {
  const type = Buffer.from('IDAT');
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(type));
  return Buffer.concat([Buffer.alloc(4), type, crc]);
}
