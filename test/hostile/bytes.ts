import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** A picture with something in it; the same for the same size. */
export function picture(width: number, height: number): Sharp {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs><linearGradient id="g"><stop stop-color="#c33"/><stop offset="1" stop-color="#39c"/></linearGradient></defs>
    <rect width="100%" height="100%" fill="url(#g)"/><circle cx="40%" cy="55%" r="25%" fill="#fd5"/></svg>`;
  return sharp(Buffer.from(svg)).removeAlpha();
}

/** One flat colour: cheap at any size, where an SVG is not. */
export function flat(width: number, height: number): Sharp {
  return sharp({ create: { width, height, channels: 3, background: { r: 90, g: 140, b: 60 } } });
}

/** Bytes that look random and never change (xorshift32, Marsaglia 2003). */
export function garbage(length: number, seed = 1): Buffer {
  let state = seed * 2_654_435_761;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state & 255;
    }),
  );
}

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bits?: number;
  /** 0 grey, 2 RGB, 3 palette, 6 RGBA. */
  readonly colour?: number;
}

/** A PNG whose header says what it likes, over `data` compressed. */
export function png({ width, height, bits = 8, colour = 0 }: PngHeader, data: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = bits;
  header[9] = colour;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(data, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** 38 bytes of WebP that claim 16383 x 16383 pixels. */
export function webpBomb(): Buffer {
  const vp8l = Buffer.alloc(18);
  vp8l[0] = 0x2f;
  vp8l.writeUInt32LE((16382 | (16382 << 14)) >>> 0, 1);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(vp8l.length);
  const riff = Buffer.alloc(4);
  riff.writeUInt32LE(12 + vp8l.length);
  return Buffer.concat([Buffer.from('RIFF'), riff, Buffer.from('WEBPVP8L'), size, vp8l]);
}

/** A GIF whose screen and frame claim 65535 x 65535 pixels, with data for a handful. */
export function gifBomb(): Buffer {
  const side = [0xff, 0xff];
  return Buffer.from([
    ...Buffer.from('GIF89a'),
    ...[...side, ...side, 0x80, 0, 0, 0, 0, 0, 255, 255, 255],
    ...[0x2c, 0, 0, 0, 0, ...side, ...side, 0],
    ...[2, 2, 0x4c, 1, 0, 0x3b],
  ]);
}

/** JPEG with another size written into its frame header. */
export function jpegClaiming(jpeg: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(jpeg);
  const frame = copy.findIndex((byte, i) => byte === 0xff && [0xc0, 0xc2].includes(copy[i + 1] ?? 0));
  copy.writeUInt16BE(height, frame + 5);
  copy.writeUInt16BE(width, frame + 7);
  return copy;
}

/** The `ftyp` box of a HEIC file with garbage behind it. */
export function heicGarbage(): Buffer {
  const head = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
  return Buffer.concat([head, garbage(4000, 3)]);
}

interface TiffSamples {
  /** 1 black is zero, 2 RGB, 8 CIELab. */
  readonly photometric: number;
  readonly channels: number;
  /** In each channel. */
  readonly bits: number;
  /** 1 unsigned, 3 floating point. */
  readonly format: number;
}

/** A classic TIFF in one strip whose samples are of the kind that is asked for. */
export function tiff(width: number, height: number, samples: TiffSamples, data: Buffer): Buffer {
  const { photometric, channels, bits, format } = samples;
  const many = channels > 1;
  const tags = [256, 257, 258, 259, 262, 273, 277, 278, 279, 339];
  const lists = 8 + 2 + tags.length * 12 + 4;
  const start = lists + 4 * channels;
  const values = [width, height, many ? lists : bits, 1, photometric, start, channels, height, data.length];
  values.push(many ? lists + 2 * channels : format);
  const head = Buffer.alloc(start);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(tags.length, 8);
  for (const [i, tag] of tags.entries()) {
    const isList = tag === 258 || tag === 339;
    head.writeUInt16LE(tag, 10 + i * 12);
    head.writeUInt16LE(isList || tag === 259 || tag === 262 || tag === 277 ? 3 : 4, 12 + i * 12);
    head.writeUInt32LE(isList ? channels : 1, 14 + i * 12);
    head.writeUInt32LE(values[i] ?? 0, 18 + i * 12);
  }
  for (let channel = 0; channel < channels; channel++) {
    head.writeUInt16LE(bits, lists + 2 * channel);
    head.writeUInt16LE(format, lists + 2 * (channels + channel));
  }
  return Buffer.concat([head, data]);
}

/** A classic TIFF whose first directory is its own next one. */
export function tiffLoop(): Buffer {
  const tiff = Buffer.alloc(64);
  tiff.write('II*\0', 'latin1');
  tiff.writeUInt32LE(8, 4);
  tiff.writeUInt16LE(1, 8);
  tiff.writeUInt16LE(256, 10);
  tiff.writeUInt16LE(4, 12);
  tiff.writeUInt32LE(1, 14);
  tiff.writeUInt32LE(100, 18);
  tiff.writeUInt32LE(8, 22);
  return tiff;
}

/** An EXIF segment whose directory points at itself and whose count of entries is a lie. */
export function withExifLoop(jpeg: Buffer): Buffer {
  const tiff = Buffer.from([
    ...Buffer.from('Exif\0\0MM\0*', 'latin1'),
    ...[0, 0, 0, 8, 0, 2],
    ...[0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 8],
    ...[0x90, 0x03, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
    ...[0, 0, 0, 8],
  ]);
  const head = Buffer.from([0xff, 0xe1, (tiff.length + 2) >> 8, (tiff.length + 2) & 255]);
  return Buffer.concat([jpeg.subarray(0, 2), head, tiff, jpeg.subarray(2)]);
}
