// What prints are made of and compared by: see src/photos/planes.ts.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/photos/print-kernel.ts.
//
// Sums are kept in the order and the precision that numbers of JavaScript have, so that thresholds mean what they say.

/** Of four pixels, a colour each in the lanes: thousandths of luma (Rec. 601), and half of one to round. */
function thousandths(red: v128, green: v128, blue: v128): v128 {
  const colours = i32x4.add(i32x4.mul(red, i32x4.splat(299)), i32x4.mul(green, i32x4.splat(587)));
  return i32x4.add(colours, i32x4.add(i32x4.mul(blue, i32x4.splat(114)), i32x4.splat(500)));
}

/** A thousandth of numbers below 2^18, rounded down: of an eighth, a hundred-and-twenty-fifth, times 2^22. */
function thousandth(numbers: v128): v128 {
  return i32x4.shr_u(i32x4.mul(i32x4.shr_u(numbers, 3), i32x4.splat(33555)), 22);
}

/** Luma of four pixels whose colours begin at `at`; sixteen bytes are read. */
function lumaOfFour(at: usize): v128 {
  const bytes = v128.load(at);
  const zero = i32x4.splat(0);
  const red = v128.shuffle<u8>(bytes, zero, 0, 16, 16, 16, 3, 16, 16, 16, 6, 16, 16, 16, 9, 16, 16, 16);
  const green = v128.shuffle<u8>(bytes, zero, 1, 16, 16, 16, 4, 16, 16, 16, 7, 16, 16, 16, 10, 16, 16, 16);
  const blue = v128.shuffle<u8>(bytes, zero, 2, 16, 16, 16, 5, 16, 16, 16, 8, 16, 16, 16, 11, 16, 16, 16);
  return thousandth(thousandths(red, green, blue));
}

/**
 * Luma (Rec. 601) of each of `count` pixels of RGB, rounded to bytes at `output`. Up to fifteen bytes behind the last are
 * overwritten, and as many pixels read.
 */
export function luma(pixels: usize, count: usize, output: usize): void {
  for (let i: usize = 0; i < count; i += 16, pixels += 48) {
    const first = i16x8.narrow_i32x4_u(lumaOfFour(pixels), lumaOfFour(pixels + 12));
    const second = i16x8.narrow_i32x4_u(lumaOfFour(pixels + 24), lumaOfFour(pixels + 36));
    v128.store(output + i, i8x16.narrow_i16x8_u(first, second));
  }
}

/** Of `width` values, `step` bytes from one to the next, the means of `parts` equal parts, to 64-bit floats. */
function meansOfRow<T>(row: usize, width: usize, step: usize, parts: usize, output: usize): void {
  const length = <f64>width / <f64>parts;
  let at: usize = 0;
  let whole: f64 = 0;
  let before: f64 = 0;
  for (let part: usize = 0; part < parts; part++) {
    const border = <f64>((part + 1) * width) / <f64>parts;
    const end = <usize>border;
    if (isInteger<T>()) {
      // Whole numbers have no order to be added in, and a sum of their own is sooner done.
      let more: u32 = 0;
      for (; at < end; at++) more += <u32>load<T>(row + at * step);
      whole += <f64>more;
    } else {
      for (; at < end; at++) whole += <f64>load<T>(row + at * step);
    }
    const rest = border - <f64>end;
    const integral = rest > 0 ? whole + rest * <f64>load<T>(row + end * step) : whole;
    store<f64>(output + part * 8, (integral - before) / length);
    before = integral;
  }
}

