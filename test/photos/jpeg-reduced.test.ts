import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { JpegHeaders } from '../../src/photos/jpeg/header.ts';
import { decodeExactlyReducedJpeg, decodeReducedJpeg } from '../../src/photos/jpeg/reduced.ts';
import type { RgbImage } from '../../src/photos/pixels.ts';

const MANY = 1e9;
/** The second half of a marker that may stand within a scan. */
const RESTARTS = [0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7];
const PROGRESSIVE = ['progressive', 'progressive-restarts'];
const kind = (name: string): Buffer => readFileSync(new URL(`../data/jpeg/${name}.jpg`, import.meta.url));

/** Decodes at `side` eighths of the size; null when that is refused. */
function reduced(bytes: Uint8Array, short: number, side: 1 | 2): RgbImage | null {
  const decoded = decodeReducedJpeg(bytes, side === 1 ? 1 : short / 8 + 0.1, MANY);
  return typeof decoded === 'string' ? null : decoded.image;
}

async function full(bytes: Uint8Array): Promise<RgbImage> {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Grey waves, within the range that no rounding of the codec leaves. */
function waves(width: number, height: number, fx: number, fy: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.fill(
        128 + 30 * Math.sin(x * fx) + 30 * Math.cos(y * fy + x * 0.1),
        (y * width + x) * 3,
        (y * width + x + 1) * 3,
      );
    }
  }
  return { data, width, height };
}

/** Coefficient (u, v) of the cosine transform of the block at (bx, by), as JPEG scales it (ITU-T T.81, A.3.3). */
function coefficient({ data, width }: RgbImage, bx: number, by: number, u: number, v: number): number {
  let sum = 0;
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      const level = (data[((by * 8 + y) * width + bx * 8 + x) * 3] ?? 0) - 128;
      sum += level * Math.cos(((2 * x + 1) * u * Math.PI) / 16) * Math.cos(((2 * y + 1) * v * Math.PI) / 16);
    }
  }
  return (sum / 4) * (u === 0 ? Math.SQRT1_2 : 1) * (v === 0 ? Math.SQRT1_2 : 1);
}

/** Of a square of `side` pixels. */
function meanLuma({ data, width }: RgbImage, left: number, top: number, side: number): number {
  let sum = 0;
  for (let y = top; y < top + side; y++) {
    for (let x = left; x < left + side; x++) {
      const [r = 0, g = 0, b = 0] = data.subarray((y * width + x) * 3);
      sum += 0.299 * r + 0.587 * g + 0.114 * b;
    }
  }
  return sum / side ** 2;
}

interface Scan {
  readonly start: number;
  readonly end: number;
}

/** Each scan from its marker to the next, be that a scan's or of what belongs to one. */
function scansOf(bytes: Buffer): Scan[] {
  const scans: Scan[] = [];
  for (let start = bytes.indexOf(Buffer.from([0xff, 0xda])); start !== -1; ) {
    let end = start + 2;
    while (bytes[end] !== 0xff || [0, ...RESTARTS].includes(bytes[end + 1] ?? 0)) end += 1;
    scans.push({ start, end });
    start = bytes.indexOf(Buffer.from([0xff, 0xda]), end);
  }
  return scans;
}

