import { Arena, instantiate, type KernelMemory } from '../wasm.ts';
import type { Frame, RgbImage } from './pixels.ts';
import { SHARPNESS_KERNEL } from './sharpness-kernel.ts';

/**
 * What noise of its own in two images leaves in the product of their Laplacians, as a share of their mean squared
 * difference: sharp's reduction makes neighbouring pixels share some of it. Measured on nothing but noise at seven sizes from
 * 800 to 2,400 pixels: 0.051 to 0.070.
 */
const SHARED_NOISE = 0.06;

/** Rows of cells from one that counts to the next. */
const STEP = 4;
/** Rows of pixels that a row of cells is measured by: its own two, two above and two below. */
const ROWS = 6;
/** Numbers that the kernel writes behind a row's last. */
const ROOM = 8;
/** The kernel's numbers: luma is a thousandfold, and the sum of two pixels stands for their mean. */
const UNIT = 2000;

/** Addresses and lengths in bytes; see wasm/sharpness.ts. */
interface SharpnessKernel extends KernelMemory {
  addRow(pixels: number, rowBytes: number, cells: number, planes: number, planeBytes: number, sums: number): void;
}

let kernel: SharpnessKernel | null = null;

/**
 * Sharpness that noise does not raise: the covariance of two Laplacians (their variance, Pech-Pacheco et al. 2000, is the
 * usual measure) of the luma (Rec. 601, as JPEG has it), as a JPEG's subsampled chroma spreads noise from pixel to pixel. Of
 * every two by two pixels one diagonal makes the first image of half the size, the other diagonal the second: both see the
 * same detail, but noise of their own, which cancels out on average; what a reduction lets them share of it is taken off.
 * The sharper the photo, the higher. Every fourth row of cells counts. Depends on content and size, so that only photos of
 * one scene at one size compare. 0 for an image without inner cells, and for nothing but noise.
 *
 * @param part Where to look, in whole pixels; everywhere when it is left out.
 */
export function sharpness({ data, width, height }: RgbImage, part: Frame = { left: 0, top: 0, width, height }): number {
  const [across, down] = [part.width >> 1, part.height >> 1];
  if (across < 3 || down < 3) return 0;
  kernel ??= instantiate<SharpnessKernel>(SHARPNESS_KERNEL);
  const rowBytes = part.width * 3;
  const planeBytes = 4 * (across + ROOM);
  const arena = new Arena();
  const pixels = arena.reserve(ROWS * rowBytes);
  const planes = arena.reserve(2 * 3 * planeBytes);
  const sums = arena.reserve(4 * Float64Array.BYTES_PER_ELEMENT);
  const memory = arena.open(kernel);
  const [ones, others, products, differences] = [0, 1, 2, 3] as const;
  const total = new Float64Array(memory.buffer, sums, 4).fill(0);
  let count = 0;
  for (let y = 1; y < down - 1; y += STEP) {
    for (let row = 0; row < ROWS; row++) {
      const from = ((part.top + 2 * (y - 1) + row) * width + part.left) * 3;
      memory.set(data.subarray(from, from + rowBytes), pixels + row * rowBytes);
    }
    kernel.addRow(pixels, rowBytes, across, planes, planeBytes, sums);
    count += across - 2;
  }
  const mean = (sum: number, unit: number): number => (total[sum] as number) / unit / count;
  const covariance = mean(products, UNIT ** 2) - mean(ones, UNIT) * mean(others, UNIT);
  return Math.max(0, covariance - SHARED_NOISE * mean(differences, UNIT ** 2));
}
