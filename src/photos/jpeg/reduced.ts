import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { reducedFrame, turnOf } from '../metadata/exif-orientation.ts';
import type { RgbImage, Size } from '../pixels.ts';
import { type HuffmanTable, type JpegFrame, JpegHeaders, type JpegScan } from './header.ts';
import { JPEG_KERNEL } from './kernel.ts';
import { Progression } from './progression.ts';
import { layOut, layOutSkipping, TABLE_BYTES } from './tables.ts';

/** Samples left of each eight: an eighth, a quarter or half of the size. */
type Side = 1 | 2 | 4;

export interface ReducedJpeg {
  /** Upright. */
  readonly image: RgbImage;
  /** Upright size of the whole photo. */
  readonly size: Size;
  readonly exif: Uint8Array | null;
}

/**
 * Decodes a JPEG straight to an eighth or a quarter of its size, upright: the smaller that leaves the short side at
 * least `short` pixels. Several times as fast as libjpeg's own reduction, since what this size does not need is skipped:
 * all but the lowest frequencies, and of a progressive photo the scans with the last bits.
 *
 * `unsuited` when it is not a colour photo in one baseline scan or in progressive ones, or too small or too large.
 * `doubtful` when what is decoded does not add up exactly to its pixels, or a scan is missing or has a hole: then it is
 * damaged, or coded in an odd way, and a decode of every pixel has to tell which. Other damage in the last bits of a
 * progressive photo, which do not show at this size, is not noticed.
 */
export function decodeReducedJpeg(
  bytes: Uint8Array,
  short: number,
  maxPixels: number,
): ReducedJpeg | 'unsuited' | 'doubtful' {
  return decodeAt(bytes, maxPixels, ({ width, height }) =>
    ([1, 2] as const).find((side) => (Math.min(width, height) * side) / 8 >= short),
  );
}

/**
 * The same with the long side, at a half of the size as well (of baseline photos), and only where the photo's edges are
 * those of whole pixels: what is laid over another rendition must not be shifted by a part of one.
 */
export function decodeExactlyReducedJpeg(
  bytes: Uint8Array,
  long: number,
  maxPixels: number,
): ReducedJpeg | 'unsuited' | 'doubtful' {
  return decodeAt(bytes, maxPixels, ({ width, height }, progressive) =>
    ([1, 2, 4] as const).find((side) => {
      const isWhole = (width * side) % 8 === 0 && (height * side) % 8 === 0;
      return isWhole && (side < 4 || !progressive) && (Math.max(width, height) * side) / 8 >= long;
    }),
  );
}

function decodeAt(
  bytes: Uint8Array,
  maxPixels: number,
  sideOf: (size: Size, progressive: boolean) => Side | undefined,
): ReducedJpeg | 'unsuited' | 'doubtful' {
  if (bytes.length > MAX_BYTES) return 'unsuited';
  const headers = new JpegHeaders(bytes);
  const opened = headers.open();
  if (opened === null) return 'unsuited';
  const { frame, scan } = opened;
  const { width, height } = frame.size;
  const side = sideOf(frame.size, frame.progressive);
  if (side === undefined || width * height > maxPixels) return 'unsuited';
  if (!frame.progressive && !isWhole(scan)) return 'unsuited';
  const image = decode(bytes, headers, frame, scan, side);
  if (image === null) return 'doubtful';
  const size = frame.orientation < 5 ? { width, height } : { width: height, height: width };
  const exact = reducedFrame(frame.size, 8 / side, frame.orientation);
  return { image: { ...image, frame: exact }, size, exif: frame.exif };
}

/** Whether a scan is the only one: all coefficients of all components. */
function isWhole({ components, from, to, high, low }: JpegScan): boolean {
  return components.length === 3 && from === 0 && to === 63 && high === 0 && low === 0;
}

/** Addresses and lengths in bytes; see wasm/jpeg.ts. */
interface JpegKernel extends KernelMemory {
  /** These two return where the marker behind the scan is; 0 when anything is not as it should be. */
  baseline(parameters: number): number;
  progressive(parameters: number): number;
  drawBlocks(
    blocks: number,
    across: number,
    down: number,
    plane: number,
    stride: number,
    side: number,
    scales: number,
  ): void;
  toRgb(
    luma: number,
    lumaStride: number,
    cb: number,
    cr: number,
    chromaStride: number,
    halvedAcross: number,
    halvedDown: number,
    width: number,
    height: number,
    output: number,
  ): void;
  turn(first: number, acrossStep: number, downStep: number, width: number, height: number, output: number): void;
}

/** Larger files are left to sharp. */
const MAX_BYTES = 256e6;
/** A kernel whose memory grew beyond this, which a photo of 12 megapixels does not need, is not kept. */
const KEEP_BYTES = 64e6;
let kernel: JpegKernel | null = null;

