import type { Size } from '../../photos/pixels.ts';
import { averaged, differ, differOnTheWhole, type Plane } from '../../photos/planes.ts';
import { FINE, type Print } from '../../photos/print.ts';

/** Cells a side of luma where a photo is small. */
const COARSE = 32;

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
/** The same at up to 2,048 pixels, where sums have signs. */
const FINE_EDGE = 0.2;

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
    side === FINE ? print.luma : averaged({ ...square(FINE), values: print.luma }, square(COARSE)).values;
  return (
    within(LUMA, luma(a), luma(b)) &&
    within(CHROMA, a.blue, b.blue) &&
    within(CHROMA, a.red, b.red) &&
    sameDetail(a.detail, b.detail)
  );
}

/** Whether two prints agree in every pixel, as those of copies do of which one says more. */
export function equalPrints(a: Print, b: Print): boolean {
  return Buffer.compare(a.detail.values, b.detail.values) === 0;
}

/** Photos are compared once more as large as this, where small print, stars and noise are still to be seen. */
export const FINE_BOX = 2048;

/** How a JPEG was compressed. */
export interface Compression {
  /** What JPEGs share that one program or one camera wrote in one way. */
  readonly way: string;
  /** Levels between two values that a coefficient of luma can have: the mean of the lowest frequencies. */
  readonly step: number;
}

/**
 * Levels by which the luma of a JPEG and of itself saved again differ on average at the most (bench/README.md). With the
 * same tables 0.24 was measured, where noise of another exposure (1.5 levels in each) makes 0.62 and more.
 */
const RESAVED = 0.4;
/** The same with other tables, as a share of the coarser step: up to 0.70, where frames of one scene are mostly 1 apart. */
const RESAVED_OF_STEP = 0.75;
/** Coarser ones round the noise off, by which exposures are told from each other. */
const COARSE_STEP = 4;

interface Saved {
  readonly plane: Plane;
  readonly compression: Compression;
}

/** Whether two JPEGs are so coarse that nothing tells one that was saved again from another exposure. */
export function hideNoise(a: Compression, b: Compression): boolean {
  return a.way !== b.way && Math.max(a.step, b.step) > COARSE_STEP;
}

/**
 * Whether of two JPEGs of one size one can have been saved from the other: that leaves the noise as it was but for what
 * the coarser compression rounds off, where a second exposure has noise of its own.
 */
export function wereResaved(a: Saved, b: Saved): boolean {
  const [values, others] = [a.plane.values, b.plane.values];
  if (values.length !== others.length) return false;
  const [one, other] = [a.compression, b.compression];
  const most = one.way === other.way ? RESAVED : RESAVED_OF_STEP * Math.max(one.step, other.step);
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += Math.abs((values[i] as number) - (others[i] as number));
  return sum <= most * values.length;
}

/** Whether nowhere three by three pixels differ in what is more than an edge that came out softer or harder. */
function sameDetail(a: Plane, b: Plane): boolean {
  const size = a.width * a.height < b.width * b.height ? a : b;
  return !differ(atSize(a, size), atSize(b, size), { most: 9 * DETAIL, edge: EDGE });
}

/**
 * Whether also at up to `FINE_BOX` pixels nowhere three by three pixels are brighter or darker on the whole than an
 * edge explains: one digit of the small print, one star. Noise and what compression adds to it cancel each other out in a
 * sum with signs, so that edges explain less than in a print.
 */
export function sameFinePrint(one: Plane, other: Plane): boolean {
  const size = one.width * one.height < other.width * other.height ? one : other;
  return !differOnTheWhole(atSize(one, size), atSize(other, size), { most: 9 * DETAIL, edge: 9 * FINE_EDGE });
}

function atSize(plane: Plane, size: Size): Plane {
  return plane.width === size.width && plane.height === size.height ? plane : averaged(plane, size);
}

function isPlain({ luma }: Print): boolean {
  const counts = new Uint32Array(256);
  for (const level of luma) counts[level] = (counts[level] as number) + 1;
  /** Of the cells in the order of their levels, the level of the one at this place. */
  const at = (place: number): number => {
    let level = 0;
    for (let before = counts[0] as number; before <= place; before += counts[level] as number) level += 1;
    return level;
  };
  return at(Math.floor(luma.length * 0.98)) - at(Math.floor(luma.length * 0.02)) < PLAIN;
}

function within({ mean, mostly, ever }: Tolerance, a: Uint8Array, b: Uint8Array): boolean {
  const side = Math.sqrt(a.length);
  /** Cells that may be further apart than most are. */
  const exceptions = a.length - 1 - Math.floor((a.length - 1) * 0.99);
  let [sum, above] = [0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (difference === 0) continue;
    const slope = Math.max(steepness(a, i, side), steepness(b, i, side));
    const apart = Math.max(0, Math.round(difference - SHIFT * slope));
    sum += apart;
    if (apart > mostly) above += 1;
    if (apart > ever || above > exceptions || sum > mean * a.length) return false;
  }
  return true;
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
