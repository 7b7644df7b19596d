// The products of all pairs of rows: see src/library/ranking/gram.ts, which calls it.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/library/ranking/gram-kernel.ts.

import { sums } from './lanes';

/**
 * The product of each of `count` rows (float32, a multiple of four of them, `dim` long, a multiple of four) with itself and
 * those behind it, to float32 [count, count] at `output`; what stands before them there is no product.
 */
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
}
