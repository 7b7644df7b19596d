import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePhoto } from '../../src/photos/decode.ts';
import { isHeic } from '../../src/photos/heic/brands.ts';
import { decodeHeic, heicProfile } from '../../src/photos/heic/heic.ts';
import { hasHole } from '../../src/photos/heic/holes.ts';
import { readExif } from '../../src/photos/metadata/exif.ts';
import type { RgbImage } from '../../src/photos/pixels.ts';
import { repository } from '../support/cli.ts';

const read = (name: string): Uint8Array => readFileSync(join(repository, 'test/data/heic-raw', name));
const fixture = (name: string): string => join(repository, 'fixtures/photos', name);
const LIMIT = 1e6;

async function pixels(bytes: Uint8Array): Promise<RgbImage> {
  const result = await decodeHeic(bytes, LIMIT);
  if (result.kind === 'fault') throw new Error(result.fault.reason);
  return result;
}

/** Mean difference, in levels of 255, from a fixture photo scaled and cropped as make.py does it. */
async function difference(image: RgbImage, name: string): Promise<number> {
  const { data } = await sharp(fixture(name))
    .resize(image.width, image.height, { fit: 'cover' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(image.data).toHaveLength(data.length);
  return data.reduce((sum, value, i) => sum + Math.abs(value - (image.data[i] ?? 0)), 0) / data.length;
}

function turnedAnticlockwise({ data, width, height }: RgbImage): RgbImage {
  const turned = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      turned.set(data.subarray(from, from + 3), ((width - 1 - x) * height + y) * 3);
    }
  }
  return { data: turned, width: height, height: width };
}

/** A copy whose `irot` property says something else. */
function turned(bytes: Uint8Array, quarterTurns: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[Buffer.from(bytes).indexOf('irot') + 4] = quarterTurns;
  return copy;
}

