const SCALE_BITS = 13;
/** The level in the middle, and half a unit to round. */
const BIAS: i32 = (128 << SCALE_BITS) + (1 << (SCALE_BITS - 1));

function sample(at: usize, value: i32): void {
  store<u8>(at, <u8>min(max(value >> SCALE_BITS, 0), 255));
}

/**
 * Writes the samples of a block: one, or two by two, from its coefficients (0,0), (0,1), (1,0) and (1,1).
 * @param scales i32[4]: what a unit of each coefficient gives in a sample, scaled by 2^13
 */
export function drawBlock(
  at: usize,
  stride: usize,
  side: usize,
  scales: usize,
  first: i32,
  right: i32,
  down: i32,
  diagonal: i32,
): void {
  const mean = first * load<i32>(scales) + BIAS;
  if (side === 1) {
    sample(at, mean);
    return;
  }
  const a = right * load<i32>(scales + 4);
  const b = down * load<i32>(scales + 8);
  const d = diagonal * load<i32>(scales + 12);
  sample(at, mean + a + b + d);
  sample(at + 1, mean - a + b - d);
  sample(at + stride, mean + a - b - d);
  sample(at + stride + 1, mean - a - b + d);
}

/** The last of the coefficients that half the size needs, (3,3), in zigzag order. */
export const HALF_LAST: usize = 24;
/** Room for sixteen of 32 bits, and one that is not looked at. */
export const HALF_ROOM: usize = 80;

/** cos(pi / 8) and sin(pi / 8). */
const COS: f32 = 0.9238795325112867;
const SIN: f32 = 0.3826834323650898;

/** The inverse cosine transform of four, in each lane; results for 0 and 3 are sum and difference, as for 1 and 2. */
function even0(c0: v128, c2: v128): v128 {
  return f32x4.add(c0, c2);
}

function odd0(c1: v128, c3: v128): v128 {
  return f32x4.add(f32x4.mul(c1, f32x4.splat(COS)), f32x4.mul(c3, f32x4.splat(SIN)));
}

function odd1(c1: v128, c3: v128): v128 {
  return f32x4.sub(f32x4.mul(c1, f32x4.splat(SIN)), f32x4.mul(c3, f32x4.splat(COS)));
}

/**
 * Writes four by four samples of a block from its sixteen coefficients of lowest frequency.
 * @param half f32[16]: coefficient (u across, v down) at 4 u + v, scaled so that the transform's own factors are in it
 * @param first coefficient (0,0), scaled alike
 */
export function drawHalf(at: usize, stride: usize, half: usize, first: f32): void {
  // To be rounded down: the level in the middle, and half a unit.
  store<f32>(half, first + 128.5);
  const c0 = v128.load(half);
  const c1 = v128.load(half, 16);
  const c2 = v128.load(half, 32);
  const c3 = v128.load(half, 48);
  const sum = even0(c0, c2);
  const difference = f32x4.sub(c0, c2);
  const outer = odd0(c1, c3);
  const inner = odd1(c1, c3);
  // A lane for each v; across are x = 0 to 3.
  const x0 = f32x4.add(sum, outer);
  const x1 = f32x4.add(difference, inner);
  const x2 = f32x4.sub(difference, inner);
  const x3 = f32x4.sub(sum, outer);
  const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  const d0 = v128.shuffle<f64>(low01, low23, 0, 2);
  const d1 = v128.shuffle<f64>(low01, low23, 1, 3);
  const d2 = v128.shuffle<f64>(high01, high23, 0, 2);
  const d3 = v128.shuffle<f64>(high01, high23, 1, 3);
  const sumDown = even0(d0, d2);
  const differenceDown = f32x4.sub(d0, d2);
  const outerDown = odd0(d1, d3);
  const innerDown = odd1(d1, d3);
  const top = i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.add(sumDown, outerDown)),
    i32x4.trunc_sat_f32x4_s(f32x4.add(differenceDown, innerDown)),
  );
  const bottom = i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.sub(differenceDown, innerDown)),
    i32x4.trunc_sat_f32x4_s(f32x4.sub(sumDown, outerDown)),
  );
  const samples = i8x16.narrow_i16x8_u(top, bottom);
  v128.store32_lane(at, samples, 0);
  v128.store32_lane(at + stride, samples, 1);
  v128.store32_lane(at + 2 * stride, samples, 2);
  v128.store32_lane(at + 3 * stride, samples, 3);
}

