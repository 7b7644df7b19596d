import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePhoto } from '../../src/photos/decode.ts';
import { readExif } from '../../src/photos/metadata/exif.ts';
import { takenAt } from '../../src/photos/metadata/taken.ts';
import { orientedPng, readPng } from '../../src/photos/png.ts';

const plain = await sharp({ create: { width: 6, height: 4, channels: 3, background: '#3a7' } })
  .png()
  .toBuffer();
/** Orientation 6, taken at 10 a.m. */
const exif = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
  .withExif({ IFD2: { DateTimeOriginal: '2024:05:05 10:00:00' } })
  .withMetadata({ orientation: 6 })
  .jpeg()
  .toBuffer()
  .then((jpeg) => sharp(jpeg).metadata())
  .then(({ exif: block }) => block?.subarray(6) ?? Buffer.alloc(0));

function chunk(type: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

const END = 12;
/** With a chunk right behind the header, or behind the pixels. */
const ahead = (added: Buffer): Buffer => Buffer.concat([plain.subarray(0, 33), added, plain.subarray(33)]);
const behind = (added: Buffer): Buffer => Buffer.concat([plain.subarray(0, -END), added, plain.subarray(-END)]);

const packet =
  '<x:xmpmeta><rdf:Description tiff:Orientation="6" exif:DateTimeOriginal="2024-05-05T10:00:00"/></x:xmpmeta>';
const hex = `\nexif\n${String(exif.length).padStart(8)}\n${exif.toString('hex').replace(/(.{72})/g, '$1\n')}\n`;
const chunks = {
  eXIf: chunk('eXIf', exif),
  'eXIf as in a JPEG': chunk('eXIf', Buffer.concat([Buffer.from('Exif\0\0'), exif])),
  'EXIF as compressed text': chunk(
    'zTXt',
    Buffer.concat([Buffer.from('Raw profile type exif\0\0', 'latin1'), deflateSync(hex)]),
  ),
  XMP: chunk('iTXt', Buffer.from(`XML:com.adobe.xmp\0\0\0\0\0${packet}`)),
  'compressed XMP': chunk(
    'iTXt',
    Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\x01\0en\0x\0', 'latin1'), deflateSync(packet)]),
  ),
};

async function facts(bytes: Uint8Array) {
  const decoded = await decodePhoto(bytes, { reduceFor: null });
  if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
  return { size: decoded.size, taken: takenAt(await readExif(decoded.exif, bytes)) };
}

describe('a PNG is upright and dated', () => {
  for (const [name, added] of Object.entries(chunks)) {
    test(`by ${name}, in front of the pixels and behind them`, async () => {
      for (const bytes of [ahead(added), behind(added)]) {
        expect(await facts(bytes)).toEqual({ size: { width: 4, height: 6 }, taken: '2024-05-05T10:00:00' });
      }
    });
  }

  test('by its text where that is all there is', async () => {
    const text = chunk('tEXt', Buffer.from('Creation Time\0Sun, 05 May 2024 10:00:00 +0200', 'latin1'));
    expect(await facts(behind(text))).toEqual({ size: { width: 6, height: 4 }, taken: '2024-05-05T10:00:00+02:00' });
  });
});

test('compressed text that claims to be huge, and a PNG damaged anywhere, are read without an error', () => {
  const bomb = chunk('zTXt', Buffer.concat([Buffer.from('Raw profile type exif\0\0'), deflateSync(Buffer.alloc(5e7))]));
  expect(readPng(behind(bomb)).exif).toBeNull();
  const whole = behind(Buffer.concat(Object.values(chunks)));
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, end) => {
      const damaged = Buffer.from(whole.subarray(0, end));
      if (at < end) damaged[at] = byte;
      orientedPng(damaged, readPng(damaged));
    }),
  );
});
