// What reranking computes of a query's vector and those of the photos nearest to it: see src/library/ranking/neighbourhood.ts,
// which calls it. AssemblyScript; `npm ci && npm run build` in this folder writes src/library/ranking/rerank-kernel.ts.
//
// Rows are float32, `dim` long, a multiple of four, and lie one behind the other.

import { sums } from './lanes';

/** The signed square roots of a vector, of unit length, by way of float64: float32 at `output`. All zeros for all zeros. */
export function roots(vector: usize, dim: usize, output: usize): void {
  const end = vector + dim * 4;
  let squares: f64 = 0;
  for (let x = vector; x < end; x += 4) squares += Math.abs(f32.load(x));
  const length = squares > 0 ? Math.sqrt(squares) : 1;
  for (let x = vector; x < end; x += 4) {
    const value: f64 = f32.load(x);
    f32.store(output + (x - vector), <f32>(copysign<f64>(Math.sqrt(Math.abs(value)), value) / length));
  }
}

/**
 * The root cosine (see src/embedding/vector.ts) of each of `count` rows with a vector whose signed square roots, of unit length,
 * are `roots`: float32 at `output`. By sums of float32, so that the last digits may differ from those of float64.
 */
export function rootCosines(roots: usize, rows: usize, count: usize, dim: usize, output: usize): void {
  const length = dim * 4;
  const sign = f32x4.splat(-0.0);
  for (let i: usize = 0; i < count; i++) {
    let lengths = f32x4.splat(0);
    let products = lengths;
    let x = rows + i * length;
    const end = roots + length;
    for (let r = roots; r < end; r += 16, x += 16) {
      const value = v128.load(x);
      const size = f32x4.abs(value);
      const root = v128.or(f32x4.sqrt(size), v128.and(value, sign));
      lengths = f32x4.add(lengths, size);
      products = f32x4.add(products, f32x4.mul(v128.load(r), root));
    }
    const squares = sumOf(lengths);
    f32.store(output + i * 4, squares > 0 ? sumOf(products) / f32.sqrt(squares) : 0);
  }
}

function sumOf(lanes: v128): f32 {
  return (
    f32x4.extract_lane(lanes, 0) +
    f32x4.extract_lane(lanes, 1) +
    (f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3))
  );
}

/**
 * Replaces each row x by unit((x - mean) * inverse), by way of float64; a row that is the mean by zeros. `mean` is float32
 * [dim], `inverse` float64 [dim].
 */
export function standardize(rows: usize, count: usize, dim: usize, mean: usize, inverse: usize): void {
  const length = dim * 4;
  for (let i: usize = 0; i < count; i++) {
    const row = rows + i * length;
    const end = row + length;
    let squares = f64x2.splat(0);
    let others = squares;
    let m = mean;
    let f = inverse;
    for (let x = row; x < end; x += 16, m += 16, f += 32) {
      const low = deviation(v128.load64_zero(x), v128.load64_zero(m), v128.load(f));
      const high = deviation(v128.load64_zero(x, 8), v128.load64_zero(m, 8), v128.load(f, 16));
      squares = f64x2.add(squares, f64x2.mul(low, low));
      others = f64x2.add(others, f64x2.mul(high, high));
      put(x, low, high);
    }
    squares = f64x2.add(squares, others);
    const size = Math.sqrt(f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1));
    const factor = f64x2.splat(size > 0 ? 1 / size : 1);
    for (let x = row; x < end; x += 16) {
      const low = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(x)), factor);
      const high = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(x, 8)), factor);
      put(x, low, high);
    }
  }
}

function deviation(value: v128, mean: v128, inverse: v128): v128 {
  return f64x2.mul(f64x2.sub(f64x2.promote_low_f32x4(value), f64x2.promote_low_f32x4(mean)), inverse);
}

