import { extname } from 'node:path';
import { foldedName } from '../files/names.ts';
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

export function isRawName(name: string): boolean {
  return RAW_ENDINGS.has(extname(name).slice(1).toLowerCase());
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

const DEVELOPED = new Set(['jpg', 'jpeg', 'jpe', 'jfif', 'heic', 'heif', 'hif']);

/**
 * Which RAW files are one photo with a JPEG or HEIC: they lie in the same folder and have the same name but for its
 * ending and its case. (The film of a Live Photo is no photo by its ending, so its photo counts once anyway.)
 *
 * @param paths Relative and "/"-separated.
 * @returns From the RAW file to the file that stands for the photo: the first by name.
 */
export function rawCompanions(paths: readonly string[]): Map<string, string> {
  const developed = new Map<string, string>();
  for (const path of [...paths].sort()) {
    const { name, ending } = split(path);
    if (DEVELOPED.has(ending) && !developed.has(name)) developed.set(name, path);
  }
  const pairs = new Map<string, string>();
  for (const path of paths) {
    const { name, ending } = split(path);
    const standing = RAW_ENDINGS.has(ending) ? developed.get(name) : undefined;
    if (standing !== undefined) pairs.set(path, standing);
  }
  return pairs;
}

/** Folders are told apart exactly; names by neither case nor the two spellings that Unicode has for accents. */
function split(path: string): { readonly name: string; readonly ending: string } {
  const slash = path.lastIndexOf('/') + 1;
  const dot = path.lastIndexOf('.');
  if (dot <= slash) return { name: path, ending: '' };
  const name = path.slice(0, slash) + foldedName(path.slice(slash, dot));
  return { name, ending: path.slice(dot + 1).toLowerCase() };
}
