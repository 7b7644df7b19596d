import { fileBrands, isHeic } from './heic/brands.ts';
import { type RawKind, rawKind } from './raw/kind.ts';

/** What sharp's prebuilt binary decodes and people keep photos in. */
export type PhotoFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';

export type Content =
  | { readonly kind: 'photo'; readonly format: PhotoFormat }
  | { readonly kind: 'heic' }
  | { readonly kind: 'bmp' }
  | { readonly kind: 'raw'; readonly format: RawKind }
  /** A picture in a format that is not decoded; `name` with its article. Photos are kept in it, or drawings and icons. */
  | { readonly kind: 'unsupported'; readonly name: string; readonly isPhoto: boolean }
  /** No picture at all; `name` says what it looks like, or is null. */
  | { readonly kind: 'other'; readonly name: string | null };

/** How files begin, as Latin-1; "?" stands for any byte. Formats whose signature is part of another's come first. */
type Signatures<Name extends string> = Readonly<Partial<Record<Name, readonly string[]>>>;

const PHOTOS: Signatures<PhotoFormat> = {
  jpeg: ['\xff\xd8\xff'],
  png: ['\x89PNG\r\n\x1a\n'],
  gif: ['GIF8'],
  webp: ['RIFF????WEBP'],
  tiff: ['II*\0', 'II+\0', 'MM\0*', 'MM\0+'],
};

const UNSUPPORTED_PHOTOS: Signatures<string> = {
  'a JPEG XL image': ['\xff\x0a', '\0\0\0\x0cJXL '],
  'a JPEG 2000 image': ['\0\0\0\x0cjP  ', '\xff\x4f\xff\x51'],
  'a PAM image': ['P7\nWIDTH', 'P7\n#'],
};

const UNSUPPORTED: Signatures<string> = {
  'a Photoshop file': ['8BPS'],
  'a GIF of an unknown version': ['GIF9'],
  'an OpenEXR image': ['v/1\x01'],
};

const OTHERS: Signatures<string> = {
  'a PDF document': ['%PDF-'],
  'a sound file': ['ID3', 'OggS', 'fLaC', 'RIFF????WAVE', '\xff\xf3', '\xff\xfb', '????ftypM4A'],
  'a video': ['????ftyp', '????moov', '????mdat', '????wide', '\x1aE\xdf\xa3', 'RIFF????AVI ', '\0\0\x01\xba', 'FLV'],
  'an archive': ['PK\x03\x04', '\x1f\x8b', '7z\xbc\xaf', 'Rar!', 'BZh', '\xfd7zXZ', '(\xb5/\xfd'],
  'a program': ['\x7fELF', 'MZ', '\xcf\xfa\xed\xfe', '#!'],
};

const HEAD_BYTES = 1024;

/** What a file is, by its first bytes and never by its name. */
export function sniff(bytes: Uint8Array): Content {
  if (isHeic(bytes)) return { kind: 'heic' };
  const brands = fileBrands(bytes);
  if (brands?.some((brand) => brand === 'avif' || brand === 'avis')) return { kind: 'photo', format: 'avif' };
  const raw = rawKind(bytes);
  if (raw !== null) return { kind: 'raw', format: raw };
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString('latin1');
  if (/^BM.{4}\0\0\0\0/s.test(head)) return { kind: 'bmp' };
  const photo = find(UNSUPPORTED_PHOTOS, head) ?? netpbmKind(head);
  if (photo !== null) return { kind: 'unsupported', name: photo, isPhoto: true };
  const unsupported = find(UNSUPPORTED, head) ?? iconKind(bytes) ?? (isTga(bytes) ? 'a TGA image' : null);
  if (unsupported !== null) return { kind: 'unsupported', name: unsupported, isPhoto: false };
  const format = find(PHOTOS, head);
  if (format !== null) return { kind: 'photo', format };
  return { kind: 'other', name: find(OTHERS, head) ?? textKind(head) };
}

function find<Name extends string>(signatures: Signatures<Name>, head: string): Name | null {
  const begins = (signature: string): boolean =>
    head.length >= signature.length && [...signature].every((byte, i) => byte === '?' || byte === head[i]);
  const entries = Object.entries(signatures) as [Name, readonly string[]][];
  return entries.find(([, all]) => all.some(begins))?.[0] ?? null;
}

/** Netpbm's magic number, then the width, or a comment before it. */
function netpbmKind(head: string): string | null {
  return /^P[1-6]\s+(\d+\s|#)/.test(head) ? 'a PNM image' : null;
}

/**
 * Truevision TGA 2.0 has no signature at its beginning: its types of picture, with their colour maps, sizes and depths.
 * Other data may look like it, so that only a name makes a photo of such a file.
 */
function isTga(bytes: Uint8Array): boolean {
  if (bytes.length < 18) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [mapType, type, depth] = [view.getUint8(1), view.getUint8(2), view.getUint8(16)];
  const isMapped = type === 1 || type === 9;
  const noMap = [3, 4, 5, 6, 7].every((at) => view.getUint8(at) === 0);
  if (isMapped ? mapType !== 1 || ![15, 16, 24, 32].includes(view.getUint8(7)) : mapType !== 0 || !noMap) return false;
  const depths: Readonly<Record<number, readonly number[]>> = {
    ...{ 1: [8, 16], 2: [15, 16, 24, 32], 3: [8, 16] },
    ...{ 9: [8, 16], 10: [15, 16, 24, 32], 11: [8, 16] },
  };
  const [width, height] = [view.getUint16(12, true), view.getUint16(14, true)];
  // Of the descriptor's bits, two are reserved and so zero.
  return (depths[type]?.includes(depth) ?? false) && width > 0 && height > 0 && (view.getUint8(17) & 0xc0) === 0;
}

/** An icon or a cursor: a count of pictures, and none of nothing. */
function iconKind(bytes: Uint8Array): string | null {
  const starts = bytes[0] === 0 && bytes[1] === 0 && (bytes[2] === 1 || bytes[2] === 2) && bytes[3] === 0;
  return starts && (bytes[4] ?? 0) > 0 && bytes[5] === 0 ? 'an icon' : null;
}

function textKind(head: string): string | null {
  if (/^(ï»¿)?\s*(<\?xml[^>]*>\s*|<!--[\s\S]*?-->\s*|<!doctype svg[^>]*>\s*)*<svg[\s>]/i.test(head))
    return 'an SVG drawing';
  if (/^(ï»¿)?\s*<(!doctype html|html)[\s>]/i.test(head)) return 'a web page';
  const codes = Array.from(head, (character) => character.charCodeAt(0));
  if (codes.length > 0 && codes.every((code) => code === 0)) return 'nothing but zeros';
  // White space, printable ASCII, and bytes that UTF-8 and Latin-1 letters consist of.
  const printable = codes.every((code) => (code >= 9 && code <= 13) || (code >= 32 && code !== 127));
  return printable && /[a-z ]{3}/i.test(head) ? 'plain text' : null;
}
