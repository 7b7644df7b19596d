// The Laplacians that src/photos/sharpness.ts compares, four cells at a time; it calls this.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/photos/sharpness-kernel.ts.
//
// A cell is two by two pixels. Luma is kept a thousandfold and the sum of a diagonal is not halved, so that all are whole
// numbers; the sums of a row fit 64 bits.

/** Rec. 601, a thousandfold, of four pixels: the reds and greens, then the blues, each beside one that does not count. */
function luma(pixels: v128): v128 {
  return i32x4.add(
    i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(pixels), i16x8(299, 587, 299, 587, 299, 587, 299, 587)),
    i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(pixels), i16x8(114, 0, 114, 0, 114, 0, 114, 0)),
  );
}

/** Of eight pixels the first, third, fifth and seventh. */
function even(row: usize): v128 {
  const low = v128.load(row);
  const high = v128.load(row, 8);
  return luma(i8x16.shuffle(low, high, 0, 1, 6, 7, 12, 13, 26, 27, 2, 2, 8, 8, 14, 14, 28, 28));
}

/** The second, fourth, sixth and eighth. */
function odd(row: usize): v128 {
  const low = v128.load(row);
  const high = v128.load(row, 8);
  return luma(i8x16.shuffle(low, high, 3, 4, 9, 10, 15, 24, 29, 30, 5, 5, 11, 11, 25, 25, 31, 31));
}

/** The sums of one diagonal of `cells` cells to `ones`, of the other to `others`; a few too many are written. */
function diagonals(upper: usize, lower: usize, cells: usize, ones: usize, others: usize): void {
  for (let x: usize = 0; x < cells; x += 4, upper += 24, lower += 24) {
    v128.store(ones + x * 4, i32x4.add(even(upper), odd(lower)));
    v128.store(others + x * 4, i32x4.add(odd(upper), even(lower)));
  }
}

/** Of four cells, whose neighbours stand `across` bytes before and behind them. */
function laplacian(at: usize, across: usize): v128 {
  const sides = i32x4.add(v128.load(at - 4), v128.load(at, 4));
  const neighbours = i32x4.add(sides, i32x4.add(v128.load(at - across), v128.load(at + across)));
  return i32x4.sub(neighbours, i32x4.shl(v128.load(at), 2));
}

function product(a: v128, b: v128): v128 {
  return i64x2.add(i64x2.extmul_low_i32x4_s(a, b), i64x2.extmul_high_i32x4_s(a, b));
}

function addTo(at: usize, sum: v128): void {
  store<f64>(at, load<f64>(at) + <f64>(i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1)));
}

/**
 * Adds the inner cells of the middle one of three rows to `sums`, f64[4]: of both Laplacians, of their products, and of
 * the squares of their differences.
 * @param pixels six rows of RGB, `rowBytes` from one to the next
 * @param planes room for three times two rows of `planeBytes`, which hold `cells` numbers of 32 bits and eight more
 */
export function addRow(
  pixels: usize,
  rowBytes: usize,
  cells: usize,
  planes: usize,
  planeBytes: usize,
  sums: usize,
): void {
  const others = planes + 3 * planeBytes;
  for (let row: usize = 0; row < 3; row++) {
    const upper = pixels + 2 * row * rowBytes;
    diagonals(upper, upper + rowBytes, cells, planes + row * planeBytes, others + row * planeBytes);
  }
  const last = i32x4.splat(<i32>cells - 1);
  const four = i32x4.splat(4);
  let x = i32x4(1, 2, 3, 4);
  const zero = i64x2.splat(0);
  const one = i32x4.splat(1);
  let first = zero;
  let second = zero;
  let products = zero;
  let differences = zero;
  for (let at: usize = 4; at < (cells - 1) * 4; at += 16) {
    const inner = i32x4.lt_s(x, last);
    const a = v128.and(laplacian(planes + planeBytes + at, planeBytes), inner);
    const b = v128.and(laplacian(others + planeBytes + at, planeBytes), inner);
    const difference = i32x4.sub(a, b);
    first = i64x2.add(first, product(a, one));
    second = i64x2.add(second, product(b, one));
    products = i64x2.add(products, product(a, b));
    differences = i64x2.add(differences, product(difference, difference));
    x = i32x4.add(x, four);
  }
  addTo(sums, first);
  addTo(sums + 8, second);
  addTo(sums + 16, products);
  addTo(sums + 24, differences);
}
