/** One axis of a resize: output pixel `i` is a weighted sum of `counts[i]` input pixels from `starts[i]` on. */
export interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** Integers scaled by 2^22; `stride` per output pixel, of which the last ones may be unused. */
  readonly coefficients: Int32Array;
  readonly stride: number;
}

/** As in Pillow: 32 bits less 8 of the sample and 2 for overshoot. */
const UNIT = 2 ** 22;

/**
 * Weights for the output pixels `from` to `from + count` of an axis resized from `input` to `output` pixels, rounded
 * as Pillow rounds them (`precompute_coeffs` and `normalize_coeffs_8bpc` in src/libImaging/Resample.c). What is resized may
 * be a part of the input, `extent` pixels from `start` on, which need not be whole.
 */
export function taps(input: number, output: number, from: number, count: number, start = 0, extent = input): Taps {
  const scale = extent / output;
  const widening = Math.max(scale, 1);
  const support = 2 * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const coefficients = new Int32Array(count * stride);
  const weights = new Float64Array(stride);
  // Pillow multiplies by the reciprocal, and a division would round otherwise.
  const reciprocal = 1 / widening;
  for (let i = 0; i < count; i++) {
    const center = start + (from + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const taken = Math.min(input, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let t = 0; t < taken; t++) {
      const weight = cubic((t + first - center + 0.5) * reciprocal);
      weights[t] = weight;
      sum += weight;
    }
    for (let t = 0; t < taken; t++) {
      const weight = weights[t] ?? 0;
      const scaled = (sum === 0 ? weight : weight / sum) * UNIT;
      coefficients[i * stride + t] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    starts[i] = first;
    counts[i] = taken;
  }
  return { starts, counts, coefficients, stride };
}

/** Keys' cubic convolution kernel (Keys 1981) with a = -0.5, zero outside [-2, 2]. */
function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}