/** The means of the columns' `parts` equal parts; `sums` has room for two numbers a column. */
function meansOfColumns(rows: usize, width: usize, height: usize, parts: usize, sums: usize, output: usize): void {
  const length = <f64>height / <f64>parts;
  const befores = sums + width * 8;
  memory.fill(sums, 0, width * 16);
  let at: usize = 0;
  for (let part: usize = 0; part < parts; part++) {
    const border = <f64>((part + 1) * height) / <f64>parts;
    const end = <usize>border;
    for (; at < end; at++) {
      const row = rows + at * width * 8;
      for (let x: usize = 0; x < width * 8; x += 8) {
        store<f64>(sums + x, load<f64>(sums + x) + load<f64>(row + x));
      }
    }
    const rest = border - <f64>end;
    const next = rows + end * width * 8;
    for (let x: usize = 0; x < width * 8; x += 8) {
      const whole = load<f64>(sums + x);
      const integral = rest > 0 ? whole + rest * load<f64>(next + x) : whole;
      store<f64>(output + part * width * 8 + x, (integral - load<f64>(befores + x)) / length);
      store<f64>(befores + x, integral);
    }
  }
}

/**
 * The mean of each of `across` x `down` cells, pixels on a border shared between the cells, to 64-bit floats at `output`.
 * @param bytes of a value: 1, or 8 for 64-bit floats
 * @param step bytes from one of the values of a row to the next
 * @param room for `height` rows of `across` numbers, and two rows more
 */
export function averages(
  values: usize,
  bytes: usize,
  width: usize,
  height: usize,
  step: usize,
  across: usize,
  down: usize,
  room: usize,
  output: usize,
): void {
  for (let y: usize = 0; y < height; y++) {
    const row = values + y * width * step;
    const means = room + y * across * 8;
    if (bytes === 1) meansOfRow<u8>(row, width, step, across, means);
    else meansOfRow<f64>(row, width, step, across, means);
  }
  meansOfColumns(room, across, height, down, room + height * across * 8, output);
}

/**
 * Which of `length` pixels each of `parts` equal parts covers, and how much of each: u32[4], the first one; its share; how
 * many whole ones follow; the share of one more. Shares are in parts of a pixel, of which each has `parts`.
 */
function layOutParts(length: u32, parts: u32, output: usize): void {
  for (let part: u32 = 0; part < parts; part++, output += 16) {
    const start = part * length;
    const first = start / parts;
    const share = min((first + 1) * parts - start, length);
    const rest = length - share;
    store<u32>(output, first);
    store<u32>(output, share, 4);
    store<u32>(output, rest / parts, 8);
    store<u32>(output, rest % parts, 12);
  }
}

function fourBytes(at: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
}

/** Of four columns from `at` in the first row, the weighted sums of the rows that a part covers. */
function sumOfRows(at: usize, width: usize, part: usize, whole: u32): v128 {
  at += load<usize>(part) * width;
  let sum = i32x4.mul(fourBytes(at), i32x4.splat(load<u32>(part, 4)));
  for (let left = load<u32>(part, 8); left > 0; left--) {
    at += width;
    sum = i32x4.add(sum, i32x4.mul(fourBytes(at), i32x4.splat(whole)));
  }
  const last = load<u32>(part, 12);
  return last === 0 ? sum : i32x4.add(sum, i32x4.mul(fourBytes(at + width), i32x4.splat(last)));
}

/**
 * The mean of each of `across` x `down` cells of a plane of bytes, rounded to bytes at `output`: exactly, in whole numbers,
 * so that 256 times its pixels must be below 2^31.
 * @param room for 16 (`across` + `down` + 3) bytes, and 16 a column and four columns more
 */
