import type { Size } from '../../photos/pixels.ts';

/** Cells a side: of luma, of luma where a photo is small, and of colour. */
const FINE = 64;
const COARSE = 32;
const COLOUR = 16;
/** The reduced photo that a print is made from fits into this square: eight pixels a cell and side. */
export const PRINT_BOX = 8 * FINE;

/** Short sides in pixels: below the first, fine cells hold too few pixels to compare, below the second coarse ones. */
const SMALL = 384;
const TOO_SMALL = 96;
/** Photos are scaled to whole pixels: so far may the ratio of their sides be off. */
const ASPECT_SLACK = 1.5;

/**
 * How far two renditions of one picture may be apart, in levels of 8 bits. Measured on the fixtures (bench/README.md):
 * compression and scaling stay below, and what leaves out, moves or replaces a part of the picture, or changes its
 * tones to be seen, lies above.
 */
const LUMA: Tolerance = { mean: 2.5, mostly: 8, ever: 20 };
const CHROMA: Tolerance = { mean: 2, mostly: 8, ever: 20 };

/** Levels between the darkest and the brightest cells; what has fewer, such as a frame with the cap on, is no picture. */
const PLAIN = 12;

/**
 * How far nine pixels beside each other may be apart at 512 pixels, in levels, beyond what scaling and compression do to an
 * edge: this share of the step there. A digit that is another one, on an invoice or in a screenshot's clock, is 23 and
 * more; photographs saved again at quality 30, halved, doubled or shrunk to 400 pixels come to 4.7 at most
 * (bench/README.md).
 */
const DETAIL = 10;
const EDGE = 0.35;

/** Scaling, and decoding at a reduced size, move a picture by parts of a pixel: so far, in cells, is no difference. */
const SHIFT = 0.08;

interface Tolerance {
  /** Of the mean of the absolute differences. */
  readonly mean: number;
  /** Of 99 cells of 100. */
  readonly mostly: number;
  /** Of every cell. */
  readonly ever: number;
}

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

interface Plane extends Size {
  readonly values: Uint8Array;
}

interface Rgb {
  /** Rows of RGB bytes. */
  readonly data: Uint8Array;
  readonly reduced: Size;
  /** Of the photo itself, upright. */
  readonly full: Size;
}

/** Averages luma and colour differences (Rec. 601) over the area of each cell. */
export function printOf({ data, reduced: { width, height }, full }: Rgb): Print {
  const plane = (red: number, green: number, blue: number, zero: number): Float64Array => {
    const values = new Float64Array(width * height);
    for (let i = 0; i < values.length; i += 1) {
      const [r, g, b] = [data[i * 3] as number, data[i * 3 + 1] as number, data[i * 3 + 2] as number];
      values[i] = zero + red * r + green * g + blue * b;
    }
    return values;
  };
  const size = { width, height };
  const luma = plane(0.299, 0.587, 0.114, 0);
  return {
    width: full.width,
    height: full.height,
    luma: averaged(luma, size, square(FINE)),
    blue: averaged(plane(-0.1687, -0.3313, 0.5, 128), size, square(COLOUR)),
    red: averaged(plane(0.5, -0.4187, -0.0813, 128), size, square(COLOUR)),
    detail: { ...size, values: Uint8Array.from(luma, Math.round) },
  };
}

/** Whether two photos can be the same picture at all by their shapes: a crop seldom can. */
export function sameShape(a: Size, b: Size): boolean {
  const [small, large] = a.width * a.height < b.width * b.height ? [a, b] : [b, a];
  if (Math.min(small.width, small.height) < TOO_SMALL) return false;
  const scale = Math.sqrt((large.width * large.height) / (small.width * small.height));
  const off = Math.max(Math.abs(large.width / scale - small.width), Math.abs(large.height / scale - small.height));
  return off <= ASPECT_SLACK;
}

/**
 * Whether two photos show the same picture, scaled or compressed: not a crop of it, not another frame, not an edited
 * version that looks different, not a page with another word on it.
 */
export function samePicture(a: Print, b: Print): boolean {
  if (!sameShape(a, b) || isPlain(a) || isPlain(b)) return false;
  const side = Math.min(a.width, a.height, b.width, b.height) < SMALL ? COARSE : FINE;
  const luma = (print: Print): Uint8Array =>
    side === FINE ? print.luma : averaged(print.luma, square(FINE), square(COARSE));
  return (
    within(LUMA, luma(a), luma(b)) &&
    within(CHROMA, a.blue, b.blue) &&
    within(CHROMA, a.red, b.red) &&
    sameDetail(a.detail, b.detail)
  );
}