// YCbCr to RGB as JFIF has it (ITU-T T.871), 8 samples of 16 bits at a time, chroma less 128.

/** `chroma` times `factor` / 2^15, scaled by 2^7. */
function times(chroma: v128, factor: i16): v128 {
  return i16x8.q15mulr_sat_s(i16x8.shl(chroma, 7), i16x8.splat(factor));
}

function unscaled(value: v128): v128 {
  return i16x8.shr_s(i16x8.add(value, i16x8.splat(64)), 7);
}

/** Y + 1.402 Cr */
function red(y: v128, cr: v128): v128 {
  return i16x8.add(i16x8.add(y, cr), unscaled(times(cr, 13173)));
}

/** Y - 0.344136 Cb - 0.714136 Cr */
function green(y: v128, cb: v128, cr: v128): v128 {
  return i16x8.sub(y, unscaled(i16x8.add(times(cb, 11277), times(cr, 23401))));
}

/** Y + 1.772 Cb */
function blue(y: v128, cb: v128): v128 {
  return i16x8.add(i16x8.add(y, i16x8.shl(cb, 1)), unscaled(times(cb, -7471)));
}

function lowHalf(chroma: v128): v128 {
  return i16x8.sub(i16x8.extend_low_i8x16_u(chroma), i16x8.splat(128));
}

function highHalf(chroma: v128): v128 {
  return i16x8.sub(i16x8.extend_high_i8x16_u(chroma), i16x8.splat(128));
}

/** 16 samples of a chroma row from pixel `x` on, each standing for one pixel or for two. */
function chromaAt(row: usize, x: usize, halved: bool): v128 {
  if (!halved) return v128.load(row + x);
  const half = v128.load64_zero(row + x / 2);
  return v128.shuffle<u8>(half, half, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
}

/** Three planes to interleaved RGB. Up to 47 bytes behind the last pixel are overwritten. */
export function toRgb(
  luma: usize,
  lumaStride: usize,
  cb: usize,
  cr: usize,
  chromaStride: usize,
  halvedAcross: bool,
  halvedDown: bool,
  width: usize,
  height: usize,
  output: usize,
): void {
  for (let y: usize = 0; y < height; y++) {
    const chromaRow = (halvedDown ? y / 2 : y) * chromaStride;
    for (let x: usize = 0; x < width; x += 16) {
      const ys = v128.load(luma + y * lumaStride + x);
      const bs = chromaAt(cb + chromaRow, x, halvedAcross);
      const rs = chromaAt(cr + chromaRow, x, halvedAcross);
      const y0 = i16x8.extend_low_i8x16_u(ys);
      const y1 = i16x8.extend_high_i8x16_u(ys);
      const r = i8x16.narrow_i16x8_u(red(y0, lowHalf(rs)), red(y1, highHalf(rs)));
      const g = i8x16.narrow_i16x8_u(green(y0, lowHalf(bs), lowHalf(rs)), green(y1, highHalf(bs), highHalf(rs)));
      const b = i8x16.narrow_i16x8_u(blue(y0, lowHalf(bs)), blue(y1, highHalf(bs)));
      const rg0 = v128.shuffle<u8>(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
      const rg1 = v128.shuffle<u8>(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
      const rg2 = v128.shuffle<u8>(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
      const at = output + (y * width + x) * 3;
      v128.store(at, v128.shuffle<u8>(rg0, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
      v128.store(at + 16, v128.shuffle<u8>(rg1, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15));
      v128.store(at + 32, v128.shuffle<u8>(rg2, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31));
    }
  }
}

/**
 * Turns an RGB image: pixel (x, y) of the result is the one at `first + x * acrossStep + y * downStep` (bytes).
 * One byte behind the last pixel is overwritten.
 */
export function turn(first: usize, acrossStep: i32, downStep: i32, width: i32, height: i32, output: usize): void {
  for (let y = 0; y < height; y++) {
    let from = <i32>first + y * downStep;
    for (let x = 0; x < width; x++) {
      store<u32>(output, load<u32>(<usize>from));
      output += 3;
      from += acrossStep;
    }
  }
}
