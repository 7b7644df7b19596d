import type { RgbImage, Size } from '../photos/pixels.ts';

/** The part of the resized image that is wanted, in its pixels. */
export interface Window extends Size {
  readonly left: number;
  readonly top: number;
}

/** Coefficients are integers scaled by 2^22, as in Pillow: 32 bits less 8 of the pixel and 2 for overshoot. */
const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

/** One axis: output pixel `i` is the sum of `counts[i]` input pixels from `starts[i]` on. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** `stride` coefficients per output pixel, the last ones unused. */
  readonly coefficients: Int32Array;
  readonly stride: number;
}

/**
 * Resizes with antialiased bicubic interpolation and returns only `window` of the result, RGB.
 * Byte for byte what Pillow's `Image.resize(size, Image.Resampling.BICUBIC).crop(window)` gives for an 8-bit RGB
 * image (Pillow, src/libImaging/Resample.c): the filter is Keys' cubic with a = -0.5, widened by the ratio when
 * shrinking; a horizontal pass rounds to 8 bits, then a vertical pass, as in every Pillow up to 12 (13 turns the
 * passes round for some sizes). Pixels outside the window are not computed.
 */
export function resizeBicubic(image: RgbImage, size: Size, window: Window = { left: 0, top: 0, ...size }): Uint8Array {
  const across = taps(image.width, size.width, window.left, window.width);
  const down = taps(image.height, size.height, window.top, window.height);
  const first = down.starts[0] as number;
  const end = (down.starts[window.height - 1] as number) + (down.counts[window.height - 1] as number);
  const rows = new Uint8Array((end - first) * window.width * 3);
  horizontal(image, across, first, end, rows);
  const result = new Uint8Array(window.width * window.height * 3);
  vertical(rows, window.width * 3, down, first, result);
  return result;
}

/** Keys' cubic convolution kernel (Keys 1981) with a = -0.5, zero outside [-2, 2]. */
function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** Coefficients for the output pixels `from` to `from + count` of an axis resized from `input` to `output` pixels. */
function taps(input: number, output: number, from: number, count: number): Taps {
  const scale = input / output;
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
    const center = (from + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const taken = Math.min(input, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let t = 0; t < taken; t++) {
      const weight = cubic((t + start - center + 0.5) * reciprocal);
      weights[t] = weight;
      sum += weight;
    }
    for (let t = 0; t < taken; t++) {
      const normalised = sum === 0 ? (weights[t] as number) : (weights[t] as number) / sum;
      const scaled = normalised * (1 << PRECISION_BITS);
      coefficients[i * stride + t] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    starts[i] = start;
    counts[i] = taken;
  }
  return { starts, counts, coefficients, stride };
}

// In the two passes below every index is inside its array by construction; `as number` says so to the compiler
// where a check would cost time for each of millions of samples.

function horizontal(image: RgbImage, across: Taps, firstRow: number, endRow: number, out: Uint8Array): void {
  const { data } = image;
  const { starts, counts, coefficients, stride } = across;
  const width = starts.length;
  let o = 0;
  for (let y = firstRow; y < endRow; y++) {
    const row = y * image.width * 3;
    for (let x = 0; x < width; x++) {
      let i = row + (starts[x] as number) * 3;
      let c = x * stride;
      const end = c + (counts[x] as number);
      let r = HALF;
      let g = HALF;
      let b = HALF;
      for (; c < end; c++, i += 3) {
        const k = coefficients[c] as number;
        r = (r + Math.imul(data[i] as number, k)) | 0;
        g = (g + Math.imul(data[i + 1] as number, k)) | 0;
        b = (b + Math.imul(data[i + 2] as number, k)) | 0;
      }
      out[o] = clip8(r);
      out[o + 1] = clip8(g);
      out[o + 2] = clip8(b);
      o += 3;
    }
  }
}

/** `rows` starts at input row `firstRow`; each has `length` samples. */
function vertical(rows: Uint8Array, length: number, down: Taps, firstRow: number, out: Uint8Array): void {
  const { starts, counts, coefficients, stride } = down;
  const height = starts.length;
  let o = 0;
  for (let y = 0; y < height; y++) {
    const from = ((starts[y] as number) - firstRow) * length;
    const firstTap = y * stride;
    const end = firstTap + (counts[y] as number);
    for (let x = 0; x < length; x += 3) {
      let i = from + x;
      let r = HALF;
      let g = HALF;
      let b = HALF;
      for (let c = firstTap; c < end; c++, i += length) {
        const k = coefficients[c] as number;
        r = (r + Math.imul(rows[i] as number, k)) | 0;
        g = (g + Math.imul(rows[i + 1] as number, k)) | 0;
        b = (b + Math.imul(rows[i + 2] as number, k)) | 0;
      }
      out[o] = clip8(r);
      out[o + 1] = clip8(g);
      out[o + 2] = clip8(b);
      o += 3;
    }
  }
}

/** Drops the fraction and clamps to 0..255. */
function clip8(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : Math.min(value, 255);
}
