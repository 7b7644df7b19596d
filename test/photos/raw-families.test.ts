import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePhoto } from '../../src/photos/decode.ts';
import { readExif } from '../../src/photos/metadata/exif.ts';
import { takenAt } from '../../src/photos/metadata/taken.ts';
import { rawKind } from '../../src/photos/raw/kind.ts';
import { rawExifSources } from '../../src/photos/raw/raw.ts';

/** Red on the left, blue on the right, as the sensor sees it. */
const preview = await sharp({ create: { width: 64, height: 32, channels: 3, background: '#0000ff' } })
  .composite([{ input: { create: { width: 32, height: 32, channels: 3, background: '#ff0000' } }, left: 0, top: 0 }])
  .jpeg()
  .toBuffer();

/** X3F 2.0: its header, with the rotation at 36, then whatever its directory names. */
function x3f(rotation: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(104);
  header.write('FOVb', 'latin1');
  header.writeUInt32LE(0x20000, 4);
  header.writeUInt32LE(rotation, 36);
  return Buffer.concat([header, content, Buffer.from('SECd')]);
}

/** MRW: blocks for the sensor's size and for EXIF, then the sensor's data and the preview without its first byte. */
function mrw(content: Uint8Array): Buffer {
  const block = (name: string, bytes: Uint8Array): Buffer => {
    const head = Buffer.alloc(8);
    head.write(`\0${name}`, 'latin1');
    head.writeUInt32BE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const size = Buffer.from([
    0x32, 0x37, 0x32, 0x30, 0x30, 0x30, 0x30, 0x31, 0, 24, 0, 32, 0, 24, 0, 32, 12, 12, 0x59, 0,
  ]);
  const texts = [
    [0x010f, 'Minolta Co., Ltd.\0'],
    [0x0110, 'DiMAGE 7\0'],
    [0x0132, '2004:11:18 23:14:58\0'],
  ] as const;
  let at = 8 + 2 + 12 * texts.length + 4;
  const entries = texts.map(([tag, text]) => {
    const entry = Buffer.alloc(12);
    entry.writeUInt16BE(tag, 0);
    entry.writeUInt16BE(2, 2);
    entry.writeUInt32BE(text.length, 4);
    entry.writeUInt32BE(at, 8);
    at += text.length;
    return entry;
  });
  const values = texts.map(([, text]) => Buffer.from(text));
  const head = Buffer.from('MM\0*\0\0\0\x08\0\x03', 'latin1');
  const tiff = Buffer.concat([head, ...entries, Buffer.alloc(4), ...values]);
  const blocks = [block('PRD', Buffer.concat([size, Buffer.from([0, 0, 0, 1])])), block('TTW', tiff)];
  return Buffer.concat([block('MRM', Buffer.concat(blocks)), Buffer.alloc(24 * 32 * 2), content]);
}

/** CIFF: a heap of the preview and of a heap below it, which holds the camera and the time in a heap of its own. */
function crw(content: Uint8Array, seconds: number, make = 'Canon\0Canon PowerShot S40\0', little = true): Buffer {
  const u16 = (value: number): Buffer => {
    const bytes = Buffer.alloc(2);
    little ? bytes.writeUInt16LE(value) : bytes.writeUInt16BE(value);
    return bytes;
  };
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    little ? bytes.writeUInt32LE(value) : bytes.writeUInt32BE(value);
    return bytes;
  };
  const heap = (records: readonly (readonly [number, Buffer])[]): Buffer => {
    let at = 0;
    const entries = records.map(([tag, value]) => {
      const entry = Buffer.concat([u16(tag), u32(value.length), u32(at)]);
      at += value.length;
      return entry;
    });
    return Buffer.concat([...records.map(([, value]) => value), u16(records.length), ...entries, u32(at)]);
  };
  const camera = heap([[0x080a, Buffer.from(make, 'latin1')]]);
  const properties = heap([
    [0x180e, Buffer.concat([u32(seconds), Buffer.alloc(8)])],
    [0x2807, camera],
  ]);
  const header = Buffer.concat([Buffer.from(little ? 'II' : 'MM'), u32(26), Buffer.from('HEAPCCDR'), Buffer.alloc(12)]);
  return Buffer.concat([
    header,
    heap([
      [0x2007, Buffer.from(content)],
      [0x300a, properties],
    ]),
  ]);
}