describe('a JPEG decoded at a reduced size', () => {
  test('is the cosine transform of the full decode, cut to its lowest frequencies', async () => {
    const wave = fc.double({ min: 0.02, max: 0.9, noNaN: true });
    await fc.assert(
      fc.asyncProperty(wave, wave, fc.integer({ min: 40, max: 100 }), async (fx, fy, quality) => {
        const { data, width, height } = waves(96, 64, fx, fy);
        const raw = sharp(data, { raw: { width, height, channels: 3 } });
        const bytes = await raw.jpeg({ quality, chromaSubsampling: quality % 2 ? '4:4:4' : '4:2:0' }).toBuffer();
        const whole = await full(bytes);
        for (const side of [1, 2] as const) {
          const image = reduced(bytes, height, side);
          expect(image).toMatchObject({ width: (width * side) / 8, height: (height * side) / 8 });
          for (let by = 0; by < height / 8; by++) {
            for (let bx = 0; bx < width / 8; bx++) {
              const [f00, f01, f10, f11] = [
                coefficient(whole, bx, by, 0, 0),
                coefficient(whole, bx, by, 1, 0),
                coefficient(whole, bx, by, 0, 1),
                coefficient(whole, bx, by, 1, 1),
              ];
              const samples =
                side === 1
                  ? [f00]
                  : [f00 + f01 + f10 + f11, f00 - f01 + f10 - f11, f00 + f01 - f10 - f11, f00 - f01 - f10 + f11];
              for (const [i, sample] of samples.entries()) {
                const [x, y] = [bx * side + (i % side), by * side + Math.floor(i / side)];
                const actual = image?.data[(y * (image?.width ?? 0) + x) * 3] ?? Number.NaN;
                expect(Math.abs(actual - (sample / 8 + 128))).toBeLessThan(2);
              }
            }
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('is so at half the size too', async () => {
    const wave = fc.double({ min: 0.02, max: 0.9, noNaN: true });
    const lowest = [0, 1, 2, 3];
    await fc.assert(
      fc.asyncProperty(wave, wave, fc.integer({ min: 40, max: 100 }), async (fx, fy, quality) => {
        const { data, width, height } = waves(48, 32, fx, fy);
        const raw = sharp(data, { raw: { width, height, channels: 3 } });
        const bytes = await raw.jpeg({ quality, chromaSubsampling: quality % 2 ? '4:4:4' : '4:2:0' }).toBuffer();
        const whole = await full(bytes);
        const decoded = decodeExactlyReducedJpeg(bytes, width / 2, MANY);
        if (typeof decoded === 'string') throw new Error(decoded);
        expect(decoded).toMatchObject({ image: { width: width / 2, height: height / 2 }, size: { width, height } });
        const wavesOf = (x: number, u: number): number =>
          Math.cos(((2 * x + 1) * u * Math.PI) / 8) * (u === 0 ? Math.SQRT1_2 : 1);
        for (let block = 0; block < 24; block++) {
          const [bx, by] = [block % 6, Math.floor(block / 6)];
          const coefficients = lowest.map((v) => lowest.map((u) => coefficient(whole, bx, by, u, v)));
          for (const [x, y] of lowest.flatMap((y) => lowest.map((x) => [x, y] as const))) {
            let sample = 128;
            for (const [v, row] of coefficients.entries()) {
              for (const [u, value] of row.entries()) sample += (value * wavesOf(x, u) * wavesOf(y, v)) / 4;
            }
            const actual = decoded.image.data[((by * 4 + y) * (width / 2) + bx * 4 + x) * 3] ?? Number.NaN;
            expect(Math.abs(actual - sample)).toBeLessThan(2);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('has edges of whole pixels where that is asked for, and is no smaller than asked for', async () => {
    const { data, width, height } = waves(96, 64, 0.1, 0.2);
    const raw = sharp(data, { raw: { width, height, channels: 3 } });
    const decode = (bytes: Uint8Array, long: number): string | readonly number[] => {
      const decoded = decodeExactlyReducedJpeg(bytes, long, MANY);
      return typeof decoded === 'string' ? decoded : [decoded.image.width, decoded.image.height];
    };
    const baseline = await raw.clone().jpeg().toBuffer();
    expect([12, 13, 24, 25, 48, 49].map((long) => decode(baseline, long))).toEqual([
      ...[
        [12, 8],
        [24, 16],
        [24, 16],
        [48, 32],
        [48, 32],
      ],
      'unsuited',
    ]);
    const progressive = await raw.clone().jpeg({ progressive: true }).toBuffer();
    expect([24, 25].map((long) => decode(progressive, long))).toEqual([[24, 16], 'unsuited']);
    const turned = await raw.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(decode(turned, 48)).toEqual([32, 48]);
    const cropped = raw.clone().extract({ left: 0, top: 0, width: 92, height: 62 });
    const odd = await sharp(await cropped.png().toBuffer())
      .jpeg()
      .toBuffer();
    expect([10, 20, 46].map((long) => decode(odd, long))).toEqual([
      [46, 31],
      [46, 31],
      [46, 31],
    ]);
  });

  for (const name of ['444', '422', '420', 'optimized', 'coarse', 'restart-blocks', 'restart-rows', ...PROGRESSIVE]) {
    test(`has the mean luma of every block of the full decode: ${name}`, async () => {
      const bytes = kind(name);
      const whole = await full(bytes);
      for (const side of [1, 2] as const) {
        const image = reduced(bytes, whole.height, side);
        expect(image).toMatchObject({
          width: Math.ceil((whole.width * side) / 8),
          height: Math.ceil((whole.height * side) / 8),
        });
        if (image === null) return;
        // Whole blocks only: the last ones are filled up beyond the photo's edge.
        for (let by = 0; by < Math.floor(whole.height / 8); by++) {
          for (let bx = 0; bx < Math.floor(whole.width / 8); bx++) {
            const away = meanLuma(image, bx * side, by * side, side) - meanLuma(whole, bx * 8, by * 8, 8);
            // Levels outside 0 to 255, which the full decode clamps, leave the two a little apart.
            expect(Math.abs(away), `block ${bx}, ${by}`).toBeLessThan(4);
          }
        }
      }
    });
  }

  test('is left to sharp when it is of another kind, too small or too large', async () => {
    const bytes = kind('420');
    expect(decodeReducedJpeg(kind('rgb'), 1, MANY)).toBe('unsuited');
    expect(decodeReducedJpeg(await sharp(bytes).toColourspace('b-w').jpeg().toBuffer(), 1, MANY)).toBe('unsuited');
    expect(decodeReducedJpeg(await sharp(bytes).toColourspace('cmyk').jpeg().toBuffer(), 1, MANY)).toBe('unsuited');
    expect(decodeReducedJpeg(bytes, 33, MANY)).toBe('unsuited');
    expect(decodeReducedJpeg(bytes, 32, MANY)).toBeTypeOf('object');
    expect(decodeReducedJpeg(bytes, 32, 173 * 131 - 1)).toBe('unsuited');
  });

  test('is doubtful when bytes are missing, lost or doubled', () => {
    for (const name of ['420', 'restart-blocks', ...PROGRESSIVE]) {
      const bytes = kind(name);
      const scan = bytes.indexOf(Buffer.from([0xff, 0xda])) + 14;
      for (let length = 0; length < bytes.length; length += 7) {
        const expected = length < scan ? 'unsuited' : 'doubtful';
        expect(decodeReducedJpeg(bytes.subarray(0, length), 1, MANY)).toBe(expected);
      }
      if (PROGRESSIVE.includes(name)) continue;
      const middle = (scan + bytes.length) >> 1;
      const without = Buffer.concat([bytes.subarray(0, middle), bytes.subarray(middle + 300)]);
      const twice = Buffer.concat([bytes.subarray(0, middle), bytes.subarray(middle - 300)]);
      expect(decodeReducedJpeg(without, 1, MANY)).toBe('doubtful');
      expect(decodeReducedJpeg(twice, 1, MANY)).toBe('doubtful');
    }
  });

  test('is the same whether coded in one scan or progressively, but for the last bits', async () => {
    const wave = fc.double({ min: 0.02, max: 0.9, noNaN: true });
    await fc.assert(
      fc.asyncProperty(wave, wave, fc.integer({ min: 20, max: 100 }), async (fx, fy, quality) => {
        // Sides that end within an MCU.
        const { data, width, height } = waves(91, 60, fx, fy);
        const raw = sharp(data, { raw: { width, height, channels: 3 } });
        const coded = (progressive: boolean): Promise<Buffer> => {
          return raw
            .clone()
            .jpeg({ quality, progressive, chromaSubsampling: quality % 2 ? '4:4:4' : '4:2:0' })
            .toBuffer();
        };
        const [once, progressively] = [await coded(false), await coded(true)];
        expect(reduced(progressively, height, 1)).toEqual(reduced(once, height, 1));
        const [, right = 0, down = 0, diagonal = 0] =
          new JpegHeaders(once).open()?.frame.components[0].quantisers ?? [];
        const [first, second] = [reduced(once, height, 2), reduced(progressively, height, 2)];
        const away = first?.data.map((value, i) => Math.abs(value - (second?.data[i] ?? Number.NaN))) ?? [];
        expect(Math.max(...away)).toBeLessThan((right + down + diagonal) / 8 + 2);
      }),
      { numRuns: 100 },
    );
  });

  test('is doubtful when a progressive scan is missing, comes twice, has a hole or lost bytes', () => {
    for (const name of PROGRESSIVE) {
      const bytes = kind(name);
      const scans = scansOf(bytes);
      const without = ({ start, end }: Scan): Buffer => Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
      for (const scan of scans) {
        expect(decodeReducedJpeg(without(scan), 1, MANY)).toBe('doubtful');
        const twice = Buffer.concat([bytes.subarray(0, scan.end), bytes.subarray(scan.start)]);
        expect(decodeReducedJpeg(twice, 1, MANY)).toBe('doubtful');
        const hole = Buffer.from(bytes).fill(0, scan.end - 100, scan.end);
        if (scan.end - scan.start > 200) expect(decodeReducedJpeg(hole, 1, MANY)).toBe('doubtful');
      }
      // The first scan and the luma's first: every byte of them counts.
      for (const { start, end } of scans.slice(0, 2)) {
        const middle = (start + end) >> 1;
        expect(decodeReducedJpeg(without({ start: middle, end: middle + 5 }), 1, MANY)).toBe('doubtful');
      }
    }
  });

  test('is an image or nothing, whatever is wrong with its bytes', () => {
    const files = ['444', '422', '420', 'optimized', 'restart-blocks', ...PROGRESSIVE].map((name) => {
      const bytes = kind(name);
      const frame = Math.max(bytes.indexOf('ffc00011', 'hex'), bytes.indexOf('ffc20011', 'hex'));
      // Of 173 x 131 pixels no half is a whole number.
      bytes.writeUInt16BE(130, frame + 5);
      bytes.writeUInt16BE(172, frame + 7);
      return bytes;
    });
    const damage = fc.array(fc.tuple(fc.nat(20_000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.nat(files.length - 1), damage, fc.constantFrom(1, 2, 4), (file, changes, side) => {
        const bytes = Uint8Array.from(files[file] ?? []);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const decoded =
          side === 4 ? decodeExactlyReducedJpeg(bytes, 86, 1e6) : decodeReducedJpeg(bytes, side === 1 ? 1 : 20, 1e6);
        if (typeof decoded === 'string') return;
        const { data, width, height } = decoded.image;
        expect(data).toHaveLength(width * height * 3);
      }),
      { numRuns: 20_000 },
    );
  });

  test('is turned upright for every EXIF orientation', async () => {
    const quarters = await sharp({ create: { width: 64, height: 48, channels: 3, background: 'white' } })
      .composite(
        ['red', 'lime', 'blue'].map((background, i) => ({
          input: { create: { width: 32, height: 24, channels: 3 as const, background } },
          left: (i % 2) * 32,
          top: Math.floor(i / 2) * 24,
        })),
      )
      .png()
      .toBuffer();
    for (let orientation = 1; orientation <= 8; orientation++) {
      const bytes = await sharp(quarters).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
      const upright = await sharp(bytes)
        .autoOrient()
        .resize({ width: orientation < 5 ? 16 : 12 })
        .raw()
        .toBuffer();
      const decoded = decodeReducedJpeg(bytes, 10, MANY);
      if (typeof decoded === 'string') throw new Error(decoded);
      expect(decoded.size).toEqual(orientation < 5 ? { width: 64, height: 48 } : { width: 48, height: 64 });
      const away = upright.map((value, i) => Math.abs(value - (decoded.image.data[i] ?? 1000)));
      expect(away.reduce((sum, value) => sum + value, 0) / away.length, `orientation ${orientation}`).toBeLessThan(8);
    }
  });

  test('is as upright as sharp has it, or left to sharp, whatever is wrong with its EXIF', async () => {
    const photo = await sharp(kind('420')).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const start = photo.indexOf('Exif');
    const length = photo.readUInt16BE(start - 2) - 2;
    const entry = ({
      type,
      count,
      value,
      big,
    }: {
      type: number;
      count: number;
      value: number;
      big: boolean;
    }): Buffer => {
      const exif = Buffer.from(photo.subarray(start, start + length)).fill(0, 6);
      const view = new DataView(exif.buffer, exif.byteOffset + 6);
      view.setUint16(0, big ? 0x4d4d : 0x4949);
      for (const [at, short] of [
        [2, 42],
        [8, 1],
        [10, 0x112],
        [12, type],
      ] as const)
        view.setUint16(at, short, !big);
      view.setUint32(4, 8, !big);
      view.setUint32(14, count, !big);
      if (type === 4) view.setUint32(18, value, !big);
      else if (type === 3) view.setUint16(18, value, !big);
      else view.setUint8(18, value);
      return exif;
    };
    const built = fc
      .record({
        type: fc.constantFrom(1, 3, 3, 3, 4, 7),
        count: fc.constantFrom(0, 1, 1, 1, 2),
        value: fc.integer({ min: 0, max: 9 }),
        big: fc.boolean(),
      })
      .map(entry);
    const damaged = fc
      .array(fc.tuple(fc.nat(length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
      .map((changes) => {
        const exif = Buffer.from(photo.subarray(start, start + length));
        for (const [at, byte] of changes) exif[at] = byte;
        return exif;
      });
    let suited = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(built, damaged), async (exif) => {
        const bytes = Buffer.concat([photo.subarray(0, start), exif, photo.subarray(start + length)]);
        const decoded = decodeReducedJpeg(bytes, 1, MANY);
        if (typeof decoded === 'string') return;
        suited += 1;
        expect(decoded.size).toEqual((await sharp(bytes).metadata()).autoOrient);
      }),
      { numRuns: 1000 },
    );
    expect(suited).toBeGreaterThan(100);
  });
});
