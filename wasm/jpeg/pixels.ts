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