export function shrink(
  values: usize,
  width: u32,
  height: u32,
  across: u32,
  down: u32,
  room: usize,
  output: usize,
): void {
  const columns = room;
  const rows = columns + across * 16;
  const sums = rows + (down + 3) * 16;
  layOutParts(width, across, columns);
  layOutParts(height, down, rows);
  // Rows are done four at a time; those that there are not are the last one.
  for (let row = down; row < down + 3; row++) memory.copy(rows + row * 16, rows + (down - 1) * 16, 16);
  // Division by a constant: a product with its reciprocal, rounded up, in as many bits as make it exact.
  const area = width * height;
  const shift = <u64>(63 - clz<u32>(area));
  const reciprocal = ((<u64>1) << shift) / area + 1;
  const half = i32x4.splat(area >> 1);
  const whole = i32x4.splat(across);
  for (let y: u32 = 0; y < down; y += 4, output += across * 4) {
    const part = rows + y * 16;
    for (let x: u32 = 0; x < width; x += 4) {
      const a = sumOfRows(values + x, width, part, down);
      const b = sumOfRows(values + x, width, part + 16, down);
      const c = sumOfRows(values + x, width, part + 32, down);
      const d = sumOfRows(values + x, width, part + 48, down);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
      const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
      const at = sums + x * 16;
      v128.store(at, v128.shuffle<i64>(ab, cd, 0, 2));
      v128.store(at, v128.shuffle<i64>(ab, cd, 1, 3), 16);
      v128.store(at, v128.shuffle<i64>(abHigh, cdHigh, 0, 2), 32);
      v128.store(at, v128.shuffle<i64>(abHigh, cdHigh, 1, 3), 48);
    }
    const left = down - y;
    for (let x: u32 = 0; x < across; x++) {
      const column = columns + x * 16;
      let at = sums + load<usize>(column) * 16;
      let sum = i32x4.add(half, i32x4.mul(v128.load(at), i32x4.splat(load<u32>(column, 4))));
      for (let more = load<u32>(column, 8); more > 0; more--) {
        at += 16;
        sum = i32x4.add(sum, i32x4.mul(v128.load(at), whole));
      }
      const last = load<u32>(column, 12);
      if (last !== 0) sum = i32x4.add(sum, i32x4.mul(v128.load(at + 16), i32x4.splat(last)));
      store<u8>(output + x, <u8>((<u64>i32x4.extract_lane(sum, 0) * reciprocal) >> shift));
      if (left > 1) store<u8>(output + across + x, <u8>((<u64>i32x4.extract_lane(sum, 1) * reciprocal) >> shift));
      if (left > 2) store<u8>(output + across * 2 + x, <u8>((<u64>i32x4.extract_lane(sum, 2) * reciprocal) >> shift));
      if (left > 3) store<u8>(output + across * 3 + x, <u8>((<u64>i32x4.extract_lane(sum, 3) * reciprocal) >> shift));
    }
  }
}

/** Between the darkest and the brightest pixels, `reach` around one. */
function stepAround(at: usize, width: usize, reach: usize): i32 {
  let least: i32 = 255;
  let most: i32 = 0;
  for (let line = at - reach * width; line <= at + reach * width; line += width) {
    for (let pixel = line - reach; pixel <= line + reach; pixel++) {
      const value = <i32>load<u8>(pixel);
      least = min(least, value);
      most = max(most, value);
    }
  }
  return most - least;
}

/** How far a pixel is apart beyond what its edge explains, kept in `known`, which holds no number before. */
function excess(i: usize, one: usize, other: usize, width: usize, edge: f64, apart: usize, known: usize): f64 {
  const its = load<u8>(apart + i);
  if (its === 0) return 0;
  let value = load<f32>(known + i * 4);
  if (!(value >= 0)) {
    const step = max(stepAround(one + i, width, 1), stepAround(other + i, width, 1));
    value = <f32>max<f64>(0, <f64>its - edge * <f64>step);
    store<f32>(known + i * 4, value);
  }
  return <f64>value;
}

/**
 * Whether anywhere three by three pixels of two planes are further apart in sum than `most`, beyond the share `edge` of the
 * step around each. The border's pixels count as equal: they have no others around them.
 * @param apart room for a byte a pixel
 * @param known room for four
 */
