import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { turnOf } from '../metadata/exif-orientation.ts';
import type { RgbImage, Size } from '../pixels.ts';
import { type BaselineJpeg, parseBaselineJpeg } from './header.ts';
import { JPEG_KERNEL } from './kernel.ts';
import { layOut, TABLE_BYTES } from './tables.ts';

/** Samples left of each eight: an eighth or a quarter of the size. */
type Side = 1 | 2;

export interface ReducedJpeg {
  /** Upright. */
  readonly image: RgbImage;
  /** Upright size of the whole photo. */
  readonly size: Size;
  readonly exif: Uint8Array | null;
}

/**
 * Decodes a camera's JPEG straight to an eighth or a quarter of its size, upright: the smaller that leaves the short
 * side at least `short` pixels. Twice as fast as libjpeg's own reduction, since the coefficients that this size does
 * not need are skipped undecoded.
 *
 * `unsuited` when it is not a colour photo in one baseline scan, or too small or too large. `doubtful` when its coded
 * bytes do not add up exactly to its pixels: then it is damaged, or padded in an odd way, and a decode of every pixel
 * has to tell which.
 */
export function decodeReducedJpeg(
  bytes: Uint8Array,
  short: number,
  maxPixels: number,
): ReducedJpeg | 'unsuited' | 'doubtful' {
  if (bytes.length > MAX_BYTES) return 'unsuited';
  const jpeg = parseBaselineJpeg(bytes);
  if (jpeg === null || jpeg.size.width * jpeg.size.height > maxPixels) return 'unsuited';
  const shortSide = Math.min(jpeg.size.width, jpeg.size.height);
  const side = ([1, 2] as const).find((each) => (shortSide * each) / 8 >= short);
  if (side === undefined) return 'unsuited';
  const image = decodeScan(bytes, jpeg, side);
  if (image === null) return 'doubtful';
  const { width, height } = jpeg.size;
  const size = jpeg.orientation < 5 ? { width, height } : { width: height, height: width };
  return { image, size, exif: jpeg.exif };
}

/** Addresses and lengths in bytes; see wasm/jpeg.ts. */
interface JpegKernel extends KernelMemory {
  /** 0 when anything is not as it should be. */
  scan(parameters: number): number;
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

/** Larger files are left to sharp, since the kernel's memory holds a file twice. */
const MAX_BYTES = 64e6;
/** A kernel whose memory grew beyond this, which a photo of 12 megapixels does not need, is not kept. */
const KEEP_BYTES = 64e6;
let kernel: JpegKernel | null = null;

/** One unit of a coefficient in a sample, scaled by 2^13: the cosine transform's eighth, and the kernel's 2^10. */
const SCALE = 2 ** 10;

function decodeScan(bytes: Uint8Array, jpeg: BaselineJpeg, side: Side): RgbImage | null {
  const { components, size, scan } = jpeg;
  const [luma] = components;
  const mcusAcross = Math.ceil(size.width / (8 * luma.across));
  const mcusDown = Math.ceil(size.height / (8 * luma.down));
  const width = Math.ceil((size.width * side) / 8);
  const height = Math.ceil((size.height * side) / 8);

  const arena = new Arena();
  const parameters = arena.reserve(4 * (7 + 3 * 12));
  const input = arena.reserve(bytes.length - scan);
  const clean = arena.reserve(bytes.length - scan);
  const planes = components.map(({ across, down }) => {
    const stride = mcusAcross * across * side;
    return { stride, at: arena.reserve(stride * mcusDown * down * side) };
  });
  const tables = components.map(({ dc, ac }) => [dc, ac].map((table) => ({ table, at: arena.reserve(TABLE_BYTES) })));
  const rgb = arena.reserve(width * height * 3);
  const upright = arena.reserve(width * height * 3);

  kernel ??= instantiate<JpegKernel>(JPEG_KERNEL);
  const memory = arena.open(kernel);
  memory.set(bytes.subarray(scan), input);
  for (const { table, at } of tables.flat()) {
    const laidOut = layOut(table);
    if (laidOut === null) return null;
    memory.set(laidOut, at);
  }
  const end = input + bytes.length - scan;
  const ints = [input, end, clean, mcusAcross, mcusDown, jpeg.restartInterval, side];
  for (const [i, { across, down, quantisers }] of components.entries()) {
    const [dc, ac] = tables[i] ?? [];
    const plane = planes[i];
    const scales = quantisers.map((quantiser) => quantiser * SCALE);
    ints.push(across, down, dc?.at ?? 0, ac?.at ?? 0, plane?.at ?? 0, plane?.stride ?? 0, ...scales, 0, 0);
  }
  new Int32Array(memory.buffer, parameters, ints.length).set(ints);

  const [y, cb, cr] = planes as [Plane, Plane, Plane];
  try {
    if (kernel.scan(parameters) === 0) return null;
    const [halvedAcross, halvedDown] = [luma.across - 1, luma.down - 1];
    kernel.toRgb(y.at, y.stride, cb.at, cr.at, cb.stride, halvedAcross, halvedDown, width, height, rgb);
    return turned(kernel, memory, { at: rgb, width, height }, jpeg.orientation, upright);
  } finally {
    if (memory.length > KEEP_BYTES) kernel = null;
  }
}

interface Plane {
  readonly at: number;
  readonly stride: number;
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
