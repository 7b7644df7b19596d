import { fileBrands } from '../heic/brands.ts';

/** A camera's RAW format; `RAW` for those built on TIFF whose maker is another (Pentax PEF, Samsung SRW, ...). */
export type RawKind = 'CRW' | 'MRW' | 'X3F' | 'CR2' | 'CR3' | 'NEF' | 'ARW' | 'DNG' | 'RAF' | 'ORF' | 'RW2' | 'RAW';

/** Signatures at the start of a file, as Latin-1. */
const SIGNATURES: readonly (readonly [RawKind, RegExp])[] = [
  ['CRW', /^(II|MM).{4}HEAP(CCDR|JPGM)/s],
  ['MRW', /^\0MRM/],
  ['X3F', /^FOVb/],
  // Phase One: a TIFF whose first directory may say nothing of a sensor.
  ['RAW', /^(II\*\0.{4}IIII|MM\0\*.{4}MMMM)/s],
  ['CR2', /^II\*\0.{4}CR/s],
  ['RAF', /^FUJIFILMCCD-RAW/],
  ['ORF', /^(IIR[OS]|MMOR)/],
  ['RW2', /^IIU\0/],
];

/** Which camera RAW format a file is in, by its content; null when in none. */
export function rawKind(bytes: Uint8Array): RawKind | null {
  if (fileBrands(bytes)?.[0] === 'crx ') return 'CR3';
  const head = latin1(bytes, 0, 16);
  const signed = SIGNATURES.find(([, signature]) => signature.test(head));
  if (signed !== undefined) return signed[0];
  return /^(II\*\0|MM\0\*)/.test(head) ? tiffKind(bytes) : null;
}

/** Tags of TIFF 6.0, TIFF/EP (ISO 12234-2) and DNG 1.7. */
const TAG = { compression: 259, photometric: 262, make: 271, subDirectories: 330, dngVersion: 50706 } as const;
/** Photometric interpretations of sensor data: colour filter array, linear. */
const SENSOR_PHOTOMETRIC = [32803, 34892];
/** Compressions of Sony, Nikon, Pentax, Samsung and Kodak. */
const SENSOR_COMPRESSION = [32767, 34713, 65535, 32769, 32770, 65000];
/** More directories than any camera writes: a loop, or a scan of very many pages, which is no RAW file. */
const MAX_DIRECTORIES = 24;

/** DNG names its version; other RAW files built on TIFF hold a directory whose pixels are a sensor's. */
function tiffKind(bytes: Uint8Array): RawKind | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  if (view.byteLength < 8) return null;
  const pending = [view.getUint32(4, little)];
  let make = '';
  let isSensor = false;
  for (let visited = 0; visited < MAX_DIRECTORIES; visited++) {
    const at = pending.shift();
    if (at === undefined) break;
    const directory = readDirectory(view, at, little);
    if (directory.tags.has(TAG.dngVersion)) return 'DNG';
    make ||= asciiValue(bytes, directory.tags.get(TAG.make));
    isSensor ||= SENSOR_PHOTOMETRIC.includes(directory.tags.get(TAG.photometric)?.short ?? 0);
    isSensor ||= SENSOR_COMPRESSION.includes(directory.tags.get(TAG.compression)?.short ?? 0);
    pending.push(...subDirectories(view, directory.tags.get(TAG.subDirectories), little), directory.next);
  }
  if (!isSensor) return null;
  if (/^nikon/i.test(make)) return 'NEF';
  return /^sony/i.test(make) ? 'ARW' : 'RAW';
}

/** A directory's entry: its value read as a SHORT and as a LONG or offset, for the reader to choose. */
interface Entry {
  readonly count: number;
  readonly short: number;
  readonly long: number;
}

interface Directory {
  readonly tags: ReadonlyMap<number, Entry>;
  /** Offset of the next in the chain; 0 when it is the last. */
  readonly next: number;
}

/** What lies outside the file is left out. */
export function readDirectory(view: DataView, at: number, little: boolean): Directory {
  const tags = new Map<number, Entry>();
  if (at < 8 || at + 2 > view.byteLength) return { tags, next: 0 };
  const end = at + 2 + view.getUint16(at, little) * 12;
  for (let entry = at + 2; entry < end && entry + 12 <= view.byteLength; entry += 12) {
    tags.set(view.getUint16(entry, little), {
      count: view.getUint32(entry + 4, little),
      short: view.getUint16(entry + 8, little),
      long: view.getUint32(entry + 8, little),
    });
  }
  return { tags, next: end + 4 <= view.byteLength ? view.getUint32(end, little) : 0 };
}

function subDirectories(view: DataView, entry: Entry | undefined, little: boolean): number[] {
  if (entry === undefined) return [];
  if (entry.count === 1) return [entry.long];
  const offsets: number[] = [];
  for (let i = 0; i < Math.min(entry.count, MAX_DIRECTORIES) && entry.long + i * 4 + 4 <= view.byteLength; i++) {
    offsets.push(view.getUint32(entry.long + i * 4, little));
  }
  return offsets;
}

function asciiValue(bytes: Uint8Array, entry: Entry | undefined): string {
  return entry === undefined ? '' : latin1(bytes, entry.long, entry.long + Math.min(entry.count, 32));
}

/** Bytes as text, a character each. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);
}
