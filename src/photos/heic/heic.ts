import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { MainModule } from 'libheif-js/libheif-wasm/libheif.js';
import { type Faulty, faulty } from '../fault.ts';
import { turnedUpright } from '../metadata/exif-orientation.ts';
import type { RgbImage } from '../pixels.ts';
import { topLevelBoxes } from './brands.ts';
import { hasHole } from './holes.ts';
import { HeicItems, understood } from './items.ts';
import { profileOfNclx } from './nclx.ts';
import { heicOrientation } from './tiling.ts';

/** Upright. */
export interface HeicPixels extends RgbImage {
  readonly kind: 'pixels';
  /** The ICC profile the pixels are meant in, as phones write Display P3; null when the file means sRGB. */
  readonly icc: Uint8Array | null;
}

/** Constants of libheif's C interface (heif_image.h, heif_error.h). */
const COLORSPACE_RGB = 1;
const CHROMA_INTERLEAVED_RGB = 10;
const CHANNEL_INTERLEAVED = 10;
const UNSUPPORTED_FILETYPE = 3;
const UNSUPPORTED_FEATURE = 4;
const OUT_OF_MEMORY = 6;
const NO_PLUGIN_FOR_CODING = 11;
const SUBCODE_END_OF_DATA = 100;
const SUBCODE_COLOURS_DISAGREE = 152;
const SUBCODE_SECURITY_LIMIT = 1000;

/** WebAssembly memory never shrinks: a decoder that grew beyond this (12 megapixels take 60 to 100 MB) is dropped. */
const KEEP_MEMORY_BYTES = 256e6;

let decoder: Promise<MainModule> | null = null;

/**
 * Decodes the primary picture of a HEIF file coded with HEVC, as phones and cameras write it: single or in tiles,
 * 8 to 12 bits (reduced to 8), alpha dropped. The container's own crop, rotation and mirroring are applied; EXIF
 * orientation, which the format makes informative (ISO/IEC 23008-12), only where there is neither of the latter two.
 * More than `maxPixels` is refused before anything is decoded.
 */
export async function decodeHeic(bytes: Uint8Array, maxPixels: number): Promise<HeicPixels | Faulty> {
  const sequence = sequenceAlone(bytes);
  if (sequence !== null) return sequence;
  if (hasHole(bytes)) return faulty('corrupt', 'is damaged: a part of it is nothing but zeros');
  decoder ??= loadDecoder();
  const heif = await decoder;
  try {
    const result = decodePrimary(heif, bytes, maxPixels);
    if ((heif.HEAPU8 as Uint8Array).length > KEEP_MEMORY_BYTES) decoder = null;
    if (result.kind === 'fault') return result;
    const orientation = understood(() => heicOrientation(new HeicItems(bytes)), 1);
    const coloured = result.icc === null ? { ...result, icc: nclxProfile(bytes) } : result;
    return orientation === 1 ? coloured : { ...coloured, ...turnedUpright(result, orientation) };
  } catch {
    // A trap leaves the instance's memory in an unknown state; the next photo gets a new one.
    decoder = null;
    return faulty('decoder_crashed', 'crashed the HEIC decoder');
  }
}

/** The profile that a photo's colours are meant in, as `decodeHeic` finds it; null when the file means sRGB. */
export function heicProfile(bytes: Uint8Array): Uint8Array | null {
  return understood(() => {
    const items = new HeicItems(bytes);
    const pictures = [items.primary, ...items.references(items.primary, 'dimg').slice(0, 1)];
    const written = pictures
      .flatMap((picture) => items.properties(picture))
      .find(({ name, data }) => name === 'colr' && ['prof', 'rICC'].includes(data.toString('latin1', 0, 4)));
    return written?.data.subarray(4) ?? profileOfNclx(items.properties(items.primary));
  }, null);
}

/** Some cameras name their colours by code points alone. */
function nclxProfile(bytes: Uint8Array): Uint8Array | null {
  return understood(() => {
    const items = new HeicItems(bytes);
    return profileOfNclx(items.properties(items.primary));
  }, null);
}

/** A fault of a file that holds a film of pictures, as its brands allow, and no picture by itself. */
function sequenceAlone(bytes: Uint8Array): Faulty | null {
  const { names } = topLevelBoxes(bytes);
  if (!names.includes('moov') || names.includes('meta')) return null;
  return faulty('unsupported', 'is a HEIF image sequence without a still picture, which cannot be decoded');
}

async function loadDecoder(): Promise<MainModule> {
  const { resolve } = createRequire(import.meta.url);
  const wasmBinary = await readFile(resolve('libheif-js/libheif-wasm/libheif.wasm'));
  const imported: unknown = await import('libheif-js/libheif-wasm/libheif.js');
  const { default: create } = imported as { default: (options: object) => MainModule };
  return create({ wasmBinary, print: () => undefined, printErr: () => undefined });
}