/** Four numbers as float32. */
function put(at: usize, low: v128, high: v128): void {
  const a = f32x4.demote_f64x2_zero(low);
  const b = f32x4.demote_f64x2_zero(high);
  v128.store(at, i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
}

/** The products of all pairs of `count` rows (a multiple of four of them): float32 [count, count] at `output`. */
export function gram(rows: usize, count: usize, dim: usize, output: usize): void {
  const length = dim * 4;
  for (let i: usize = 0; i < count; i += 2) {
    const first = rows + i * length;
    const end = first + length;
    for (let j: usize = i & ~3; j < count; j += 4) {
      let y = rows + j * length;
      let a = f32x4.splat(0),
        b = a,
        c = a,
        d = a,
        e = a,
        f = a,
        g = a,
        h = a;
      for (let x = first; x < end; x += 16, y += 16) {
        const one = v128.load(x);
        const other = v128.load(x + length);
        const p = v128.load(y);
        const q = v128.load(y + length);
        const s = v128.load(y + length * 2);
        const t = v128.load(y + length * 3);
        a = f32x4.add(a, f32x4.mul(one, p));
        b = f32x4.add(b, f32x4.mul(one, q));
        c = f32x4.add(c, f32x4.mul(one, s));
        d = f32x4.add(d, f32x4.mul(one, t));
        e = f32x4.add(e, f32x4.mul(other, p));
        f = f32x4.add(f, f32x4.mul(other, q));
        g = f32x4.add(g, f32x4.mul(other, s));
        h = f32x4.add(h, f32x4.mul(other, t));
      }
      v128.store(output + (i * count + j) * 4, sums<f32>(a, b, c, d));
      v128.store(output + ((i + 1) * count + j) * 4, sums<f32>(e, f, g, h));
    }
  }
  for (let i: usize = 1; i < count; i++) {
    for (let j: usize = 0; j < i; j++) {
      f32.store(output + (i * count + j) * 4, f32.load(output + (j * count + i) * 4));
    }
  }
}

/**
 * How far each of `count` rows y_i agrees with the first of them, by their products in rows of `stride`:
 * a_i = y_i + sum over its `neighbours` nearest j of max(y_i . y_j, 0)^3 y_j, the first of two as near; to float64 [count] at
 * `output` go the cosines of a_0 and the a_i, 0 where one of the two has no length.
 *
 * What a_i is summed up from stands at `weights` (float64) and `places` (uint32), rows of `neighbours` + 1: y_i itself, its
 * nearest, and where there are fewer, weights of 0. `along` has room for float64 [count].
 */
export function agreements(
  products: usize,
  count: u32,
  stride: u32,
  neighbours: u32,
  weights: usize,
  places: usize,
  along: usize,
  output: usize,
): void {
  const room = neighbours + 1;
  for (let i: u32 = 0; i < count; i++)
    gather(products, count, stride, i, weights + i * room * 8, places + i * room * 4, room);
  // The products of a_0 with the y.
  for (let at: u32 = 0; at < count; at++) {
    f64.store(along + at * 8, weighted(products + at * stride * 4, weights, places, room));
  }
  let first: f64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const w = weights + i * room * 8;
    const p = places + i * room * 4;
    let squares: f64 = 0;
    let product: f64 = 0;
    for (let a: u32 = 0; a < room; a++) {
      const weight = f64.load(w + a * 8);
      if (weight === 0) break;
      const place: u32 = i32.load(p + a * 4);
      squares += weight * weighted(products + place * stride * 4, w, p, room);
      product += weight * f64.load(along + place * 8);
    }
    if (i === 0) first = squares;
    const lengths = Math.sqrt(first * squares);
    f64.store(output + i * 8, lengths > 0 ? product / lengths : 0);
  }
}

/** Row `i` and its nearest, those of a product above 0: their places, and the cubes of their products. */
function gather(products: usize, count: u32, stride: u32, i: u32, weights: usize, places: usize, room: u32): void {
  f64.store(weights, 1);
  i32.store(places, i);
  const end = room - 1;
  for (let b: u32 = 1; b < room; b++) {
    f64.store(weights + b * 8, 0);
    i32.store(places + b * 4, i);
  }
  const row = products + i * stride * 4;
  for (let at: u32 = 0; at < count; at++) {
    const likeness = <f64>f32.load(row + at * 4);
    if (at === i || !(likeness > f64.load(weights + end * 8))) continue;
    let b = end;
    for (; b > 1 && f64.load(weights + (b - 1) * 8) < likeness; b--) {
      f64.store(weights + b * 8, f64.load(weights + (b - 1) * 8));
      i32.store(places + b * 4, i32.load(places + (b - 1) * 4));
    }
    f64.store(weights + b * 8, likeness);
    i32.store(places + b * 4, at);
  }
  for (let b: u32 = 1; b < room; b++) {
    const likeness = f64.load(weights + b * 8);
    f64.store(weights + b * 8, likeness * likeness * likeness);
  }
}

/** The weighted sum of some of a row's products. */
function weighted(row: usize, weights: usize, places: usize, room: u32): f64 {
  let sum: f64 = 0;
  for (let b: u32 = 0; b < room; b++) {
    sum += f64.load(weights + b * 8) * <f64>f32.load(row + <u32>i32.load(places + b * 4) * 4);
  }
  return sum;
}