export function differ(
  one: usize,
  other: usize,
  width: usize,
  height: usize,
  most: i32,
  edge: f64,
  apart: usize,
  known: usize,
): bool {
  const count = width * height;
  for (let i: usize = 0; i < count; i += 16) {
    const a = v128.load(one + i);
    const b = v128.load(other + i);
    v128.store(apart + i, v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a)));
  }
  memory.fill(apart, 0, width);
  memory.fill(apart + count - width, 0, width);
  for (let y: usize = 0; y < height; y++) {
    store<u8>(apart + y * width, 0);
    store<u8>(apart + (y + 1) * width - 1, 0);
  }
  // All ones are no number.
  memory.fill(known, 0xff, count * 4);
  const limit = i16x8.splat(<i16>most);
  for (let y: usize = 1; y + 1 < height; y++) {
    for (let x: usize = 1; x + 1 < width; x += 8) {
      let sum = i16x8.splat(0);
      for (let line = apart + (y - 1) * width + x; line <= apart + (y + 1) * width + x; line += width) {
        sum = i16x8.add(sum, v128.load8x8_u(line - 1));
        sum = i16x8.add(sum, v128.load8x8_u(line));
        sum = i16x8.add(sum, v128.load8x8_u(line + 1));
      }
      // An edge only takes from it: what is little as it stands needs no look at edges.
      let mask = i16x8.bitmask(i16x8.gt_s(sum, limit));
      for (; mask !== 0; mask &= mask - 1) {
        const column = x + ctz(mask);
        if (column + 1 >= width) break;
        let around: f64 = 0;
        for (let line = (y - 1) * width + column; line <= (y + 1) * width + column; line += width) {
          around +=
            excess(line - 1, one, other, width, edge, apart, known) +
            excess(line, one, other, width, edge, apart, known) +
            excess(line + 1, one, other, width, edge, apart, known);
        }
        if (around > <f64>most) return true;
      }
    }
  }
  return false;
}

/** Of eight pixels, how much brighter the first plane is: 16 bits each. */
function brighter(one: usize, other: usize): v128 {
  return i16x8.sub(v128.load8x8_u(one), v128.load8x8_u(other));
}

/**
 * Whether anywhere three by three pixels of two planes are brighter or darker in sum by more than `most`, beyond the share
 * `edge` of the step around each. Two pixels along the border count as equal: they have no others around them. Behind a
 * plane stand eight bytes that are read.
 * @param columns room for two bytes a pixel of a row, and sixteen more, all zeros
 */
export function differOnTheWhole(
  one: usize,
  other: usize,
  width: usize,
  height: usize,
  most: i32,
  edge: f64,
  columns: usize,
): bool {
  const least = i16x8.splat(<i16>most);
  for (let y: usize = 0; y < height; y++) {
    // Of each column the three last rows.
    const row = y * width;
    for (let x: usize = 0; x < width; x += 8) {
      let sum = i16x8.add(v128.load(columns + x * 2), brighter(one + row + x, other + row + x));
      if (y > 2) sum = i16x8.sub(sum, brighter(one + row - 3 * width + x, other + row - 3 * width + x));
      v128.store(columns + x * 2, sum);
    }
    // The row in their middle is the one before.
    if (y < 3 || y === height - 1) continue;
    for (let x: usize = 2; x + 2 < width; x += 8) {
      const at = columns + x * 2;
      const sums = i16x8.add(i16x8.add(v128.load(at - 2), v128.load(at)), v128.load(at + 2));
      if (!v128.any_true(i16x8.gt_s(i16x8.abs(sums), least))) continue;
      for (let i: usize = x; i < min(x + 8, width - 2); i++) {
        const its = columns + i * 2;
        const apart = abs(<i32>load<i16>(its - 2) + <i32>load<i16>(its) + <i32>load<i16>(its + 2));
        if (apart <= most) continue;
        const pixel = row - width + i;
        const step = max(stepAround(one + pixel, width, 2), stepAround(other + pixel, width, 2));
        if (<f64>apart - edge * <f64>step > <f64>most) return true;
      }
    }
  }
  return false;
}