/** One unit of a coefficient in a sample, scaled by 2^13: the cosine transform's eighth, and the kernel's 2^10. */
const SCALE = 2 ** 10;
/** Of half the size the coefficients (u across, v down), u and v below 4, are needed: up to here in zigzag order. */
const HALF_COEFFICIENTS = 25;
/** Room for a block's, see wasm/jpeg/pixels.ts; behind the sixteen is where those go that are not looked at. */
const HALF_ROOM_BYTES = 80;
const HALF_UNUSED = 64;
/** Room in front of the coded bytes, where the kernel begins their copy without stuffing. */
const LEAD = 64;
const PARAMETERS_BYTES = 256;
/** Of a block of a progressive photo. */
const BLOCK_BYTES = 16;
/** Of the steps of a refining scan. */
const STEPS_BYTES = 2 << 14;

interface Plane {
  readonly at: number;
  /** Samples. */
  readonly stride: number;
  /** Blocks, whole MCUs of them. */
  readonly across: number;
  readonly down: number;
  /** Where the blocks of a progressive photo are. */
  readonly blocks: number;
}

function decode(
  bytes: Uint8Array,
  headers: JpegHeaders,
  frame: JpegFrame,
  scan: JpegScan,
  side: Side,
): RgbImage | null {
  const { components, size, progressive } = frame;
  const [luma] = components;
  const mcus = { across: Math.ceil(size.width / (8 * luma.across)), down: Math.ceil(size.height / (8 * luma.down)) };
  const width = Math.ceil((size.width * side) / 8);
  const height = Math.ceil((size.height * side) / 8);

  const arena = new Arena();
  const input = arena.reserve(LEAD + bytes.length - scan.start) + LEAD;
  const parameters = arena.reserve(PARAMETERS_BYTES);
  const tables = Array.from({ length: 6 }, () => arena.reserve(TABLE_BYTES));
  const steps = arena.reserve(progressive ? STEPS_BYTES : 0);
  const half = arena.reserve(HALF_ROOM_BYTES);
  const halfScales = components.map(() => arena.reserve(HALF_COEFFICIENTS * 8));
  const planes = components.map((component) => {
    const [across, down] = [mcus.across * component.across, mcus.down * component.down];
    const blocks = progressive ? arena.reserve(across * down * BLOCK_BYTES) : 0;
    return { at: arena.reserve(across * down * side * side), stride: across * side, across, down, blocks };
  }) as [Plane, Plane, Plane];
  const rgb = arena.reserve(width * height * 3);
  const upright = arena.reserve(width * height * 3);

  kernel ??= instantiate<JpegKernel>(JPEG_KERNEL);
  const memory = arena.open(kernel);
  memory.set(bytes.subarray(scan.start), input);
  const rooms = { parameters, tables, steps, half, halfScales };
  const work = { kernel, memory, frame, mcus, planes, side, ...rooms, fileAt: input - scan.start };
  try {
    const isDecoded = progressive
      ? decodeProgressive(work, bytes.length, headers, scan)
      : decodeBaseline(work, bytes.length, headers, scan);
    if (!isDecoded) return null;
    const [y, cb, cr] = planes;
    const [halvedAcross, halvedDown] = [luma.across - 1, luma.down - 1];
    kernel.toRgb(y.at, y.stride, cb.at, cr.at, cb.stride, halvedAcross, halvedDown, width, height, rgb);
    return turned(kernel, memory, { at: rgb, width, height }, frame.orientation, upright);
  } finally {
    if (memory.length > KEEP_BYTES) kernel = null;
  }
}

interface Work {
  readonly kernel: JpegKernel;
  readonly memory: Uint8Array;
  readonly frame: JpegFrame;
  readonly mcus: { readonly across: number; readonly down: number };
  readonly planes: readonly [Plane, Plane, Plane];
  readonly side: Side;
  readonly parameters: number;
  /** Room for each. */
  readonly tables: readonly number[];
  readonly steps: number;
  readonly half: number;
  /** Room for each component's. */
  readonly halfScales: readonly number[];
  /** Where the file's first byte would be; those in front of the first scan are not there. */
  readonly fileAt: number;
}

function decodeBaseline(work: Work, length: number, headers: JpegHeaders, scan: JpegScan): boolean {
  const { kernel, frame, mcus, planes, side, tables, half } = work;
  const bounds = [work.fileAt + scan.start, work.fileAt + length, scan.restartInterval];
  const ints = [...bounds, mcus.across, mcus.down, side, half];
  for (const [i, { across, down }] of frame.components.entries()) {
    const [dc, ac] = [tables[i * 2] ?? 0, tables[i * 2 + 1] ?? 0];
    const { at = 0, stride = 0 } = planes[i] ?? {};
    if (!put(work, layOut, scan.components[i]?.dc, dc) || !put(work, layOutSkipping, scan.components[i]?.ac, ac))
      return false;
    const halfScales = work.halfScales[i] ?? 0;
    if (side === 4) putHalfScales(work, i, halfScales);
    ints.push(across, down, dc, ac, at, stride, ...scales(frame, i), 0, halfScales);
  }
  const marker = kernel.baseline(putInts(work, ints));
  return marker !== 0 && headers.next(marker - work.fileAt) === 'end';
}

