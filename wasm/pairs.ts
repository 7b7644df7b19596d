// Products of 16-bit vectors with each other, and which of them are large: see src/library/dedupe/neighbours.ts.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/library/dedupe/pairs-kernel.ts.
//
// Vectors are of unit length at the most, their components times 32767. So no sum overflows: by Cauchy and Schwarz each,
// also a partial one, is at most 32767 squared, half of what 32 bits hold.

import { sums } from './lanes';

/**
 * Every product of `columns` (an even number of vectors) with `rows` (a multiple of four), `width` (a multiple of eight)
 * long, to 32-bit integers at `output`, the rows of one column beside each other.
 */
export function products(
  columns: usize,
  count: usize,
  rows: usize,
  rowCount: usize,
  width: usize,
  output: usize,
): void {
  for (let r: usize = 0; r < rowCount; r += 4) {
    const row = rows + r * width * 2;
    for (let v: usize = 0; v < count; v += 2) {
      let x = columns + v * width * 2;
      let a = i32x4.splat(0),
        b = a,
        c = a,
        d = a,
        e = a,
        f = a,
        g = a,
        h = a;
      const end = row + width * 2;
      for (let w = row; w < end; w += 16, x += 16) {
        const first = v128.load(x);
        const second = v128.load(x + width * 2);
        const p = v128.load(w);
        const q = v128.load(w + width * 2);
        const s = v128.load(w + width * 4);
        const t = v128.load(w + width * 6);
        a = i32x4.add(a, i32x4.dot_i16x8_s(p, first));
        b = i32x4.add(b, i32x4.dot_i16x8_s(q, first));
        c = i32x4.add(c, i32x4.dot_i16x8_s(s, first));
        d = i32x4.add(d, i32x4.dot_i16x8_s(t, first));
        e = i32x4.add(e, i32x4.dot_i16x8_s(p, second));
        f = i32x4.add(f, i32x4.dot_i16x8_s(q, second));
        g = i32x4.add(g, i32x4.dot_i16x8_s(s, second));
        h = i32x4.add(h, i32x4.dot_i16x8_s(t, second));
      }
      v128.store(output + (v * rowCount + r) * 4, sums<i32>(a, b, c, d));
      v128.store(output + ((v + 1) * rowCount + r) * 4, sums<i32>(e, f, g, h));
    }
  }
}

/**
 * Which products, each with the product of what its two vectors have beyond their components (32-bit floats), reach
 * `least`: writes the place of each, column times `rowCount` plus row, to `output`.
 * @returns how many
 */
export function reaching(
  sums: usize,
  count: usize,
  rowCount: usize,
  columnRests: usize,
  rowRests: usize,
  least: f32,
  output: usize,
): usize {
  const threshold = f32x4.splat(least);
  let found: usize = 0;
  for (let v: usize = 0; v < count; v += 1) {
    const rest = v128.load32_splat(columnRests + v * 4);
    for (let r: usize = 0; r < rowCount; r += 4) {
      const sum = f32x4.convert_i32x4_s(v128.load(sums + (v * rowCount + r) * 4));
      const bound = f32x4.add(sum, f32x4.mul(rest, v128.load(rowRests + r * 4)));
      let mask = i32x4.bitmask(f32x4.ge(bound, threshold));
      while (mask !== 0) {
        store<u32>(output + found * 4, (v * rowCount + r + ctz(mask)) as u32);
        found += 1;
        mask &= mask - 1;
      }
    }
  }
  return found;
}

/**
 * The products of some pairs alone: of each place as `reaching` writes it, that of its column and row, `width` (a multiple
 * of eight) long, to 32-bit integers at `output`.
 */
export function productsAt(
  places: usize,
  count: usize,
  rowCount: usize,
  columns: usize,
  rows: usize,
  width: usize,
  output: usize,
): void {
  const length = width * 2;
  let at: usize = 0;
  while (at < count) {
    const place = <usize>load<u32>(places + at * 4);
    const column = place / rowCount;
    const before = column * rowCount;
    // Four rows of one column at a time; where there are fewer, the first stands for those that lack.
    let run: usize = 1;
    while (run < 4 && at + run < count && <usize>load<u32>(places + (at + run) * 4) < before + rowCount) run++;
    const p = rows + (place - before) * length;
    const q = run > 1 ? rows + (<usize>load<u32>(places + at * 4, 4) - before) * length : p;
    const s = run > 2 ? rows + (<usize>load<u32>(places + at * 4, 8) - before) * length : p;
    const t = run > 3 ? rows + (<usize>load<u32>(places + at * 4, 12) - before) * length : p;
    const x = columns + column * length;
    let a = i32x4.splat(0),
      b = a,
      c = a,
      d = a;
    for (let w: usize = 0; w < length; w += 16) {
      const its = v128.load(x + w);
      a = i32x4.add(a, i32x4.dot_i16x8_s(its, v128.load(p + w)));
      b = i32x4.add(b, i32x4.dot_i16x8_s(its, v128.load(q + w)));
      c = i32x4.add(c, i32x4.dot_i16x8_s(its, v128.load(s + w)));
      d = i32x4.add(d, i32x4.dot_i16x8_s(its, v128.load(t + w)));
    }
    v128.store(output + at * 4, sums<i32>(a, b, c, d));
    at += run;
  }
}
