import { extname } from 'node:path';
import { sniff } from './sniff.ts';

/** Endings of developed pictures. */
const PICTURE =
  'jpg jpeg jpe jfif jif png apng webp avif avifs tif tiff gif heic heics heif heifs hif hsp jxl jp2 j2k jpf jpx j2c jpc ' +
  'bmp dib tga pnm ppm pgm pbm pam';

/** Endings of the camera makers' RAW files. */
export const RAW_ENDINGS: ReadonlySet<string> = new Set(
  (
    '3fr ari arq arw bay cap cr2 cr3 crw dcr dcs dng erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw orf ori pef ptx ' +
    'pxn raf raw rw2 rwl sr2 srf srw x3f'
  ).split(' '),
);

/** Endings under which people keep photos. What a file really is, its content decides when it is read. */
const PHOTO = new Set([...PICTURE.split(' '), ...RAW_ENDINGS]);

/** Endings that promise something else: a change to such a file is no reason to look for photos. */
const OTHER = new Set(
  (
    'aac aae avi bak c cfg conf cpp css csv db doc docx exe flac gpx h html ini iso java js json kml lock log lrcat m4a ' +
    'm4v md mkv mov mp3 mp4 mpg mts npy odt ogg onnx pages pdf php pp3 ppt pptx psd py rar rb rs rst rtf sh sidecar ' +
    'sql sqlite svg tar tex thm toml ts tsv ttf txt url wav webm wmv woff woff2 xcf xls xlsx xml xmp yaml yml zip gz 7z'
  ).split(' '),
);

/** What people call the formats of photos, and the endings that each has; "raw" is all of the camera makers'. */
export const FORMATS: Readonly<Record<string, readonly string[]>> = {
  jpeg: ['jpg', 'jpeg', 'jpe', 'jfif', 'jif'],
  heic: ['heic', 'heics', 'heif', 'heifs', 'hif', 'hsp'],
  raw: [...RAW_ENDINGS],
  png: ['png', 'apng'],
  webp: ['webp'],
  avif: ['avif', 'avifs'],
  tiff: ['tif', 'tiff'],
  gif: ['gif'],
  bmp: ['bmp', 'dib'],
};

export type NameKind = 'photo' | 'other' | 'unknown';

/** What a name promises: a photo, something else, or nothing. */
export function kindByName(name: string): NameKind {
  const ending = extname(name).slice(1).toLowerCase();
  if (PHOTO.has(ending)) return 'photo';
  return OTHER.has(ending) ? 'other' : 'unknown';
}

/** The picture that a camera puts beside a film or a RAW file, which is the photo. */
export function isThumbnailName(name: string): boolean {
  return extname(name).toLowerCase() === '.thm';
}

/** How much of a file `startsLikePhoto` needs. */
export const HEAD_BYTES = 32;

/** Whether the beginning of a file is that of a format in which photos are kept, be it decoded or not. */
export function startsLikePhoto(head: Uint8Array): boolean {
  const content = sniff(head);
  return content.kind === 'unsupported' ? content.isPhoto : content.kind !== 'other';
}
