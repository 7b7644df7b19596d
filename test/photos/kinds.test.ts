import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePhoto } from '../../src/photos/decode.ts';
import { hasMoreScans } from '../../src/photos/raw/jpegs.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { slowJpeg } from '../support/slow-jpeg.ts';

const folder = join(import.meta.dirname, '../data/kinds');
const names = readdirSync(folder).flatMap((name) => (name.endsWith('.png') ? [name.slice(0, -4)] : []));
/** Grey levels that another decoder of the same lossy format may differ by; the other kinds have one right answer. */
const LOSSY: Readonly<Record<string, number>> = { avif: 6, tif: 3, jp2: 3, j2k: 3, jxl: 3 };

/** The largest and the mean difference of two pictures' samples. */
async function difference(data: Uint8Array, reference: string): Promise<number> {
  const expected = await sharp(reference).removeAlpha().raw().toBuffer();
  expect(data).toHaveLength(expected.length);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (data[i] ?? 0))), 0);
}

describe('Pillow and curate see the same in', () => {
  for (const name of names) {
    test(name, async () => {
      const file = join(folder, name);
      const decoded = await decodePhoto(readFileSync(file), { reduceFor: null });
      if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
      const { width, height } = await sharp(`${file}.png`).metadata();
      expect(decoded.size).toEqual({ width, height });
      const allowed = LOSSY[name.split('.').pop() ?? ''] ?? 0;
      expect(await difference(decoded.image.data, `${file}.png`)).toBeLessThanOrEqual(allowed);
    });
  }
});

test('a transparent GIF stays transparent where it is shown', async () => {
  const request = {
    box: { width: 40, height: 30 },
    as: { format: 'rgb' },
    background: '#123456',
    whole: false,
  } as const;
  const shown = await renderPhoto({ ...request, file: join(folder, 'small-transparent-frame.gif') });
  if (shown.kind === 'fault') throw new Error(shown.fault.reason);
  expect([...shown.data.subarray(0, 3)]).toEqual([0x12, 0x34, 0x56]);
});

describe('a BMP', () => {
  /** 2 x 1 pixels. */
  const bmp = (bits: number, compression: number, content: readonly number[]): Buffer => {
    const head = Buffer.alloc(54);
    head.write('BM');
    head.writeUInt32LE(54, 10);
    head.writeUInt32LE(40, 14);
    head.writeInt32LE(2, 18);
    head.writeInt32LE(1, 22);
    head.writeUInt16LE(1, 26);
    head.writeUInt16LE(bits, 28);
    head.writeUInt32LE(compression, 30);
    return Buffer.concat([head, Buffer.from(content)]);
  };
  const decode = (bytes: Uint8Array) => decodePhoto(bytes, { reduceFor: null });

  test('of 16 bits is as bright as it should be', async () => {
    const photo = await decode(bmp(16, 0, [0xff, 0x7f, 0, 0x7c]));
    if (photo.kind === 'fault') throw new Error(photo.fault.reason);
    expect([...photo.image.data]).toEqual([255, 255, 255, 255, 0, 0]);
  });

  test('with run lengths, of too many pixels, or cut short is refused, each for its reason', async () => {
    const palette = Array(4 * 256).fill(7);
    const reason = async (bytes: Uint8Array) => {
      const photo = await decode(bytes);
      return photo.kind === 'fault' ? photo.fault.reason : 'decoded';
    };
    expect(await reason(bmp(8, 1, palette))).toBe('is a BMP with run lengths, which cannot be decoded');
    expect(await reason(bmp(8, 0, palette.slice(9)))).toBe('is damaged or cut short');
    const huge = bmp(24, 0, [1, 2, 3, 4, 5, 6, 0, 0]);
    huge.writeInt32LE(-200_000, 22);
    huge.writeInt32LE(200_000, 18);
    expect(await reason(huge)).toContain('more than 250 megapixels');
  });
});

describe('a JPEG made to be slow', () => {
  test('is refused at once', async () => {
    const started = performance.now();
    const result = await decodePhoto(slowJpeg(8000, 501), { reduceFor: 235 });
    expect(result).toMatchObject({ kind: 'fault', fault: { code: 'too_large' } });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('is not a photo in front of a film that holds the bytes of many scans by chance', () => {
    const film = Buffer.alloc(4000, Buffer.from([0xff, 0xda, 1, 2]));
    const photo = slowJpeg(64, 10);
    expect(hasMoreScans(Buffer.concat([photo, film]), 500)).toBe(false);
    expect(hasMoreScans(photo, 9)).toBe(true);
    expect(hasMoreScans(photo, 10)).toBe(false);
  });
});
