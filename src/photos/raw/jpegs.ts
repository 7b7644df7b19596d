import type { Size } from '../pixels.ts';

/** A JPEG inside another file. */
export interface EmbeddedJpeg extends Size {
  readonly start: number;
  readonly end: number;
  /** False when it is cut short or its structure breaks off. */
  readonly complete: boolean;
}

const START = Buffer.from([0xff, 0xd8, 0xff]);
/** Markers of ITU-T T.81, table B.1. */
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;
/** Baseline, extended and progressive frames; lossless ones (0xc3) hold sensor data. */
const isPictureFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xc2;

/**
 * The JPEG pictures that stand in a file, in order, found by their own structure. A thumbnail inside another JPEG's
 * EXIF is part of that one and not listed.
 */
export function embeddedJpegs(bytes: Uint8Array): EmbeddedJpeg[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: EmbeddedJpeg[] = [];
  for (let at = file.indexOf(START); at !== -1; ) {
    const jpeg = walkJpeg(file, at);
    if (jpeg !== null) found.push(jpeg);
    at = file.indexOf(START, jpeg?.complete ? jpeg.end : at + 1);
  }
  return found;
}

/** Follows segments and scans from a start-of-image marker to the end; null when no picture's frame is met. */
function walkJpeg(file: Buffer, start: number): EmbeddedJpeg | null {
  let size: Size | null = null;
  const upTo = (end: number, complete: boolean): EmbeddedJpeg | null =>
    size === null ? null : { start, end, complete, ...size };
  for (let at = start + 2; at + 2 <= file.length; ) {
    const marker = file[at + 1] ?? 0;
    if (file[at] !== 0xff || marker < 0xc0) return upTo(at, false);
    if (marker === END_OF_IMAGE) return upTo(at + 2, true);
    if (at + 4 > file.length) break;
    const length = file.readUInt16BE(at + 2);
    if (length < 2) return upTo(at, false);
    if (isPictureFrame(marker)) {
      size = frameSize(file, at + 4);
      if (size === null) return null;
    }
    at += 2 + length;
    if (marker === START_OF_SCAN) at = endOfScan(file, at);
  }
  return upTo(file.length, false);
}

/** Size of an 8-bit picture from its frame header; null for what is none. */
function frameSize(file: Buffer, at: number): Size | null {
  if (at + 6 > file.length || file[at] !== 8) return null;
  const [height, width] = [file.readUInt16BE(at + 1), file.readUInt16BE(at + 3)];
  return width > 0 && height > 0 ? { width, height } : null;
}

/** The next marker that is neither stuffing (0xff00), fill nor a restart. */
function endOfScan(file: Buffer, from: number): number {
  for (let at = file.indexOf(0xff, from); at !== -1; at = file.indexOf(0xff, at + 1)) {
    const next = file[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff && !isRestart(next)) return at;
  }
  return file.length;
}

const SCAN = Buffer.from([0xff, START_OF_SCAN]);

/** Whether a JPEG has more than `most` scans, not counting those of a thumbnail in it or of what follows it. */
export function hasMoreScans(jpeg: Uint8Array, most: number): boolean {
  const file = Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  // As good as always true, and quickly known. Two bytes by chance, in a film behind the photo, are no scan.
  let mentioned = 0;
  for (let at = file.indexOf(SCAN); at !== -1 && mentioned <= most; at = file.indexOf(SCAN, at + 2)) mentioned += 1;
  if (mentioned <= most) return false;
  let scans = 0;
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff && file[at + 1] !== END_OF_IMAGE; ) {
    const isScan = file[at + 1] === START_OF_SCAN;
    if (isScan && ++scans > most) return true;
    at += 2 + file.readUInt16BE(at + 2);
    if (isScan) at = endOfScan(file, at);
  }
  return false;
}

const isApplicationOrComment = (marker: number): boolean => (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
const EXIF = Buffer.from('Exif\0\0', 'latin1');

/** A JPEG with an EXIF orientation (1 to 8) in place of whatever EXIF it had. */
export function withOrientation(jpeg: Uint8Array, orientation: number): Uint8Array {
  const file = Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  const parts: Buffer[] = [file.subarray(0, 2), orientationSegment(orientation)];
  let at = 2;
  while (at + 4 <= file.length && file[at] === 0xff && isApplicationOrComment(file[at + 1] ?? 0)) {
    const end = at + 2 + file.readUInt16BE(at + 2);
    const isExif = file[at + 1] === 0xe1 && file.subarray(at + 4, at + 10).equals(EXIF);
    if (!isExif) parts.push(file.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...parts, file.subarray(at)]);
}

function orientationSegment(orientation: number): Buffer {
  const tiff = orientationTiff(orientation);
  return Buffer.concat([Buffer.from([0xff, 0xe1, 0, 2 + EXIF.length + tiff.length]), EXIF, tiff]);
}

/** EXIF that says how to turn a picture and nothing else: a directory of one entry (tag 0x0112, one SHORT). */
export function orientationTiff(orientation: number): Buffer {
  const tiff = Buffer.from('MM\0*\0\0\0\b\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0', 'latin1');
  tiff.writeUInt16BE(orientation, 18);
  return tiff;
}
