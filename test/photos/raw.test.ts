import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePhoto } from '../../src/photos/decode.ts';
import { readExif } from '../../src/photos/metadata/exif.ts';
import { embeddedJpegs, withOrientation } from '../../src/photos/raw/jpegs.ts';
import { type RawKind, rawKind } from '../../src/photos/raw/kind.ts';
import { rawPreview } from '../../src/photos/raw/raw.ts';
import { repository } from '../support/cli.ts';

// Constructed by test/data/heic-raw/make.py: no camera wrote these. The cameras hold their photo in different ways.
const cameras = {
  CR2: 'Canon EOS 6D',
  CR3: 'Canon EOS M50',
  NEF: 'NIKON D750',
  ARW: 'SONY ILCE-7M3',
  DNG: 'LEICA Q2',
  RAF: 'FUJIFILM X-T3',
  ORF: 'OLYMPUS E-M10MarkII',
  RW2: 'Panasonic DC-G9',
} as const satisfies Partial<Record<RawKind, string>>;
const kinds = Object.keys(cameras) as (keyof typeof cameras)[];
const read = (kind: string): Uint8Array =>
  readFileSync(join(repository, 'test/data/heic-raw', `constructed.${kind.toLowerCase()}`));
const crab = join(repository, 'fixtures/photos/crab.jpg');

async function jpegOf(bytes: Uint8Array, kind: RawKind): Promise<Uint8Array | null> {
  const result = await rawPreview(bytes, kind);
  return result.kind === 'preview' ? result.jpeg : null;
}

