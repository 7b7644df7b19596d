import type { RawKind } from './kind.ts';

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
  if (kind === 'RAF' || kind === 'CRW' || kind === 'X3F') return [];
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
