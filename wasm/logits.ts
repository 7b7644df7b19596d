// What share of unit vectors each class of a classifier takes: see src/embedding/classifier/classifier.ts, which calls it.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/embedding/classifier/logits-kernel.ts.
//
// A vector's 16-bit components are its values times 32767, a row's 8-bit ones have a scale of their own. A sum cannot
// overflow: by Cauchy and Schwarz it is at most 127 * sqrt(2048) * 32767.5, a tenth of what 32 bits hold.

import { sums } from './lanes';

/** `count` (a multiple of eight) float32 in [-1, 1] at `values` as 16-bit components at `output`, halves rounded up. */
export function components(values: usize, count: usize, output: usize): void {
  for (let i: usize = 0; i < count; i += 8) {
    const at = values + i * 4;
    v128.store(output + i * 2, i16x8.narrow_i32x4_s(rounded(at), rounded(at + 16)));
  }
}

/** Four components. By way of float64, which holds each product whole. */
function rounded(at: usize): v128 {
  const low = component(v128.load64_zero(at));
  const high = component(v128.load64_zero(at, 8));
  return i8x16.shuffle(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

function component(values: v128): v128 {
  const scaled = f64x2.mul(f64x2.promote_low_f32x4(values), f64x2.splat(32767));
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.floor(f64x2.add(scaled, f64x2.splat(0.5))));
}

/**
 * Every product of `vectors` (16 bits, an even number of them) with `rows` (8 bits, a multiple of four), `dim` (a
 * multiple of eight) long, to 32-bit integers at `output`, the rows of one vector beside each other.
 */
export function products(vectors: usize, count: usize, rows: usize, classes: usize, dim: usize, output: usize): void {
  for (let r: usize = 0; r < classes; r += 4) {
    const row = rows + r * dim;
    for (let v: usize = 0; v < count; v += 2) {
      let x = vectors + v * dim * 2;
      let a = i32x4.splat(0),
        b = a,
        c = a,
        d = a,
        e = a,
        f = a,
        g = a,
        h = a;
      const end = row + dim;
      for (let w = row; w < end; w += 8, x += 16) {
        const first = v128.load(x);
        const second = v128.load(x + dim * 2);
        const p = v128.load8x8_s(w);
        const q = v128.load8x8_s(w + dim);
        const s = v128.load8x8_s(w + dim * 2);
        const t = v128.load8x8_s(w + dim * 3);
        a = i32x4.add(a, i32x4.dot_i16x8_s(p, first));
        b = i32x4.add(b, i32x4.dot_i16x8_s(q, first));
        c = i32x4.add(c, i32x4.dot_i16x8_s(s, first));
        d = i32x4.add(d, i32x4.dot_i16x8_s(t, first));
        e = i32x4.add(e, i32x4.dot_i16x8_s(p, second));
        f = i32x4.add(f, i32x4.dot_i16x8_s(q, second));
        g = i32x4.add(g, i32x4.dot_i16x8_s(s, second));
        h = i32x4.add(h, i32x4.dot_i16x8_s(t, second));
      }
      v128.store(output + (v * classes + r) * 4, sums<i32>(a, b, c, d));
      v128.store(output + ((v + 1) * classes + r) * 4, sums<i32>(e, f, g, h));
    }
  }
}

/**
 * The softmax over the `classes` (an even number) of one vector, float32 at `output`: of its `products` times `factors`
 * (float64) plus `biases` (float32).
 */
export function softmax(products: usize, classes: usize, factors: usize, biases: usize, output: usize): void {
  let most = f64x2.splat(-Infinity);
  for (let c: usize = 0; c < classes; c += 2) {
    const scaled = f64x2.mul(f64x2.convert_low_i32x4_s(v128.load64_zero(products + c * 4)), v128.load(factors + c * 8));
    const logits = f64x2.add(scaled, f64x2.promote_low_f32x4(v128.load64_zero(biases + c * 4)));
    put(output + c * 4, logits);
    most = f64x2.max(most, logits);
  }
  const largest = f64x2.splat(max(f64x2.extract_lane(most, 0), f64x2.extract_lane(most, 1)));
  let sum: f64 = 0;
  for (let c: usize = 0; c < classes; c += 2) {
    const logits = f64x2.promote_low_f32x4(v128.load64_zero(output + c * 4));
    const shares = exp(f64x2.max(f64x2.sub(logits, largest), f64x2.splat(LEAST)));
    put(output + c * 4, shares);
    sum += f64x2.extract_lane(shares, 0);
    sum += f64x2.extract_lane(shares, 1);
  }
  const sums = f64x2.splat(sum);
  for (let c: usize = 0; c < classes; c += 2) {
    put(output + c * 4, f64x2.div(f64x2.promote_low_f32x4(v128.load64_zero(output + c * 4)), sums));
  }
}

/** Two numbers as float32. */
function put(at: usize, values: v128): void {
  v128.store64_lane(at, f32x4.demote_f64x2_zero(values), 0);
}

/** Of less, the exponential is nothing beside 1, and in float32 at all. */
const LEAST: f64 = -700;

/** The exponential of two numbers of at most 0, as V8 has it: that of FreeBSD's msun (e_exp.c), two at a time. */
function exp(x: v128): v128 {
  const k = f64x2.trunc(f64x2.sub(f64x2.mul(x, f64x2.splat(Math.LOG2E)), f64x2.splat(0.5)));
  const high = f64x2.sub(x, f64x2.mul(k, f64x2.splat(0.6931471803691238)));
  const low = f64x2.mul(k, f64x2.splat(1.9082149292705877e-10));
  const r = f64x2.sub(high, low);
  const t = f64x2.mul(r, r);
  let p = f64x2.add(f64x2.splat(-1.6533902205465252e-6), f64x2.mul(t, f64x2.splat(4.1381367970572385e-8)));
  p = f64x2.add(f64x2.splat(6.613756321437934e-5), f64x2.mul(t, p));
  p = f64x2.add(f64x2.splat(-0.0027777777777015593), f64x2.mul(t, p));
  p = f64x2.add(f64x2.splat(0.16666666666666602), f64x2.mul(t, p));
  const c = f64x2.sub(r, f64x2.mul(t, p));
  const part = f64x2.div(f64x2.mul(r, c), f64x2.sub(f64x2.splat(2), c));
  const y = f64x2.sub(f64x2.splat(1), f64x2.sub(f64x2.sub(low, part), high));
  const exponents = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(k));
  return f64x2.mul(y, i64x2.shl(i64x2.add(exponents, i64x2.splat(1023)), 52));
}
