// Baseline JPEG to RGB at an eighth or a quarter of its size: see src/photos/jpeg/reduced.ts, which calls this.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/photos/jpeg/kernel.ts.
//
// Of each block of 8 x 8 coefficients (ITU-T T.81) only those are decoded that the reduced size needs: the first, or
// the four of lowest frequency. The others are skipped several at a time, by tables that say how many codes, with the
// values behind them, lie in the next 13 bits.

/** A Huffman table as src/photos/jpeg-tables.ts lays it out: offsets in bytes. */
const FIRST: usize = 0; // u16[1024], by 10 bits: length << 8 | symbol; 0 where the code is longer
const SKIP: usize = 2048; // u16[8192], by 13 bits: end of block << 11 | coefficients << 5 | bits; 0 where none
const MAX_CODE: usize = 18432; // i32[17], by length: the largest code of that length, or -1
const DELTA: usize = 18500; // i32[17], by length: index of its symbol less the code
const SYMBOLS: usize = 18568; // u8[256]

/** Parameters of a scan, i32 each; then those of three components. */
const INPUT: usize = 0;
const INPUT_END: usize = 4;
const CLEAN: usize = 8; // room for the input without its stuffing
const MCUS_ACROSS: usize = 12;
const MCUS_DOWN: usize = 16;
const RESTART_INTERVAL: usize = 20; // MCUs, 0 for none
const SIDE: usize = 24; // samples left of each 8: 1 or 2
const COMPONENTS: usize = 28;

const COMPONENT_BYTES: usize = 48;
const ACROSS: usize = 0; // blocks in an MCU
const DOWN: usize = 4;
const DC_TABLE: usize = 8;
const AC_TABLE: usize = 12;
const PLANE: usize = 16;
const STRIDE: usize = 20;
const SCALES: usize = 24; // i32[4]: what a unit of coefficients (0,0) (0,1) (1,0) (1,1) gives, scaled by 2^13
const PREDICTION: usize = 40;

const SCALE_BITS = 13;
/** The level in the middle, and half a unit to round. */
const BIAS: i32 = (128 << SCALE_BITS) + (1 << (SCALE_BITS - 1));

/** End of the bytes that `unstuff` wrote. */
let cleanEnd: usize = 0;

/** Copies bytes up to a marker, without the zero stuffed behind each 0xFF. Returns where the marker is. */
function unstuff(from: usize, end: usize, to: usize): usize {
  const ff = i8x16.splat(-1);
  while (from + 17 <= end) {
    const bytes = v128.load(from);
    v128.store(to, bytes);
    const found = i8x16.bitmask(i8x16.eq(bytes, ff));
    if (found === 0) {
      from += 16;
      to += 16;
      continue;
    }
    const at = <usize>ctz(found);
    if (load<u8>(from + at + 1) !== 0) {
      cleanEnd = to + at;
      return from + at;
    }
    from += at + 2;
    to += at + 1;
  }
  while (from < end) {
    const byte = load<u8>(from);
    if (byte === 0xff && (from + 1 === end || load<u8>(from + 1) !== 0)) break;
    store<u8>(to, byte);
    to += 1;
    from += byte === 0xff ? 2 : 1;
  }
  cleanEnd = to;
  return from;
}

/** Length << 8 | symbol of a code of more than 10 bits at the top of `bits`; -1 when there is none. */
function longCode(table: usize, bits: u64): i32 {
  const window = <i32>(bits >> 48);
  for (let length = 11; length <= 16; length++) {
    const code = window >> (16 - length);
    if (code <= load<i32>(table + MAX_CODE + <usize>length * 4)) {
      const index = (code + load<i32>(table + DELTA + <usize>length * 4)) & 255;
      return (length << 8) | <i32>load<u8>(table + SYMBOLS + <usize>index);
    }
  }
  return -1;
}

/** Whether a run of MCUs ended where its bytes do: nothing missing, no more than padding left over. */
function endsRight(clean: usize, next: usize, count: i32): bool {
  const used = <i32>(next - clean) * 8 - count;
  const left = <i32>(cleanEnd - clean) * 8 - used;
  return left >= 0 && left < 16;
}

function startPredictions(parameters: usize): void {
  for (let c: usize = 0; c < 3; c++) store<i32>(parameters + COMPONENTS + c * COMPONENT_BYTES + PREDICTION, 0);
}

function sample(at: usize, value: i32): void {
  store<u8>(at, <u8>min(max(value >> SCALE_BITS, 0), 255));
}