/** Whether nowhere three by three pixels differ in what is more than an edge that came out softer or harder. */
function sameDetail(a: Plane, b: Plane): boolean {
  const { width, height } = a.width * a.height < b.width * b.height ? a : b;
  const at = (plane: Plane): Uint8Array =>
    plane.width === width && plane.height === height ? plane.values : averaged(plane.values, plane, { width, height });
  const [one, other] = [at(a), at(b)];
  const sums = new Float32Array(width * height);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const i = y * width + x;
      const apart = Math.abs((one[i] as number) - (other[i] as number));
      if (apart === 0) continue;
      const excess = apart - EDGE * Math.max(stepAround(one, i, width), stepAround(other, i, width));
      if (excess <= 0) continue;
      for (const at of around(i, width)) sums[at] = (sums[at] as number) + excess;
    }
  }
  return sums.every((sum) => sum <= 9 * DETAIL);
}

/** Between the darkest and the brightest of three by three pixels. */
function stepAround(values: Uint8Array, i: number, width: number): number {
  let [least, most] = [255, 0];
  for (let line = i - width; line <= i + width; line += width) {
    for (let at = line - 1; at <= line + 1; at += 1) {
      const value = values[at] as number;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return most - least;
}

function around(i: number, width: number): number[] {
  const [above, below] = [i - width, i + width];
  return [above - 1, above, above + 1, i - 1, i, i + 1, below - 1, below, below + 1];
}

function isPlain({ luma }: Print): boolean {
  const sorted = luma.slice().sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] as number;
  return at(0.98) - at(0.02) < PLAIN;
}

function within({ mean, mostly, ever }: Tolerance, a: Uint8Array, b: Uint8Array): boolean {
  const side = Math.sqrt(a.length);
  const apart = a.map((value, i) => {
    const slope = Math.max(steepness(a, i, side), steepness(b, i, side));
    return Math.max(0, Math.round(Math.abs(value - (b[i] as number)) - SHIFT * slope));
  });
  apart.sort();
  const sum = apart.reduce((total, value) => total + value, 0);
  const at = (share: number): number => apart[Math.floor((apart.length - 1) * share)] as number;
  return sum / apart.length <= mean && at(0.99) <= mostly && at(1) <= ever;
}

/** The largest step from a cell to one beside it, above or below. */
function steepness(cells: Uint8Array, i: number, side: number): number {
  const here = cells[i] as number;
  const x = i % side;
  const step = (there: number | undefined): number => (there === undefined ? 0 : Math.abs(there - here));
  return Math.max(
    step(cells[i - side]),
    step(cells[i + side]),
    x > 0 ? step(cells[i - 1]) : 0,
    x < side - 1 ? step(cells[i + 1]) : 0,
  );
}

const square = (side: number): Size => ({ width: side, height: side });

/** The mean of each of so many cells across and down, pixels on a border shared between the cells. */
function averaged(values: Float64Array | Uint8Array, { width, height }: Size, into: Size): Uint8Array {
  const rows = new Float64Array(height * into.width);
  const across = spans(width, into.width);
  for (let y = 0; y < height; y += 1) {
    for (const [cell, span] of across.entries()) rows[y * into.width + cell] = mean(values, y * width, 1, span);
  }
  const cells = new Uint8Array(into.width * into.height);
  for (const [line, span] of spans(height, into.height).entries()) {
    for (let cell = 0; cell < into.width; cell += 1) {
      cells[line * into.width + cell] = Math.round(mean(rows, cell, into.width, span));
    }
  }
  return cells;
}

/** From and to in pixels, fractions included. */
type Span = readonly [number, number];

function spans(length: number, parts: number): Span[] {
  return Array.from({ length: parts }, (_, i) => [(i * length) / parts, ((i + 1) * length) / parts]);
}

/** Mean of every `step`th value from `offset` on, over a span of them. */
function mean(values: Float64Array | Uint8Array, offset: number, step: number, [from, to]: Span): number {
  let sum = 0;
  for (let i = Math.floor(from); i < to - 1e-9; i += 1) {
    sum += (values[offset + i * step] ?? 0) * (Math.min(to, i + 1) - Math.max(from, i));
  }
  return sum / (to - from);
}
