import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { LibRawModule, RawMetadata } from 'libraw-wasm/dist/libraw.js';
import { type Faulty, faulty } from '../fault.ts';
import { topLevelBoxes } from '../heic/brands.ts';
import type { Size } from '../pixels.ts';
import { ciffExif } from './ciff.ts';
import { type EmbeddedJpeg, embeddedJpegs, withOrientation } from './jpegs.ts';
import type { RawKind } from './kind.ts';

export interface RawPreview {
  readonly kind: 'preview';
  /** The largest JPEG that the camera put into the file; its EXIF says how to turn it upright and nothing else. */
  readonly jpeg: Uint8Array;
  /** For `readExif`. */
  readonly exif: readonly Uint8Array[];
}

/** EXIF orientation of LibRaw's `flip`. */
const ORIENTATION_OF_FLIP = [1, 2, 4, 3, 5, 8, 6, 7] as const;

let reader: Promise<LibRawModule> | null = null;

/**
 * The preview and EXIF of a camera RAW file of any maker that LibRaw knows; the sensor's data is not developed.
 * LibRaw says what the file is and names its largest preview. The preview is then cut out by its JPEG markers rather
 * than by LibRaw, whose WebAssembly build never returns from a preview with a damaged header.
 */
export async function rawPreview(bytes: Uint8Array, kind: RawKind): Promise<RawPreview | Faulty> {
  reader ??= loadReader();
  const name = kind === 'RAW' ? 'a camera RAW file' : `a camera RAW file (${kind})`;
  if (kind === 'CR3' && isCutShort(bytes)) return faulty('corrupt', `is ${name} that is cut short`);
  const metadata = kind === 'X3F' ? x3fMetadata(bytes) : readMetadata(await reader, bytes, name);
  if ('fault' in metadata) return metadata;
  const named = { width: metadata.thumb_width, height: metadata.thumb_height };
  const file = kind === 'MRW' ? withPreviewsMended(bytes) : bytes;
  const preview = choose(embeddedJpegs(file), named);
  if (preview === null) return faulty('unsupported', `is ${name} without a JPEG preview`);
  if (!preview.complete) return faulty('corrupt', `is ${name} whose preview is damaged or cut short`);
  const jpeg = file.subarray(preview.start, preview.end);
  return {
    kind: 'preview',
    jpeg: withOrientation(jpeg, ORIENTATION_OF_FLIP[metadata.flip] ?? 1),
    exif: rawExifSources(kind, bytes, jpeg),
  };
}

async function loadReader(): Promise<LibRawModule> {
  const { resolve } = createRequire(import.meta.url);
  const wasmBinary = await readFile(resolve('libraw-wasm/dist/libraw.wasm'));
  // The package's own entry starts a browser's Web Worker; this is the module that worker runs.
  const { default: create } = await import('libraw-wasm/dist/libraw.js');
  return await create({ wasmBinary, print: () => undefined, printErr: () => undefined });
}

function readMetadata(module: LibRawModule, bytes: Uint8Array, name: string): RawMetadata | Faulty {
  try {
    const raw = new module.LibRaw();
    try {
      raw.open(bytes, {});
      return raw.metadata();
    } finally {
      raw.delete();
    }
  } catch (error) {
    // LibRaw's own refusals arrive as C++ exceptions; after anything else the instance's memory cannot be trusted.
    if (typeof error === 'object' && error !== null && 'excPtr' in error) {
      return faulty('corrupt', `is ${name} that is damaged, or of a camera not known`);
    }
    reader = null;
    return faulty('decoder_crashed', 'crashed the reader of camera RAW files');
  }
}

/** This build of LibRaw refuses Sigma's files; their header says how the camera was held, in degrees to the right. */
function x3fMetadata(bytes: Uint8Array): RawMetadata {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const turned = view.byteLength < 40 ? 0 : view.getUint32(36, true);
  const flips: Readonly<Record<number, number>> = { 90: 6, 180: 3, 270: 5 };
  return { flip: flips[turned] ?? 0, thumb_width: 0, thumb_height: 0 };
}

/** Minolta's cameras write another byte in place of the first of a preview (0xff). */
function withPreviewsMended(mrw: Uint8Array): Uint8Array {
  const file = Buffer.from(mrw);
  const rest = Buffer.from([0xd8, 0xff, 0xdb]);
  for (let at = file.indexOf(rest, 1); at !== -1; at = file.indexOf(rest, at + 1)) file[at - 1] = 0xff;
  return file;
}

/** LibRaw is content with a CR3 file's thumbnail, which stands in front of the preview and the sensor's data. */
function isCutShort(cr3: Uint8Array): boolean {
  const { names, end } = topLevelBoxes(cr3);
  return end !== cr3.length || !names.includes('mdat');
}

/** The JPEG of the size that LibRaw names, or else the largest: a lossy DNG holds its sensor in JPEG tiles as well. */
function choose(jpegs: readonly EmbeddedJpeg[], named: Size): EmbeddedJpeg | null {
  const exact = jpegs.filter(({ width, height }) => width === named.width && height === named.height);
  return (exact.length > 0 ? exact : jpegs).toSorted((a, b) => area(b) - area(a))[0] ?? null;
}

function area({ width, height }: Size): number {
  return width * height;
}

/** EXIF stands near the beginning of a file: this much is looked at where the whole is not handed on. */
const HEAD_BYTES = 1 << 20;

/**
 * Where `readExif` finds a camera RAW file's EXIF, the preview's own last: read by the same rules as a JPEG's, so that
 * both files of a RAW+JPEG pair have the same time and camera.
 */
export function rawExifSources(kind: RawKind, bytes: Uint8Array, preview: Uint8Array): Uint8Array[] {
  return [...ownSources(kind, bytes), preview];
}

function ownSources(kind: RawKind, bytes: Uint8Array): Uint8Array[] {
  // They have none but their preview's.
  if (kind === 'RAF' || kind === 'X3F') return [];
  if (kind === 'CRW') return ciffExif(bytes);
  // A TIFF file in a block of its own: its name, its length, then it.
  if (kind === 'MRW') return blockContent(bytes, '\0TTW');
  // Canon's boxes of the first directory and of the EXIF directory, each a TIFF file of its own.
  if (kind === 'CR3') return ['CMT1', 'CMT2'].flatMap((name) => boxContent(bytes, name));
  if (kind === 'ORF' || kind === 'RW2') return [withTiffSignature(bytes)];
  return [bytes];
}

/** Olympus and Panasonic write TIFF under a signature of their own. */
function withTiffSignature(bytes: Uint8Array): Uint8Array {
  const head = bytes.slice(0, HEAD_BYTES);
  const little = head[0] === 0x49;
  head.set(little ? [42, 0] : [0, 42], 2);
  return head;
}

function blockContent(bytes: Uint8Array, name: string): Uint8Array[] {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEAD_BYTES));
  const at = head.indexOf(name, 0, 'latin1');
  return at === -1 || at + 8 > head.length ? [] : [head.subarray(at + 8, at + 8 + head.readUInt32BE(at + 4))];
}

function boxContent(bytes: Uint8Array, name: string): Uint8Array[] {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEAD_BYTES));
  const at = head.indexOf(name, 0, 'latin1');
  return at < 4 ? [] : [head.subarray(at + 4, at - 4 + head.readUInt32BE(at - 4))];
}
