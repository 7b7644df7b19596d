import { crc32, inflateSync } from 'node:zlib';
import { orientationTiff } from './raw/jpegs.ts';

/** What a PNG says of itself besides its pixels. */
export interface PngMetadata {
  /** The TIFF block of its EXIF. */
  readonly exif: Uint8Array | null;
  /** Whether that stands in an eXIf chunk in front of the pixels, where libpng finds it by itself. */
  readonly isAhead: boolean;
  readonly xmp: string | null;
  /** As its "Creation Time" says. */
  readonly creationTime: string | null;
}

const SIGNATURE_BYTES = 8;
/** More text than anybody writes about a photo; compressed text may claim to be of any length. */
const MAX_TEXT_BYTES = 4 << 20;
/** More chunks than a picture has: a file made to be slow. */
const MAX_CHUNKS = 1_000_000;
const XMP_KEYWORD = 'XML:com.adobe.xmp';
/** ImageMagick's, from the time before eXIf: hexadecimal digits in a text chunk. */
const EXIF_KEYWORDS = ['Raw profile type exif', 'Raw profile type APP1'];

/** Reads chunks (PNG, third edition) wherever they stand: programs that add metadata later put it behind the pixels. */
export function readPng(bytes: Uint8Array): PngMetadata {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts = new Map<string, string>();
  let exif: Uint8Array | null = null;
  let isAhead = false;
  let pixels = false;
  for (const { type, content } of chunks(file)) {
    if (type === 'IDAT') pixels = true;
    if (type === 'eXIf' && exif === null) {
      exif = withoutPrefix(content);
      isAhead = !pixels && exif === content;
    }
    const text = textOf(type, content);
    if (text !== null && !texts.has(text.keyword)) texts.set(text.keyword, text.value);
  }
  for (const keyword of EXIF_KEYWORDS) exif ??= fromHex(texts.get(keyword));
  return {
    exif,
    isAhead,
    xmp: texts.get(XMP_KEYWORD) ?? null,
    creationTime: texts.get('Creation Time')?.trim() ?? null,
  };
}

/** Whether it is an APNG of several frames (PNG, third edition, 11.3.6): acTL stands in front of the pixels. */
export function isAnimatedPng(bytes: Uint8Array): boolean {
  for (const { type, content } of chunks(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) {
    if (type === 'IDAT') return false;
    if (type === 'acTL') return content.length >= 4 && content.readUInt32BE(0) > 1;
  }
  return false;
}

interface Chunk {
  readonly type: string;
  readonly content: Buffer;
}

function* chunks(file: Buffer): Generator<Chunk> {
  let at = SIGNATURE_BYTES;
  for (let count = 0; at + 12 <= file.length && count < MAX_CHUNKS; count++) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    yield { type, content: file.subarray(at + 8, at + 8 + length) };
    if (type === 'IEND') return;
    at += 12 + length;
  }
}

function textOf(type: string, content: Buffer): { readonly keyword: string; readonly value: string } | null {
  if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') return null;
  const end = content.indexOf(0);
  if (end < 1 || content.length > MAX_TEXT_BYTES) return null;
  const keyword = content.toString('latin1', 0, end);
  if (type === 'tEXt') return { keyword, value: content.toString('latin1', end + 1) };
  if (type === 'zTXt') return { keyword, value: inflated(content.subarray(end + 2)).toString('latin1') };
  // A flag, a method, then a language and a translated keyword, each ended by a zero.
  const language = content.indexOf(0, end + 3);
  const translated = language === -1 ? -1 : content.indexOf(0, language + 1);
  if (translated === -1) return null;
  const rest = content.subarray(translated + 1);
  return { keyword, value: (content[end + 1] === 1 ? inflated(rest) : rest).toString('utf8') };
}

function inflated(bytes: Uint8Array): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_TEXT_BYTES });
  } catch {
    return Buffer.alloc(0);
  }
}

/** "\nexif\n     124\n45786966..." @returns the TIFF block, without the "Exif\0\0" of a JPEG */
function fromHex(text: string | undefined): Uint8Array | null {
  const [, digits] = /^\s*\S+\s+\d+\s+([0-9a-f\s]+)$/i.exec(text ?? '') ?? [];
  if (digits === undefined) return null;
  return withoutPrefix(Buffer.from(digits.replace(/\s+/g, ''), 'hex'));
}

/** Some write the block as it stands in a JPEG. */
function withoutPrefix(exif: Buffer): Buffer {
  return exif.toString('latin1', 0, 6) === 'Exif\0\0' ? exif.subarray(6) : exif;
}

/**
 * The same picture with its orientation where libpng looks for it: in an eXIf chunk in front of the pixels. Without EXIF,
 * XMP says how to turn it.
 */
export function orientedPng(bytes: Uint8Array, { exif, isAhead, xmp }: PngMetadata): Uint8Array {
  if (isAhead) return bytes;
  if (exif !== null) return withExifAhead(bytes, exif);
  const orientation = xmpOrientation(xmp ?? '');
  return orientation === null ? bytes : withExifAhead(bytes, orientationTiff(orientation));
}

function xmpOrientation(packet: string): number | null {
  const [, attribute, element] = /\btiff:Orientation(?:\s*=\s*["']([1-8])["']|>\s*([1-8])\s*<)/.exec(packet) ?? [];
  return attribute === undefined && element === undefined ? null : Number(attribute ?? element);
}

/** A copy with an eXIf chunk right behind the header. */
function withExifAhead(bytes: Uint8Array, exif: Uint8Array): Uint8Array {
  const header = SIGNATURE_BYTES + 25;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(exif.length);
  const content = Buffer.concat([Buffer.from('eXIf', 'latin1'), exif]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(content));
  return Buffer.concat([bytes.subarray(0, header), length, content, checksum, bytes.subarray(header)]);
}