describe('a HEIC photo', () => {
  test('in tiles, as phones write it, comes upright, its edge tiles cropped', async () => {
    const image = await pixels(read('phone.heic'));
    expect(image).toMatchObject({ width: 400, height: 600 });
    expect(await difference(image, 'crab.jpg')).toBeLessThan(12);
    const upsideDown = turnedAnticlockwise(turnedAnticlockwise(image));
    expect(await difference(upsideDown, 'crab.jpg')).toBeGreaterThan(40);
  });

  test('is turned by its own rotation, whatever EXIF says', async () => {
    const bytes = read('phone.heic');
    let expected = await pixels(turned(bytes, 0));
    for (const quarterTurns of [1, 2, 3]) {
      expected = turnedAnticlockwise(expected);
      const image = await pixels(turned(bytes, quarterTurns));
      expect([image.width, image.height]).toEqual([expected.width, expected.height]);
      expect(Buffer.compare(image.data, expected.data)).toBe(0);
    }
  });

  /** By EXIF orientation, from which of w x h stored pixels the upright one at x, y comes (EXIF 2.32, 4.6.4). */
  const origins: readonly ((x: number, y: number, w: number, h: number) => readonly [number, number])[] = [
    (x, y) => [x, y],
    (x, y, w) => [w - 1 - x, y],
    (x, y, w, h) => [w - 1 - x, h - 1 - y],
    (x, y, _, h) => [x, h - 1 - y],
    (x, y) => [y, x],
    (x, y, _, h) => [y, h - 1 - x],
    (x, y, w, h) => [w - 1 - y, h - 1 - x],
    (x, y, w) => [w - 1 - y, x],
  ];

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'without a rotation of its own is turned by EXIF orientation %i',
    async (turn) => {
      const bytes = Buffer.from(read('exif-alone.heic'));
      const orientation = bytes.lastIndexOf(Buffer.from([0x01, 0x12, 0, 3, 0, 0, 0, 1])) + 9;
      bytes[orientation] = 1;
      const stored = await pixels(bytes);
      bytes[orientation] = turn;
      const image = await pixels(bytes);
      expect([image.width, image.height].toSorted()).toEqual([240, 360]);
      expect(image.width).toBe(turn < 5 ? stored.width : stored.height);
      const wrong = image.data.findIndex((value, i) => {
        const [x, y] = [Math.floor(i / 3) % image.width, Math.floor(i / 3 / image.width)];
        const [column = 0, row = 0] = origins[turn - 1]?.(x, y, stored.width, stored.height) ?? [];
        return value !== stored.data[(row * stored.width + column) * 3 + (i % 3)];
      });
      expect(wrong).toBe(-1);
    },
  );

  test('that phones and editors turn by EXIF alone comes upright', async () => {
    const image = await pixels(read('exif-alone.heic'));
    expect(image).toMatchObject({ width: 240, height: 360 });
    expect(await difference(image, 'crab.jpg')).toBeLessThan(12);
  });

  test.each(['irot', 'imir'])('is not turned by EXIF where it has a property %s of its own', async (name) => {
    const bytes = Buffer.from(turned(read('phone.heic'), 0));
    bytes.write(name, bytes.indexOf('irot'), 'latin1');
    const image = await pixels(bytes);
    expect([image.width, image.height]).toEqual([600, 400]);
  });

  test.each(['phone', 'swapped-primaries'])('has the same profile without being decoded: %s', async (name) => {
    const bytes = read(`${name}.heic`);
    const decoded = await decodeHeic(bytes, LIMIT);
    if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
    const profile = heicProfile(bytes);
    expect(profile === null ? null : [...profile]).toEqual(decoded.icc === null ? null : [...decoded.icc]);
  });

  test('of 10 bits comes in 8', async () => {
    const image = await pixels(read('ten-bit.heic'));
    expect(image).toMatchObject({ width: 480, height: 320 });
    expect(await difference(image, 'Zoo/red-panda-1.jpg')).toBeLessThan(8);
  });

  test('loses its alpha without being blended', async () => {
    const image = await pixels(read('transparent.heic'));
    expect(image).toMatchObject({ width: 320, height: 240 });
    expect(await difference(image, 'Zoo/red-panda-1.jpg')).toBeLessThan(8);
  });

  test('goes through the common decoder, reduced where that is asked for, with its EXIF', async () => {
    const bytes = read('phone.heic');
    const decoded = await decodePhoto(bytes, { reduceFor: 100 });
    if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
    expect(decoded.size).toEqual({ width: 400, height: 600 });
    expect(decoded.image.width).toBe(200);
    expect(await difference(decoded.image, 'crab.jpg')).toBeLessThan(12);
    expect(await readExif(decoded.exif, bytes)).toMatchObject({
      takenMs: Date.parse('2024-05-06T07:08:09Z'),
      camera: 'Apple iPhone 15',
    });
  });
});

describe('a HEIC file that cannot be decoded', () => {
  const faultCode = async (bytes: Uint8Array, limit = LIMIT): Promise<string> => {
    const result = await decodeHeic(bytes, limit);
    return result.kind === 'fault' ? result.fault.code : 'decoded';
  };

  test('is refused before decoding when it claims too many pixels', async () => {
    expect(await faultCode(read('phone.heic'), 400 * 600 - 1)).toBe('too_large');
    expect(await faultCode(read('phone.heic'), 400 * 600)).toBe('decoded');
  });

  test('is told apart when its picture is coded in another way', async () => {
    expect(await faultCode(readFileSync(fixture('brandenburg-gate.avif')))).toBe('unsupported');
  });

  test('is not called damaged when it is a film of pictures, without one by itself', async () => {
    const box = (name: string, size: number) =>
      Buffer.concat([Buffer.from([0, 0, 0, size + 8]), Buffer.from(name), Buffer.alloc(size)]);
    const start = Buffer.from('\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc', 'latin1');
    const result = await decodeHeic(Buffer.concat([start, box('moov', 64), box('mdat', 64)]), LIMIT);
    expect(result).toEqual({
      kind: 'fault',
      fault: {
        code: 'unsupported',
        reason: 'is a HEIF image sequence without a still picture, which cannot be decoded',
      },
    });
  });

  test('is reported wherever it is cut short, and never returned with tiles missing', async () => {
    const bytes = read('phone.heic');
    // Behind the pictures stands nothing but EXIF.
    const picturesEnd = Buffer.from(bytes).lastIndexOf('Exif') - 4;
    await fc.assert(
      fc.asyncProperty(fc.nat(picturesEnd - 1), async (end) => {
        expect(await faultCode(bytes.subarray(0, end))).not.toBe('decoded');
      }),
      { numRuns: 60 },
    );
  });

  test('gives pixels or a fault, and the next file is decoded, whatever its bytes', async () => {
    const bytes = read('transparent.heic');
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, value] of changes) copy[at] = value;
        const result = await decodeHeic(copy, LIMIT);
        if (result.kind === 'pixels') expect(result.data).toHaveLength(result.width * result.height * 3);
      }),
      { numRuns: 150 },
    );
    expect(await faultCode(bytes)).toBe('decoded');
  });
});

