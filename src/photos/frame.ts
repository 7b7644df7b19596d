import type { RgbImage } from './pixels.ts';
import { ACROSS, DOWN, subjectMap } from './subject.ts';

/** What tells the frames of one burst apart. Only frames of one scene at one size compare. */
export interface FrameQuality {
  /** Logarithm of the contrast of fine detail where the subject is: 0.1 more is a tenth sharper. */
  readonly sharpness: number;
  /** Share of the pixels of which a channel is as bright as can be. */
  readonly blown: number;
  /** Share of the pixels that are black. */
  readonly black: number;
}

/** The side that a frame is judged at: as large as a screen shows it. */
export const FRAME_BOX = 2048;

/** Levels of 8 bits: less and more is as good as black, and white. */
const BLACK = 2;
const WHITE = 253;
/** A tenth of the picture clipped weighs as much as a fifth less sharpness. */
const CLIPPED = 2;
/** Levels that are added to the brightness, so that noise in the dark is no detail; and the brightness of most photos. */
const FOOT = 16;
const USUAL = 110 + FOOT;

/**
 * Judges a frame. Sharpness is that of `sharpness` (the covariance of two Laplacians, which noise does not raise), taken
 * for each cell of the map of where the subject is, over the cell's brightness, as a brighter exposure of one scene has
 * more contrast; the mean of the logarithms, weighted by that map, so that a few strong edges do not decide.
 */
export function frameQuality(image: RgbImage): FrameQuality {
  const { data } = image;
  let [blown, black] = [0, 0];
  for (let at = 0; at + 2 < data.length; at += 3) {
    const [r, g, b] = [data[at] as number, data[at + 1] as number, data[at + 2] as number];
    if (r >= WHITE || g >= WHITE || b >= WHITE) blown += 1;
    else if (r <= BLACK && g <= BLACK && b <= BLACK) black += 1;
  }
  const pixels = Math.max(1, image.width * image.height);
  return { sharpness: subjectSharpness(image), blown: blown / pixels, black: black / pixels };
}

/** Higher is better: sharpness, less what is clipped. */
export function frameScore({ sharpness, blown, black }: FrameQuality): number {
  return sharpness - CLIPPED * (blown + black);
}

function subjectSharpness(image: RgbImage): number {
  const [across, down] = [image.width >> 1, image.height >> 1];
  const { first, second } = diagonals(image);
  const cells = ACROSS * DOWN;
  /** By cell: how many, and the sums of both Laplacians, of their product, and of the brightness. */
  const sums = Array.from({ length: 5 }, () => new Float64Array(cells));
  const [counts, ones, twos, products, bright] = sums as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const add = (into: Float64Array, cell: number, value: number): void => {
    into[cell] = (into[cell] as number) + value;
  };
  for (let y = 1; y < down - 1; y += 1) {
    const line = Math.floor((y * DOWN) / down) * ACROSS;
    for (let x = 1; x < across - 1; x += 1) {
      const at = y * across + x;
      const cell = line + Math.floor((x * ACROSS) / across);
      const one = laplacian(first, at, across);
      const two = laplacian(second, at, across);
      add(counts, cell, 1);
      add(ones, cell, one);
      add(twos, cell, two);
      add(products, cell, one * two);
      add(bright, cell, first[at] as number);
    }
  }
  const weights = subjectMap(image);
  let [sum, weighed] = [0, 0];
  for (const [cell, count] of counts.entries()) {
    if (count === 0) continue;
    const mean = (of: Float64Array): number => (of[cell] as number) / count;
    const covariance = Math.max(0, mean(products) - mean(ones) * mean(twos));
    const weight = weights[cell] as number;
    sum += weight * Math.log1p((Math.sqrt(covariance) * USUAL) / (mean(bright) + FOOT));
    weighed += weight;
  }
  return weighed === 0 ? 0 : sum / weighed;
}

/** Two images of half the size: of every two by two pixels' luma (Rec. 601) the mean of one diagonal, and of the other. */
function diagonals({ data, width, height }: RgbImage): { readonly first: Float32Array; readonly second: Float32Array } {
  const [across, down] = [width >> 1, height >> 1];
  const row = width * 3;
  const first = new Float32Array(across * down);
  const second = new Float32Array(across * down);
  const luma = (at: number): number =>
    0.299 * (data[at] as number) + 0.587 * (data[at + 1] as number) + 0.114 * (data[at + 2] as number);
  for (let y = 0; y < down; y += 1) {
    for (let x = 0; x < across; x += 1) {
      const at = 2 * y * row + 6 * x;
      first[y * across + x] = (luma(at) + luma(at + row + 3)) / 2;
      second[y * across + x] = (luma(at + 3) + luma(at + row)) / 2;
    }
  }
  return { first, second };
}

function laplacian(plane: Float32Array, at: number, across: number): number {
  const value = (i: number): number => plane[i] as number;
  return value(at - 1) + value(at + 1) + value(at - across) + value(at + across) - 4 * value(at);
}
