import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePhoto } from '../../src/photos/decode.ts';
import { decodeHeic } from '../../src/photos/heic/heic.ts';
import { decodeReducedHeic, type ReducedHeic } from '../../src/photos/heic/reduced.ts';
import type { RgbImage } from '../../src/photos/pixels.ts';
import { repository } from '../support/cli.ts';

const read = (name: string): Buffer => readFileSync(join(repository, 'test/data/heic-raw', name));
const LIMIT = 1e7;

function reduced(bytes: Uint8Array, short: number, centreSquare = false): ReducedHeic {
  const result = decodeReducedHeic(bytes, short, LIMIT, centreSquare);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

async function whole(bytes: Uint8Array): Promise<RgbImage> {
  const result = await decodeHeic(bytes, LIMIT);
  if (result.kind === 'fault') throw new Error(result.fault.reason);
  return result;
}

/** Mean difference, in levels, from the averages of the whole photo's boxes of `factor` x `factor` pixels. */
async function difference(bytes: Uint8Array, { image, size }: ReducedHeic, factor: number): Promise<number> {
  const { data, width, height } = await whole(bytes);
  expect(size).toEqual({ width, height });
  expect([image.width, image.height]).toEqual([Math.ceil(width / factor), Math.ceil(height / factor)]);
  let sum = 0;
  const [across, down] = [Math.floor(width / factor), Math.floor(height / factor)];
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      for (let c = 0; c < 3; c++) {
        let level = 0;
        for (let i = 0; i < factor ** 2; i++) {
          const [column, row] = [x * factor + (i % factor), y * factor + Math.floor(i / factor)];
          level += (data[(row * width + column) * 3 + c] ?? 0) / factor ** 2;
        }
        sum += Math.abs(level - (image.data[(y * image.width + x) * 3 + c] ?? 0));
      }
    }
  }
  return sum / (across * down * 3);
}

/** A copy with another property, of one byte, in place of the rotation. */
function turned(bytes: Buffer, name: string, value: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf('irot');
  copy.write(name, at, 'latin1');
  copy[at + 4] = value;
  return copy;
}

describe('a HEIC photo decoded at a reduced size is what averages of the whole one are', () => {
  test.each([
    ['phone.heic', 200, 2],
    ['phone.heic', 100, 4],
    ['phone.heic', 40, 8],
    ['wide.heic', 100, 2],
    ['wide.heic', 9, 32],
    ['large.heic', 588, 2],
    ['exif-alone.heic', 100, 2],
    ['ten-bit.heic', 80, 4],
    ['transparent.heic', 60, 4],
  ])('%s, at least %i pixels high or wide', async (name, short, factor) => {
    expect(await difference(read(name), reduced(read(name), short), factor)).toBeLessThan(1.5);
  });

  test.each([
    ['irot', 0],
    ['irot', 1],
    ['irot', 2],
    ['irot', 3],
    ['imir', 0],
    ['imir', 1],
  ])('by its own %s of %i', async (name, value) => {
    const bytes = turned(read('phone.heic'), name, value);
    expect(await difference(bytes, reduced(bytes, 100), 4)).toBeLessThan(1.5);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('by EXIF orientation %i, where it does not turn itself', async (orientation) => {
    const bytes = read('exif-alone.heic');
    bytes[bytes.lastIndexOf(Buffer.from([0x01, 0x12, 0, 3, 0, 0, 0, 1])) + 9] = orientation;
    expect(await difference(bytes, reduced(bytes, 60), 4)).toBeLessThan(1.5);
  });
});

describe('of the square in the middle alone', () => {
  test.each([0, 1, 2, 3])('the rest is grey, after %i quarter turns', (turns) => {
    const bytes = turned(read('wide.heic'), 'irot', turns);
    const [{ image: all }, { image: square }] = [reduced(bytes, 72), reduced(bytes, 72, true)];
    expect([square.width, square.height]).toEqual([all.width, all.height]);
    const side = Math.min(all.width, all.height);
    const seen = new Set<string>();
    for (let y = 0; y < all.height; y++) {
      for (let x = 0; x < all.width; x++) {
        const fromMiddle = Math.max(Math.abs(x + 0.5 - all.width / 2), Math.abs(y + 0.5 - all.height / 2));
        const at = (y * all.width + x) * 3;
        const pixel = square.data.subarray(at, at + 3);
        const isSame = Buffer.compare(pixel, all.data.subarray(at, at + 3)) === 0;
        if (fromMiddle < side / 2) expect(isSame).toBe(true);
        // A tile and the margin beyond.
        else if (fromMiddle > side / 2 + 18 + 16) seen.add([...pixel].join());
      }
    }
    expect([...seen]).toEqual(['128,128,128']);
  });
});

describe('a HEIC photo that cannot be decoded at a reduced size', () => {
  test('is left to the decoder of every pixel when it is small, too large, or of another kind', () => {
    expect(decodeReducedHeic(read('phone.heic'), 201, LIMIT, false)).toBe('unsuited');
    expect(decodeReducedHeic(read('phone.heic'), 100, 400 * 600 - 1, false)).toBe('unsuited');
    const avif = readFileSync(join(repository, 'fixtures/photos/brandenburg-gate.avif'));
    expect(decodeReducedHeic(avif, 100, LIMIT, false)).toBe('unsuited');
    expect(decodeReducedHeic(turned(read('phone.heic'), 'clap', 0), 100, LIMIT, false)).toBe('unsuited');
  });

  test('is doubtful where zeros stand for coded bytes, or its tiles are of another size than it says', () => {
    const holed = read('phone.heic').fill(0, 6000, 7000);
    expect(decodeReducedHeic(holed, 100, LIMIT, false)).toBe('doubtful');
    const bytes = read('phone.heic');
    const extent = bytes.indexOf(Buffer.from([0, 0, 1, 64, 0, 0, 0, 240]));
    bytes.writeUInt32BE(328, extent);
    expect(decodeReducedHeic(bytes, 100, LIMIT, false)).toBe('doubtful');
    expect(decodeReducedHeic(read('phone.heic'), 100, LIMIT, false)).toMatchObject({
      size: { width: 400, height: 600 },
    });
  });

  test('is reported wherever it is cut short', async () => {
    const bytes = read('phone.heic');
    const picturesEnd = bytes.lastIndexOf('Exif') - 4;
    await fc.assert(
      fc.asyncProperty(fc.nat(picturesEnd - 1), async (end) => {
        expect((await decodePhoto(bytes.subarray(0, end), { reduceFor: 40 })).kind).toBe('fault');
      }),
      { numRuns: 40 },
    );
  });

  test('gives an image or none, and the next is decoded, whatever its bytes', () => {
    const sound = ['phone.heic', 'wide.heic', 'ten-bit.heic'].map((name) => read(name));
    const expected = sound.map((bytes) => reduced(bytes, 72));
    const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.nat(2), fc.boolean(), damage, (which, inBoxes, changes) => {
        const bytes = Buffer.from(sound[which] ?? []);
        const length = inBoxes ? Math.min(1500, bytes.length) : bytes.length;
        for (const [share, value] of changes) bytes[Math.floor(share * (length - 1))] = value;
        const result = decodeReducedHeic(bytes, 72, LIMIT, true);
        if (typeof result === 'string') return;
        expect(result.image.data).toHaveLength(result.image.width * result.image.height * 3);
      }),
      { numRuns: 400 },
    );
    expect(sound.map((bytes) => reduced(bytes, 72))).toEqual(expected);
  });
});
