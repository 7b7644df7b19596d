// Products of vectors: see src/store/milvus/products.ts, which calls it. AssemblyScript; `npm ci && npm run build` in this
// folder writes src/store/milvus/products-kernel.ts.

/**
 * The inner products of the vector at `vector` with each of `count` rows, which lie one behind the other: float64 at `output`.
 * All are float32, `dim` long, a multiple of four; summed in float64.
 */
export function products(vector: usize, rows: usize, count: usize, dim: usize, output: usize): void {
  const end = vector + dim * 4;
  let y = rows;
  for (let i: usize = 0; i < count; i++) {
    // Four sums, since each waits for its last addition.
    let low = f64x2.splat(0);
    let high = low;
    for (let x = vector; x < end; x += 16, y += 16) {
      low = f64x2.add(low, product(v128.load64_zero(x), v128.load64_zero(y)));
      high = f64x2.add(high, product(v128.load64_zero(x, 8), v128.load64_zero(y, 8)));
    }
    f64.store(output + i * 8, sumOf(low) + sumOf(high));
  }
}

function product(two: v128, others: v128): v128 {
  return f64x2.mul(f64x2.promote_low_f32x4(two), f64x2.promote_low_f32x4(others));
}

function sumOf(lanes: v128): f64 {
  return f64x2.extract_lane(lanes, 0) + f64x2.extract_lane(lanes, 1);
}
