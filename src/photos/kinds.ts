import { extname } from 'node:path';
import { fileBrands, isHeic } from './heic-brands.ts';
import { rawKind } from './raw-kind.ts';

/** Endings under which people keep photos. What a file really is, its content decides when it is read. */
const PHOTO = new Set(
  'jpg jpeg jpe jfif png webp avif tif tiff gif heic heif hif jxl jp2 bmp cr2 cr3 nef arw dng raf orf rw2'.split(' '),
);

/** Endings that never hold a photo: such files are passed over without being opened. */
const OTHER = new Set(
  (
    'aac aae avi bak c cfg conf cpp css csv db doc docx exe flac gpx h html ini iso java js json kml lock log lrcat m4a ' +
    'm4v md mkv mov mp3 mp4 mpg mts npy odt ogg onnx pages pdf php pp3 ppt pptx psd py rar rb rs rst rtf sh sidecar ' +
    'sql sqlite svg tar tex thm toml ts tsv ttf txt url wav webm wmv woff woff2 xcf xls xlsx xml xmp yaml yml zip gz 7z'
  ).split(' '),
);

export type NameKind = 'photo' | 'other' | 'unknown';

/** What a name promises: a photo, certainly none, or nothing (then the first bytes are looked at). */
export function kindByName(name: string): NameKind {
  const ending = extname(name).slice(1).toLowerCase();
  if (PHOTO.has(ending)) return 'photo';
  return OTHER.has(ending) ? 'other' : 'unknown';
}

/** Whether the first 16 bytes of a file are those of a format in which photos are kept. */
export function startsLikePhoto(head: Uint8Array): boolean {
  const ascii = (from: number, to: number): string => String.fromCharCode(...head.subarray(from, to));
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return true;
  if (ascii(0, 8) === '\x89PNG\r\n\x1a\n' || /^GIF8[79]a$/.test(ascii(0, 6))) return true;
  if (ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WEBP') return true;
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(ascii(0, 4)) || rawKind(head) !== null) return true;
  return isHeic(head) || /^avi[fs]$/.test(fileBrands(head)?.[0] ?? '');
}
