// The two passes of Pillow's resize, four samples at a time: see src/embedding/resize.ts, which calls them.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/embedding/resize-kernel.ts.
//
// Coefficients are 32-bit integers scaled by 2^22. Samples are read and written a few bytes past the end of a row:
// what is written there is overwritten by the next row, and the caller leaves room behind the last.

const PRECISION_BITS = 22;
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/** Sums without their fraction, clamped to 0..255, one byte each. */
function clip8(a: v128, b: v128, c: v128, d: v128): v128 {
  const low = i16x8.narrow_i32x4_s(i32x4.shr_s(a, PRECISION_BITS), i32x4.shr_s(b, PRECISION_BITS));
  const high = i16x8.narrow_i32x4_s(i32x4.shr_s(c, PRECISION_BITS), i32x4.shr_s(d, PRECISION_BITS));
  return i8x16.narrow_i16x8_u(low, high);
}

/** RGB rows of `rowBytes` at `input` to rows of `width` pixels at `output`. */
export function horizontal(
  input: usize,
  rowBytes: usize,
  rows: usize,
  starts: usize,
  counts: usize,
  coefficients: usize,
  stride: usize,
  width: usize,
  output: usize,
): void {
  for (let y: usize = 0; y < rows; y++) {
    const row = input + y * rowBytes;
    let first = coefficients;
    for (let x: usize = 0; x < width; x++) {
      let pixel = row + load<usize>(starts + x * 4) * 3;
      const end = first + load<usize>(counts + x * 4) * 4;
      let sum = i32x4.splat(HALF);
      for (let c = first; c < end; c += 4, pixel += 3) {
        const samples = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(pixel)));
        sum = i32x4.add(sum, i32x4.mul(samples, v128.load32_splat(c)));
      }
      store<i32>(output, i32x4.extract_lane(clip8(sum, sum, sum, sum), 0));
      output += 3;
      first += stride * 4;
    }
  }
}

/** Rows of `rowBytes` samples at `input` to `height` such rows at `output`. */
export function vertical(
  input: usize,
  rowBytes: usize,
  starts: usize,
  counts: usize,
  coefficients: usize,
  stride: usize,
  height: usize,
  output: usize,
): void {
  for (let y: usize = 0; y < height; y++) {
    const top = input + load<usize>(starts + y * 4) * rowBytes;
    const end = coefficients + load<usize>(counts + y * 4) * 4;
    for (let x: usize = 0; x < rowBytes; x += 16) {
      let at = top + x;
      let a = i32x4.splat(HALF);
      let b = a;
      let c = a;
      let d = a;
      for (let k = coefficients; k < end; k += 4, at += rowBytes) {
        const samples = v128.load(at);
        const weight = v128.load32_splat(k);
        const low = i16x8.extend_low_i8x16_u(samples);
        const high = i16x8.extend_high_i8x16_u(samples);
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), weight));
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), weight));
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), weight));
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), weight));
      }
      v128.store(output + y * rowBytes + x, clip8(a, b, c, d));
    }
    coefficients += stride * 4;
  }
}