/** Decodes a whole interleaved scan of three components into their planes. False when anything is not as it should be. */
export function scan(parameters: usize): bool {
  let input = load<usize>(parameters + INPUT);
  const end = load<usize>(parameters + INPUT_END);
  const clean = load<usize>(parameters + CLEAN);
  const across = load<u32>(parameters + MCUS_ACROSS);
  const total = across * load<u32>(parameters + MCUS_DOWN);
  const interval = load<u32>(parameters + RESTART_INTERVAL);
  const side = load<usize>(parameters + SIDE);

  // The next bits, first at the top; how many; and where the following ones are.
  let bits: u64 = 0;
  let count: i32 = 0;
  let next = clean;
  let mcuX: usize = 0;
  let mcuY: usize = 0;
  let untilRestart: u32 = 0;
  for (let mcu: u32 = 0; mcu < total; mcu++) {
    if (untilRestart === 0) {
      if (mcu > 0) {
        const marker = 0xd0 + ((mcu / interval - 1) & 7);
        if (!endsRight(clean, next, count) || input + 2 > end || load<u8>(input + 1) !== marker) return false;
        input += 2;
      }
      startPredictions(parameters);
      input = unstuff(input, end, clean);
      v128.store(cleanEnd, i64x2.splat(0));
      bits = 0;
      count = 0;
      next = clean;
      untilRestart = interval === 0 ? total : interval;
    }
    untilRestart--;
    for (let c: usize = 0; c < 3; c++) {
      const component = parameters + COMPONENTS + c * COMPONENT_BYTES;
      const blocksAcross = load<usize>(component + ACROSS);
      const blocksDown = load<usize>(component + DOWN);
      const dcTable = load<usize>(component + DC_TABLE);
      const acTable = load<usize>(component + AC_TABLE);
      const stride = load<usize>(component + STRIDE);
      let prediction = load<i32>(component + PREDICTION);
      for (let block: usize = 0; block < blocksAcross * blocksDown; block++) {
        if (count <= 32) {
          bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
          next += 4;
          count += 32;
        }
        let code = <i32>load<u16>(dcTable + FIRST + <usize>(bits >> 54) * 2);
        if (code === 0) code = longCode(dcTable, bits);
        if (code < 0) return false;
        const dcSize = code & 15;
        bits <<= code >> 8;
        let value = <i32>((bits >> 1) >> (63 - dcSize));
        bits <<= dcSize;
        count -= (code >> 8) + dcSize;
        prediction += value < (1 << dcSize) >> 1 ? value + 1 - (1 << dcSize) : value;

        let k: usize = 1;
        let right = 0; // coefficient (0,1), at 1 in zigzag order
        let down = 0; // (1,0), at 2
        let diagonal = 0; // (1,1), at 4
        while (side === 2 && k <= 4) {
          if (count <= 32) {
            bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
            next += 4;
            count += 32;
          }
          code = <i32>load<u16>(acTable + FIRST + <usize>(bits >> 54) * 2);
          if (code === 0) code = longCode(acTable, bits);
          if (code < 0) return false;
          const size = code & 15;
          const run = <usize>((code >> 4) & 15);
          bits <<= code >> 8;
          value = <i32>((bits >> 1) >> (63 - size));
          bits <<= size;
          count -= (code >> 8) + size;
          if (size === 0) {
            k = run === 15 ? k + 16 : 64;
            continue;
          }
          if (value < (1 << size) >> 1) value += 1 - (1 << size);
          k += run;
          if (k === 1) right = value;
          else if (k === 2) down = value;
          else if (k === 4) diagonal = value;
          k += 1;
        }
        while (k < 64) {
          if (count <= 32) {
            bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
            next += 4;
            count += 32;
          }
          const skip = <i32>load<u16>(acTable + SKIP + <usize>(bits >> 51) * 2);
          const to = k + <usize>((skip >> 5) & 63);
          // A block may end with its 63rd coefficient and no code for its end: what follows is the next block's.
          if (skip !== 0 && to < 64) {
            bits <<= skip & 31;
            count -= skip & 31;
            k = to;
            if (skip >> 11 !== 0) break;
            continue;
          }
          code = <i32>load<u16>(acTable + FIRST + <usize>(bits >> 54) * 2);
          if (code === 0) code = longCode(acTable, bits);
          if (code < 0) return false;
          const size = code & 15;
          const run = <usize>((code >> 4) & 15);
          bits <<= (code >> 8) + size;
          count -= (code >> 8) + size;
          if (size === 0 && run !== 15) break;
          k += run + 1;
        }
        if (k > 64) return false;

        const x = mcuX * blocksAcross + (block & (blocksAcross - 1));
        const y = mcuY * blocksDown + (block >> (blocksAcross - 1));
        const at = load<usize>(component + PLANE) + y * side * stride + x * side;
        const mean = prediction * load<i32>(component + SCALES) + BIAS;
        if (side === 1) {
          sample(at, mean);
        } else {
          const a = right * load<i32>(component + SCALES + 4);
          const b = down * load<i32>(component + SCALES + 8);
          const d = diagonal * load<i32>(component + SCALES + 12);
          sample(at, mean + a + b + d);
          sample(at + 1, mean - a + b - d);
          sample(at + stride, mean + a - b - d);
          sample(at + stride + 1, mean - a - b + d);
        }
      }
      store<i32>(component + PREDICTION, prediction);
    }
    // Garbage may run past its end; what it then reads is its own memory, and the check below finds it out.
    if (next > cleanEnd + 8) return false;
    mcuX += 1;
    if (mcuX === across) {
      mcuX = 0;
      mcuY += 1;
    }
  }
  // Any number of 0xFF may stand before a marker.
  while (input + 2 < end && load<u8>(input + 1) === 0xff) input += 1;
  return endsRight(clean, next, count) && input + 2 <= end && load<u8>(input + 1) === 0xd9;
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
