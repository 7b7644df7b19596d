import type { RgbImage } from './pixels.ts';

/** Columns and rows of the map. */
export const ACROSS = 32;
export const DOWN = 24;
/** Steps in colour (CIE Lab) from a cell to the next that are no edge. */
const SMOOTH = 3;
/** Standard deviation of the weight of the centre, in widths and heights of the picture. */
const CENTRE = 0.16;

/**
 * How likely the subject of a photo is in each cell of a coarse map, row by row; they add up to 1. Geodesic saliency (Wei,
 * Wen, Zhu and Sun, "Geodesic Saliency Using Background Priors", ECCV 2012): the border is background, and so is what one
 * reaches from there without crossing an edge. Times a weight for the centre, where people put their subjects.
 */
export function subjectMap(image: RgbImage): Float64Array {
  const away = distances(labCells(image));
  let sum = 0;
  for (const [cell, distance] of away.entries()) {
    const x = ((cell % ACROSS) + 0.5) / ACROSS - 0.5;
    const y = (Math.floor(cell / ACROSS) + 0.5) / DOWN - 0.5;
    // Squared, as a subject is seldom half of the picture; one more, so that what is even has its subject in the centre.
    away[cell] = (distance + 1) ** 2 * Math.exp(-(x * x + y * y) / (2 * CENTRE * CENTRE));
    sum += away[cell] as number;
  }
  return away.map((weight) => weight / sum);
}

type Lab = readonly [number, number, number];

/** The mean colour of each cell, of every other pixel and row. */
function labCells({ data, width, height }: RgbImage): Lab[] {
  const cells = ACROSS * DOWN;
  const sums = new Float64Array(cells * 3);
  const counts = new Uint32Array(cells);
  for (let y = 0; y < height; y += 2) {
    const line = Math.floor((y * DOWN) / height) * ACROSS;
    for (let x = 0; x < width; x += 2) {
      const cell = line + Math.floor((x * ACROSS) / width);
      const at = (y * width + x) * 3;
      for (let c = 0; c < 3; c += 1) sums[cell * 3 + c] = (sums[cell * 3 + c] as number) + (data[at + c] as number);
      counts[cell] = (counts[cell] as number) + 1;
    }
  }
  return Array.from(counts, (count, cell) => {
    const mean = (c: number): number => (sums[cell * 3 + c] as number) / Math.max(1, count);
    return labOf(mean(0), mean(1), mean(2));
  });
}

/** CIE Lab of sRGB from 0 to 255, white point D65 (IEC 61966-2-1). */
function labOf(...rgb: Lab): Lab {
  const [r, g, b] = rgb.map((value) => {
    const v = value / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** From each cell to the border along the way of the least change of colour (Dijkstra). */
function distances(lab: readonly Lab[]): Float64Array {
  const away = new Float64Array(lab.length).fill(Number.POSITIVE_INFINITY);
  const open = new Set(lab.keys());
  for (const cell of open) if (neighbours(cell).length < 4) away[cell] = 0;
  const at = (cell: number): number => away[cell] as number;
  while (open.size > 0) {
    let nearest = -1;
    for (const cell of open) if (nearest === -1 || at(cell) < at(nearest)) nearest = cell;
    open.delete(nearest);
    for (const next of neighbours(nearest)) {
      away[next] = Math.min(at(next), at(nearest) + Math.max(0, apart(lab[nearest], lab[next]) - SMOOTH));
    }
  }
  return away;
}

function apart([l, a, b]: Lab = [0, 0, 0], [m, c, d]: Lab = [0, 0, 0]): number {
  return Math.hypot(l - m, a - c, b - d);
}

/** Cells beside, above and below: fewer than four at the border. */
function neighbours(cell: number): number[] {
  const x = cell % ACROSS;
  return [
    ...(x > 0 ? [cell - 1] : []),
    ...(x < ACROSS - 1 ? [cell + 1] : []),
    ...(cell >= ACROSS ? [cell - ACROSS] : []),
    ...(cell < ACROSS * (DOWN - 1) ? [cell + ACROSS] : []),
  ];
}
