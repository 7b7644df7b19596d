import type { RgbImage, Size } from '../photos/pixels.ts';
import { type Taps, taps } from './resample-taps.ts';
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
 * passes round for some sizes). Pixels outside the window are not computed.
 *
 * The passes run in WebAssembly, for its vector instructions: six times as fast as the same loops in JavaScript.
 */
export function resizeBicubic(image: RgbImage, size: Size, window: Window = { left: 0, top: 0, ...size }): Uint8Array {
  const across = taps(image.width, size.width, window.left, window.width);
  const down = taps(image.height, size.height, window.top, window.height);
  const first = down.starts[0] ?? 0;
  const rows = (down.starts.at(-1) ?? 0) + (down.counts.at(-1) ?? 0) - first;
  for (let i = 0; i < down.starts.length; i++) down.starts[i] = (down.starts[i] ?? 0) - first;
  const rowBytes = image.width * 3;
  const outBytes = window.width * 3;
  // Large images go through in strips, so that memory need not hold them twice.
  const strip = Math.max(1, Math.min(rows, Math.floor(STRIP_BYTES / rowBytes)));

  const place = new Placement();
  const a = place.taps(across);
  const d = place.taps(down);
  const input = place.reserve(strip * rowBytes);
  const middle = place.reserve(rows * outBytes);
  const output = place.reserve(window.height * outBytes);
  const memory = place.fill();
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

// TypeScript knows WebAssembly from the browser's library only, which this program does not have.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

/** Addresses and lengths in bytes; see wasm/resize.ts. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
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

const kernel = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(RESIZE_KERNEL, 'base64'))).exports as Kernel;

const STRIP_BYTES = 4e6;
const PAGE_BYTES = 65_536;
/** The kernel reads and writes a few bytes past the end of what it is given. */
const MARGIN = 16;

/** Lays one call's data out in the kernel's memory, which stays as large as the largest call needed it. */
class Placement {
  readonly #contents: { readonly at: number; readonly values: Int32Array }[] = [];
  #end = MARGIN;

  reserve(bytes: number): number {
    const at = this.#end;
    this.#end = Math.ceil((at + bytes + MARGIN) / MARGIN) * MARGIN;
    return at;
  }

  taps({ starts, counts, coefficients }: Taps): { starts: number; counts: number; coefficients: number } {
    return { starts: this.#put(starts), counts: this.#put(counts), coefficients: this.#put(coefficients) };
  }

  /** Makes the memory large enough, and writes what was put. */
  fill(): Uint8Array {
    const missing = this.#end - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE_BYTES));
    for (const { at, values } of this.#contents) new Int32Array(kernel.memory.buffer, at, values.length).set(values);
    return new Uint8Array(kernel.memory.buffer);
  }

  #put(values: Int32Array): number {
    const at = this.reserve(values.byteLength);
    this.#contents.push({ at, values });
    return at;
  }
}