/**
 * Speaks libheif's C interface: the package's own JavaScript class prints its errors and, when a file is cut short,
 * returns the picture with its missing tiles left blank.
 */
function decodePrimary(heif: MainModule, bytes: Uint8Array, maxPixels: number): HeicPixels | Faulty {
  const input = heif._malloc(bytes.length);
  if (input === 0) return faulty('too_large', 'is larger than can be decoded');
  const error = heif._malloc(12);
  const out = heif._malloc(4);
  const context = heif._heif_context_alloc();
  let handle = 0;
  let image = 0;
  // The memory moves when it grows: its views are read again each time.
  const int = (at: number): number => (heif.HEAP32 as Int32Array)[at >> 2] ?? 0;
  const failed = (): Faulty | null => (int(error) === 0 ? null : faultOf(int(error), int(error + 4)));
  try {
    (heif.HEAPU8 as Uint8Array).set(bytes, input);
    heif._heif_context_read_from_memory_without_copy(error, context, input, bytes.length, 0);
    const unread = failed();
    if (unread !== null) return unread;
    heif._heif_context_get_primary_image_handle(error, context, out);
    const unopened = failed();
    if (unopened !== null) return unopened;
    handle = int(out);
    const claimed = [heif._heif_image_handle_get_width(handle), heif._heif_image_handle_get_height(handle)] as const;
    if (claimed[0] * claimed[1] > maxPixels) return tooLarge(claimed, maxPixels);
    heif._heif_decode_image(error, handle, out, COLORSPACE_RGB, CHROMA_INTERLEAVED_RGB, 0);
    const undecoded = failed();
    if (undecoded !== null) return undecoded;
    image = int(out);
    if (losesPixels(heif, image)) return faulty('corrupt', 'is damaged or cut short');
    const width = heif._heif_image_get_width(image, CHANNEL_INTERLEAVED);
    const height = heif._heif_image_get_height(image, CHANNEL_INTERLEAVED);
    const plane = heif._heif_image_get_plane_readonly2(image, CHANNEL_INTERLEAVED, out);
    const data = packRows(heif.HEAPU8, plane, int(out), width, height);
    return { kind: 'pixels', data, width, height, icc: profileOf(heif, handle, error) };
  } finally {
    if (image !== 0) heif._heif_image_release(image);
    if (handle !== 0) heif._heif_image_handle_release(handle);
    heif._heif_context_free(context);
    for (const block of [input, error, out]) heif._free(block);
  }
}

/** Whether a warning of the decoder means that pixels are lost. That colours are said twice, and differ, does not. */
function losesPixels(heif: MainModule, image: number): boolean {
  const count = heif._heif_image_get_decoding_warnings(image, 0, 0, 0);
  if (count === 0) return false;
  // Of each its code, its subcode and a pointer to its text.
  const at = heif._malloc(12 * count);
  heif._heif_image_get_decoding_warnings(image, 0, at, count);
  const words = heif.HEAP32 as Int32Array;
  const subcodes = Array.from({ length: count }, (_, i) => words[(at >> 2) + 3 * i + 1]);
  heif._free(at);
  return subcodes.some((subcode) => subcode !== SUBCODE_COLOURS_DISAGREE);
}

function profileOf(heif: MainModule, handle: number, error: number): Uint8Array | null {
  const length = heif._heif_image_handle_get_raw_color_profile_size(handle);
  if (length === 0) return null;
  const at = heif._malloc(length);
  heif._heif_image_handle_get_raw_color_profile(error, handle, at);
  const icc = (heif.HEAPU8 as Uint8Array).slice(at, at + length);
  heif._free(at);
  return icc;
}

/** Copies a plane out of the decoder's memory, without the padding at the end of its rows. */
function packRows(memory: Uint8Array, start: number, stride: number, width: number, height: number): Uint8Array {
  const row = width * 3;
  const data = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    const from = start + y * stride;
    data.set(memory.subarray(from, from + row), y * row);
  }
  return data;
}

function faultOf(code: number, subcode: number): Faulty {
  if (subcode === SUBCODE_SECURITY_LIMIT || code === OUT_OF_MEMORY) {
    return faulty('too_large', 'is larger than can be decoded');
  }
  if (subcode === SUBCODE_END_OF_DATA) return faulty('corrupt', 'is cut short');
  if (code === NO_PLUGIN_FOR_CODING)
    return faulty('unsupported', 'is a HEIF file whose picture is not coded with HEVC');
  if (code === UNSUPPORTED_FILETYPE || code === UNSUPPORTED_FEATURE) {
    return faulty('unsupported', 'is a kind of HEIF file that cannot be decoded');
  }
  return faulty('corrupt', 'is damaged');
}

function tooLarge([width, height]: readonly [number, number], maxPixels: number): Faulty {
  const limit = maxPixels / 1e6;
  return faulty('too_large', `claims ${width} x ${height} pixels; more than ${limit} megapixels are not decoded`);
}