describe('the brands in a file', () => {
  const file = (...brands: readonly string[]): Uint8Array => {
    const bytes = Buffer.alloc(12 + brands.length * 4);
    bytes.writeUInt32BE(bytes.length);
    bytes.write(`ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`, 4, 'latin1');
    return bytes;
  };

  test.each([
    [true, ['heic', 'mif1', 'heic']],
    [true, ['heix', 'mif1', 'miaf']],
    [true, ['mif1', 'mif1', 'heic']],
    [true, ['msf1', 'hevc']],
    [true, ['mif1', 'jpeg']],
    [false, ['avif', 'mif1', 'miaf']],
    [false, ['mif1', 'avif', 'miaf']],
    [false, ['crx ', 'isom']],
    [false, ['isom', 'heic']],
    [false, ['qt  ']],
  ])('say %s of %j being HEIC', (expected, brands) => {
    expect(isHeic(file(...brands))).toBe(expected);
  });

  test('are looked for in any bytes without an error', () => {
    const bytes = fc.tuple(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(bytes, ([size, rest]) => {
        isHeic(Buffer.concat([size, Buffer.from('ftyp'), rest]));
        isHeic(Buffer.concat([Buffer.from([0, 0, 0, size[0] ?? 0]), Buffer.from('ftypmif1'), rest]));
      }),
    );
  });
});

describe('zeros in place of coded bytes', () => {
  const names = ['phone.heic', 'ten-bit.heic'];

  test.each(names)('make %s damaged, wherever they are, as an interrupted copy leaves them', async (name) => {
    const sound = read(name);
    expect(hasHole(sound)).toBe(false);
    for (const [from, to] of [
      [0.4, 0.5],
      [0.5, 1],
      [0.9, 1],
    ] as const) {
      const holed = Uint8Array.from(sound).fill(0, sound.length * from, sound.length * to);
      expect(await decodeHeic(holed, LIMIT)).toEqual({
        kind: 'fault',
        fault: { code: 'corrupt', reason: 'is damaged: a part of it is nothing but zeros' },
      });
    }
  });

  test('mean nothing behind the picture or in a file that is not understood', () => {
    const sound = read('phone.heic');
    expect(hasHole(Buffer.concat([sound, Buffer.alloc(4096)]))).toBe(false);
    expect(hasHole(Buffer.concat([sound.subarray(0, 300), Buffer.alloc(4096)]))).toBe(false);
    expect(hasHole(new Uint8Array())).toBe(false);
  });

  test('are looked for in whatever bytes without an error, and without end', () => {
    const sound = read('phone.heic');
    const damage = fc.array(fc.tuple(fc.nat({ max: 1500 }), fc.nat({ max: 255 })), { maxLength: 12 });
    fc.assert(
      fc.property(damage, fc.nat({ max: sound.length }), (changes, length) => {
        const bytes = Uint8Array.from(sound.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        expect(typeof hasHole(bytes)).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });
});