function decodeProgressive(work: Work, length: number, headers: JpegHeaders, first: JpegScan): boolean {
  const { kernel, memory, frame, planes, side } = work;
  for (const { blocks, across, down } of planes) memory.fill(0, blocks, blocks + across * down * BLOCK_BYTES);
  const progression = new Progression();
  for (let scan: JpegScan | 'end' | null = first; scan !== 'end'; ) {
    if (scan === null || !progression.take(scan)) return false;
    const ints = scanInts(work, length, scan);
    const marker = ints === null ? 0 : kernel.progressive(putInts(work, ints));
    if (marker === 0) return false;
    scan = headers.next(marker - work.fileAt);
  }
  if (!progression.isComplete()) return false;
  for (const [i, { blocks, across, down, at, stride }] of planes.entries()) {
    kernel.drawBlocks(blocks, across, down, at, stride, side, putInts(work, scales(frame, i)));
  }
  return true;
}

/** Parameters of a progressive scan; null when a table is missing or wrong. */
function scanInts(work: Work, length: number, scan: JpegScan): number[] | null {
  const { frame, planes } = work;
  const isInterleaved = scan.components.length > 1;
  const [only] = scan.components;
  const mcus = isInterleaved ? work.mcus : blocksOf(frame, only?.index ?? 0);
  const ints = [work.fileAt + scan.start, work.fileAt + length, scan.restartInterval, mcus.across, mcus.down];
  ints.push(scan.from, scan.to, scan.high, scan.low, work.steps, scan.components.length);
  for (const [i, { index, dc, ac }] of scan.components.entries()) {
    const table = work.tables[i] ?? 0;
    const needsTable = scan.from > 0 || scan.high === 0;
    if (needsTable && !put(work, layOut, scan.from === 0 ? dc : ac, table)) return null;
    const { across, down } = isInterleaved
      ? (frame.components[index] ?? { across: 1, down: 1 })
      : { across: 1, down: 1 };
    ints.push(across, down, table, planes[index]?.blocks ?? 0, planes[index]?.across ?? 0, 0);
  }
  return ints;
}

/** How many blocks a component has that hold pixels: a scan of it alone has no others (ITU-T T.81, A.2.2). */
function blocksOf({ size, components }: JpegFrame, index: number): { across: number; down: number } {
  const [luma] = components;
  const { across, down } = components[index] ?? luma;
  const blocks = (pixels: number, own: number, most: number): number => Math.ceil(Math.ceil((pixels * own) / most) / 8);
  return { across: blocks(size.width, across, luma.across), down: blocks(size.height, down, luma.down) };
}

function scales({ components }: JpegFrame, index: number): number[] {
  return (components[index]?.quantisers ?? []).map((quantiser) => quantiser * SCALE);
}

/** By coefficient in zigzag order, where it goes, and what a unit of it gives in a sample but for the cosines. */
function putHalfScales({ memory, frame }: Work, index: number, at: number): void {
  const view = new DataView(memory.buffer, at, HALF_COEFFICIENTS * 8);
  let [u, v] = [0, 0];
  for (let k = 0; k < HALF_COEFFICIENTS; k += 1) {
    const isUsed = u < 4 && v < 4;
    const factor = (c: number): number => (c % 2 === 0 ? Math.SQRT1_2 / 2 : 0.5);
    view.setUint32(k * 8, isUsed ? (4 * u + v) * 4 : HALF_UNUSED, true);
    view.setFloat32(k * 8 + 4, isUsed ? (frame.components[index]?.table[k] ?? 0) * factor(u) * factor(v) : 0, true);
    // Up and to the right on even diagonals, down and to the left on odd ones.
    const isUp = (u + v) % 2 === 0;
    if (isUp) [u, v] = v === 0 ? [u + 1, 0] : [u + 1, v - 1];
    else [u, v] = u === 0 ? [0, v + 1] : [u - 1, v + 1];
  }
}

function put({ memory }: Work, lay: typeof layOut, table: HuffmanTable | undefined, at: number): boolean {
  const laidOut = table === undefined ? null : lay(table);
  if (laidOut !== null) memory.set(laidOut, at);
  return laidOut !== null;
}

function putInts({ memory, parameters }: Work, ints: readonly number[]): number {
  new Int32Array(memory.buffer, parameters, ints.length).set(ints);
  return parameters;
}

/** Copies the image out of the kernel's memory, turned upright. */
function turned(
  { turn }: JpegKernel,
  memory: Uint8Array,
  { at, width, height }: Size & { readonly at: number },
  orientation: number,
  upright: number,
): RgbImage {
  const bytes = width * height * 3;
  if (orientation === 1) return { data: memory.slice(at, at + bytes), width, height };
  const { exchanged, fromRight, fromBottom } = turnOf(orientation);
  const first = at + (fromBottom ? height - 1 : 0) * width * 3 + (fromRight ? width - 1 : 0) * 3;
  const [stepX, stepY] = [fromRight ? -3 : 3, (fromBottom ? -3 : 3) * width];
  if (exchanged) turn(first, stepY, stepX, height, width, upright);
  else turn(first, stepX, stepY, width, height, upright);
  const data = memory.slice(upright, upright + bytes);
  return exchanged ? { data, width: height, height: width } : { data, width, height };
}
