import type { RgbImage } from './pixels.ts';

const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;

/**
 * 8-bit RGB pixels and the ICC profile they are meant in (null means sRGB) as an uncompressed TIFF file (TIFF 6.0; tag
 * 34675 as in ICC.1, annex B.4): sharp knows no other way to give raw pixels a profile.
 */
export function profiledTiff({ data, width, height }: RgbImage, profile: Uint8Array | null): Uint8Array {
  const icc = profile ?? new Uint8Array();
  const bits = Buffer.from(Uint16Array.of(8, 8, 8).buffer);
  const parts: Uint8Array[] = [bits, icc, data];
  const tags = profile === null ? 9 : 10;
  const start = 8 + 2 + 12 * tags + 4;
  const [bitsAt, iccAt, dataAt] = [start, start + bits.length, start + bits.length + icc.length];
  const entries = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, 3, bitsAt],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 2],
    [273, LONG, 1, dataAt],
    [277, SHORT, 1, 3],
    [278, LONG, 1, height],
    [279, LONG, 1, data.length],
    [34675, UNDEFINED, icc.length, iccAt],
  ] as const;
  const head = Buffer.alloc(start);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(tags, 8);
  entries.slice(0, tags).forEach(([tag, type, count, value], i) => {
    const at = 10 + 12 * i;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    head.writeUInt32LE(value, at + 8);
  });
  return Buffer.concat([head, ...parts]);
}
