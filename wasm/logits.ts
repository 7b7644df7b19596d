// The products of unit vectors with a classifier's rows: see src/embedding/classifier/logits.ts, which calls it.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/embedding/classifier/logits-kernel.ts.
//
// A vector's 16-bit components are its values times 32767, a row's 8-bit ones have a scale of their own. A sum cannot
// overflow: by Cauchy and Schwarz it is at most 127 * sqrt(2048) * 32767.5, a tenth of what 32 bits hold.

import { sums } from './lanes';

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