async function decoded(bytes: Uint8Array) {
  const result = await decodePhoto(bytes, { reduceFor: null });
  if (result.kind === 'fault') throw new Error(result.fault.reason);
  return result;
}

describe('a RAW file of Sigma', () => {
  test('is its preview, as upright as its header says', async () => {
    for (const [rotation, size, corner] of [
      [0, { width: 64, height: 32 }, 'red'],
      [90, { width: 32, height: 64 }, 'red'],
      [180, { width: 64, height: 32 }, 'blue'],
      [270, { width: 32, height: 64 }, 'blue'],
    ] as const) {
      const photo = await decoded(x3f(rotation, preview));
      expect([rotation, photo.size]).toEqual([rotation, size]);
      const [red = 0, , blue = 0] = photo.image.data;
      expect([rotation, red > blue ? 'red' : 'blue']).toEqual([rotation, corner]);
    }
  });

  test('without a preview says so', async () => {
    expect(await decodePhoto(x3f(0, Buffer.from('no preview')), { reduceFor: null })).toEqual({
      kind: 'fault',
      fault: { code: 'unsupported', reason: 'is a camera RAW file (X3F) without a JPEG preview' },
    });
  });
});

test('a RAW file of Minolta is its preview, whose first byte its cameras get wrong, with its own EXIF', async () => {
  const wrong = Buffer.from(preview);
  wrong[0] = 2;
  // What its cameras write: no JFIF segment between the start and the tables.
  const tables = wrong.indexOf(Buffer.from([0xff, 0xdb]));
  const bytes = mrw(Buffer.concat([wrong.subarray(0, 2), wrong.subarray(tables)]));
  const photo = await decoded(bytes);
  expect(photo.size).toEqual({ width: 64, height: 32 });
  expect(takenAt(await readExif(photo.exif, bytes))).toBe('2004-11-18T23:14:58');
});

describe('a RAW file of Canon before EXIF', () => {
  const facts = async (bytes: Buffer) => {
    const exif = await readExif(rawExifSources('CRW', bytes, preview), bytes);
    return [takenAt(exif), exif.camera];
  };
  const time = Date.UTC(2004, 10, 18, 23, 14, 58) / 1000;

  test.each([true, false])('says its camera and the time of its clock (little-endian: %s)', async (little) => {
    expect(await facts(crw(preview, time, undefined, little))).toEqual(['2004-11-18T23:14:58', 'Canon PowerShot S40']);
  });

  test('says what it knows, and nothing where it is cut short or damaged', async () => {
    expect(await facts(crw(preview, 0))).toEqual([null, 'Canon PowerShot S40']);
    expect(await facts(crw(preview, time, '\0'))).toEqual(['2004-11-18T23:14:58', null]);
    const whole = crw(Buffer.alloc(40), time);
    for (let length = 0; length < whole.length; length += 1) await facts(whole.subarray(0, length));
    for (let at = 26; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(0xff, at);
      await facts(damaged);
    }
    const loop = crw(preview, time);
    // A heap that holds itself.
    const at = loop.indexOf(Buffer.from([0x0a, 0x30]));
    loop.writeUInt32LE(loop.length - 26, at + 2);
    loop.writeUInt32LE(0, at + 6);
    await facts(loop);
  });
});

test('RAW files of every family are known by their beginning', () => {
  const head = (text: string): Buffer => Buffer.from(text.padEnd(32, '\0'), 'latin1');
  expect(rawKind(head('II\x1a\0\0\0HEAPCCDR'))).toBe('CRW');
  expect(rawKind(head('\0MRM'))).toBe('MRW');
  expect(rawKind(head('FOVb'))).toBe('X3F');
  expect(rawKind(head('II*\0\x10\0\0\0IIII'))).toBe('RAW');
});
