import type { Size } from './pixels.ts';
import { averages, lumaOf, type Plane, rounded } from './planes.ts';

/** Cells a side, of luma and of colour. */
export const FINE = 64;
const COLOUR = 16;
/** The reduced photo that a print is made from fits into this square: eight pixels a cell and side. */
export const PRINT_BOX = 8 * FINE;

/** Luma (Rec. 601) of red, green and blue. */
export const LUMA_OF = [0.299, 0.587, 0.114] as const;

/** What two renditions of one picture agree on: on a coarse grid, whatever its shape, and in detail. Row by row. */
export interface Print extends Size {
  /** 64 x 64 */
  readonly luma: Uint8Array;
  /** 16 x 16 each */
  readonly blue: Uint8Array;
  readonly red: Uint8Array;
  /** Luma of every pixel of the reduced photo. */
  readonly detail: Plane;
}

/** Averages luma and colour differences (Rec. 601) of rows of RGB bytes over the area of each cell: `printIn` reads it. */
export function printed(data: Uint8Array, reduced: Size): Uint8Array {
  const [red, green, blue] = averages({ ...reduced, values: data, channels: 3 }, square(FINE)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  // A mean of weighted sums is that of the means.
  const mixed = (zero: number, [r, g, b]: readonly [number, number, number]): Float64Array =>
    red.map((value, i) => zero + r * value + g * (green[i] as number) + b * (blue[i] as number));
  const colour = (weights: readonly [number, number, number]): Uint8Array => {
    const [cells = new Float64Array()] = averages({ ...square(FINE), values: mixed(128, weights) }, square(COLOUR));
    return rounded(cells);
  };
  return Buffer.concat([
    rounded(mixed(0, LUMA_OF)),
    colour([-0.1687, -0.3313, 0.5]),
    colour([0.5, -0.4187, -0.0813]),
    lumaOf(data, reduced).values,
  ]);
}

/**
 * The print in such bytes.
 * @param reduced The size of the pixels that it was made from
 * @param full That of the photo itself, upright
 */
export function printIn(bytes: Uint8Array, reduced: Size, full: Size): Print {
  const [fine, colour] = [FINE * FINE, COLOUR * COLOUR];
  const part = (from: number, length: number): Uint8Array => bytes.subarray(from, from + length);
  const { width, height } = reduced;
  return {
    width: full.width,
    height: full.height,
    luma: part(0, fine),
    blue: part(fine, colour),
    red: part(fine + colour, colour),
    detail: { width, height, values: part(fine + 2 * colour, width * height) },
  };
}

const square = (side: number): Size => ({ width: side, height: side });