/** Mean difference in levels of 255. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}

function damaged(bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const [at, value] of changes) copy[at] = value;
  return copy;
}

describe.each(kinds)('a %s file', (kind) => {
  test('is told by its content', () => {
    expect(rawKind(read(kind))).toBe(kind);
  });

  test('is decoded from its largest preview, upright', async () => {
    const decoded = await decodePhoto(read(kind), { reduceFor: null });
    if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
    const { data, width, height } = decoded.image;
    expect(decoded.size).toEqual({ width, height });
    expect([Math.min(width, height), Math.max(width, height)]).toEqual([240, 360]);
    const upright = await sharp(crab).resize(width, height, { fit: 'cover' }).raw().toBuffer();
    expect(difference(data, upright)).toBeLessThan(15);
    const upsideDown = await sharp(upright, { raw: { width, height, channels: 3 } })
      .rotate(180)
      .raw()
      .toBuffer();
    expect(difference(data, upsideDown)).toBeGreaterThan(40);
  });

  test('tells when and with what it was taken, as a JPEG of the camera does', async () => {
    const decoded = await decodePhoto(read(kind), { reduceFor: null });
    if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
    expect(await readExif(decoded.exif, read(kind))).toEqual({
      takenMs: Date.parse('2024-05-06T07:08:09Z'),
      takenOffsetMinutes: 120,
      takenFrom: 'original',
      camera: cameras[kind],
    });
  });

  test('gives its whole preview or a fault wherever it is cut short', async () => {
    const bytes = read(kind);
    const whole = await jpegOf(bytes, kind);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (end) => {
        const jpeg = await jpegOf(bytes.subarray(0, end), kind);
        if (jpeg !== null) expect(Buffer.compare(jpeg, whole ?? Buffer.of())).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('gives a preview or a fault, and the next file is read, whatever its bytes', async () => {
    const bytes = read(kind);
    const place = fc.oneof(fc.nat(800), fc.nat(bytes.length - 1));
    const changes = fc.array(fc.tuple(place, fc.oneof(fc.constantFrom(0, 255), fc.nat(255))), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const copy = damaged(bytes, list);
        rawKind(copy);
        await rawPreview(copy, kind);
      }),
      { numRuns: 200 },
    );
    expect(await jpegOf(bytes, kind)).not.toBeNull();
  });
});

describe('a preview', () => {
  test('with a damaged Huffman table is decoded or reported, and nothing hangs', async () => {
    const bytes = read('ARW');
    const [preview] = embeddedJpegs(bytes);
    const table = Buffer.from(bytes).indexOf(Buffer.from([0xff, 0xc4]), preview?.start) + 5;
    const result = await decodePhoto(damaged(bytes, [[table, 123]]), { reduceFor: null });
    expect(result.kind).toBe('fault');
  });

  test('that is missing is said to be', async () => {
    const bytes = Buffer.from(read('DNG'));
    for (const { start } of embeddedJpegs(bytes)) bytes[start + 1] = 0;
    const result = await rawPreview(bytes, 'DNG');
    expect(result).toMatchObject({
      fault: { code: 'unsupported', reason: 'is a camera RAW file (DNG) without a JPEG preview' },
    });
  });
});

describe('a TIFF that is no RAW file', () => {
  const page = (): Sharp => sharp({ create: { width: 20, height: 10, channels: 3, background: 'teal' } });

  test.each([
    ['a scan', readFileSync(join(repository, 'fixtures/photos/Garden/dandelion.tif'))],
    ['exported by a camera maker’s program', { Make: 'NIKON CORPORATION', Model: 'NIKON D750' }],
    ['with many pages', 'pyramid'],
  ] as const)('is left to the TIFF decoder: %s', async (_, what) => {
    const bytes =
      what === 'pyramid'
        ? await page().resize(600, 300).tiff({ pyramid: true, tile: true }).toBuffer()
        : what instanceof Uint8Array
          ? what
          : await page().withExif({ IFD0: what }).tiff().toBuffer();
    expect(rawKind(bytes)).toBeNull();
    const result = await decodePhoto(bytes, { reduceFor: null });
    expect(result.kind).toBe('decoded');
  });
});

describe('JPEGs inside other bytes', () => {
  const jpeg = (width: number, height: number, options: JpegOptions = {}): Promise<Buffer> =>
    sharp({ create: { width, height, channels: 3, background: 'olive', noise: { type: 'gaussian' } } })
      .jpeg(options)
      .toBuffer();

  test('are found whole, with their size, however they are coded and whatever stands between them', async () => {
    const originals = [
      await jpeg(40, 30),
      await jpeg(50, 20, { progressive: true }),
      await sharp(await jpeg(64, 64))
        .withExif({ IFD0: { Make: 'x' } })
        .jpeg({ mozjpeg: true })
        .toBuffer(),
      await sharp(await jpeg(33, 35))
        .greyscale()
        .jpeg({ restartInterval: 1 } as JpegOptions)
        .toBuffer(),
    ];
    const sizes = [
      [40, 30],
      [50, 20],
      [64, 64],
      [33, 35],
    ];
    // Sensor data may hold any bytes but, by a chance worth neglecting, no whole JPEG.
    const filler = fc.uint8Array({ maxLength: 50 }).map((bytes) => bytes.map((byte) => (byte === 0xd8 ? 0 : byte)));
    fc.assert(
      fc.property(fc.array(fc.tuple(filler, fc.nat(originals.length - 1)), { maxLength: 5 }), filler, (parts, tail) => {
        const bytes = Buffer.concat([...parts.flatMap(([before, i]) => [before, originals[i] ?? Buffer.of()]), tail]);
        const found = embeddedJpegs(bytes);
        expect(found.map(({ start, end }) => bytes.subarray(start, end))).toEqual(parts.map(([, i]) => originals[i]));
        expect(found.map(({ width, height }) => [width, height])).toEqual(parts.map(([, i]) => sizes[i]));
        expect(found.every(({ complete }) => complete)).toBe(true);
      }),
    );
  });

  test('that are cut short are not called complete', async () => {
    const whole = await jpeg(40, 30);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (end) => {
        expect(embeddedJpegs(whole.subarray(0, end)).some(({ complete }) => complete)).toBe(false);
      }),
    );
  });

  test('are looked for in any bytes without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        embeddedJpegs(Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), bytes]));
      }),
    );
  });

  test('take an orientation in place of their own', async () => {
    const own = await sharp(await jpeg(40, 30))
      .withMetadata({ orientation: 3 })
      .toBuffer();
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const header = await sharp(withOrientation(own, orientation)).metadata();
      expect(header.orientation).toBe(orientation);
      expect(embeddedJpegs(withOrientation(own, orientation))).toHaveLength(1);
    }
  });
});

test('any bytes whatever are judged without an error, and quickly', () => {
  const start = fc.constantFrom('II*\0\x08\0\0\0', 'MM\0*\0\0\0\x08', 'FUJIFILMCCD-RAW', 'IIRO', 'IIU\0', '');
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, bytes) => {
      rawKind(Buffer.concat([Buffer.from(head, 'latin1'), bytes]));
    }),
    { numRuns: 1000 },
  );
});
