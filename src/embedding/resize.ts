import type { RgbImage, Size } from '../photos/pixels.ts';
import { Arena, instantiate, type KernelMemory } from '../wasm.ts';
import { RESIZE_KERNEL } from './resize-kernel.ts';

/** The part of the resized image that is wanted, in its pixels. */
export interface Window extends Size {
  readonly left: number;
  readonly top: number;
}

/**
 * Resizes with antialiased bicubic interpolation and returns only `window` of the result, RGB.
 * Byte for byte what Pillow's `Image.resize(size, Image.Resampling.BICUBIC).crop(window)` gives for an 8-bit RGB
 * image (Pillow, src/libImaging/Resample.c): the filter is Keys' cubic with a = -0.5, widened by the ratio when
 * shrinking; a horizontal pass rounds to 8 bits, then a vertical pass, as in every Pillow up to 12 (13 turns the
 * passes round for some sizes). Pixels outside the window are not computed. Where the image has a frame, that is resized
 * to the size.
 *
 * The passes run in WebAssembly, for its vector instructions: six times as fast as the same loops in JavaScript.
 */
export function resizeBicubic(image: RgbImage, size: Size, window: Window = { left: 0, top: 0, ...size }): Uint8Array {
  const { left, top, width, height } = image.frame ?? { left: 0, top: 0, width: image.width, height: image.height };
  const across = taps(image.width, size.width, window.left, window.width, left, width);
  const down = taps(image.height, size.height, window.top, window.height, top, height);
  const first = down.starts[0] ?? 0;
  const rows = (down.starts.at(-1) ?? 0) + (down.counts.at(-1) ?? 0) - first;
  for (let i = 0; i < down.starts.length; i++) down.starts[i] = (down.starts[i] ?? 0) - first;
  const rowBytes = image.width * 3;
  const outBytes = window.width * 3;
  // Large images go through in strips, so that memory need not hold them twice.
  const strip = Math.max(1, Math.min(rows, Math.floor(STRIP_BYTES / rowBytes)));

  const arena = new Arena();
  const a = reserveTaps(arena, across);
  const d = reserveTaps(arena, down);
  const input = arena.reserve(strip * rowBytes);
  const middle = arena.reserve(rows * outBytes);
  const output = arena.reserve(window.height * outBytes);
  const memory = arena.open(kernel);
  a.fill(memory);
  d.fill(memory);
  for (let y = 0; y < rows; y += strip) {
    const count = Math.min(strip, rows - y);
    const from = (first + y) * rowBytes;
    memory.set(image.data.subarray(from, from + count * rowBytes), input);
    const to = middle + y * outBytes;
    kernel.horizontal(input, rowBytes, count, a.starts, a.counts, a.coefficients, across.stride, window.width, to);
  }
  kernel.vertical(middle, outBytes, d.starts, d.counts, d.coefficients, down.stride, window.height, output);
  return memory.slice(output, output + window.height * outBytes);
}

/** Addresses and lengths in bytes; see wasm/resize.ts. */
interface ResizeKernel extends KernelMemory {
  horizontal(
    input: number,
    rowBytes: number,
    rows: number,
    starts: number,
    counts: number,
    coefficients: number,
    stride: number,
    width: number,
    output: number,
  ): void;
  vertical(
    input: number,
    rowBytes: number,
    starts: number,
    counts: number,
    coefficients: number,
    stride: number,
    height: number,
    output: number,
  ): void;
}

const kernel = instantiate<ResizeKernel>(RESIZE_KERNEL);
const STRIP_BYTES = 4e6;

/** Room for one axis' tables in the kernel's memory: where they go, and how to write them there once it is open. */
function reserveTaps(arena: Arena, { starts, counts, coefficients }: Taps) {
  const at = {
    starts: arena.reserve(starts.byteLength),
    counts: arena.reserve(counts.byteLength),
    coefficients: arena.reserve(coefficients.byteLength),
  };
  const fill = ({ buffer }: Uint8Array): void => {
    new Int32Array(buffer, at.starts, starts.length).set(starts);
    new Int32Array(buffer, at.counts, counts.length).set(counts);
    new Int32Array(buffer, at.coefficients, coefficients.length).set(coefficients);
  };
  return { ...at, fill };
}

/** One axis of a resize: output pixel `i` is a weighted sum of `counts[i]` input pixels from `starts[i]` on. */
export interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** Integers scaled by 2^22; `stride` per output pixel, of which the last ones may be unused. */
  readonly coefficients: Int32Array;
  readonly stride: number;
}

/** As in Pillow: 32 bits less 8 of the sample and 2 for overshoot. */
const UNIT = 2 ** 22;

/**
 * Weights for the output pixels `from` to `from + count` of an axis resized from `input` to `output` pixels, rounded
 * as Pillow rounds them (`precompute_coeffs` and `normalize_coeffs_8bpc` in src/libImaging/Resample.c). What is resized may
 * be a part of the input, `extent` pixels from `start` on, which need not be whole.
 */
export function taps(input: number, output: number, from: number, count: number, start = 0, extent = input): Taps {
  const scale = extent / output;
  const widening = Math.max(scale, 1);
  const support = 2 * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const coefficients = new Int32Array(count * stride);
  const weights = new Float64Array(stride);
  // Pillow multiplies by the reciprocal, and a division would round otherwise.
  const reciprocal = 1 / widening;
  for (let i = 0; i < count; i++) {
    const center = start + (from + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const taken = Math.min(input, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let t = 0; t < taken; t++) {
      const weight = cubic((t + first - center + 0.5) * reciprocal);
      weights[t] = weight;
      sum += weight;
    }
    for (let t = 0; t < taken; t++) {
      const weight = weights[t] ?? 0;
      const scaled = (sum === 0 ? weight : weight / sum) * UNIT;
      coefficients[i * stride + t] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    starts[i] = first;
    counts[i] = taken;
  }
  return { starts, counts, coefficients, stride };
}

/** Keys' cubic convolution kernel (Keys 1981) with a = -0.5, zero outside [-2, 2]. */
function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}
