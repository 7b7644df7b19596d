/**
 * Scales to unit length, in place, summing in float64.
 * @throws RangeError when the vector has no direction or holds what is no number: the model is broken, not the photo.
 */
export function toUnitLength(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (!(length > 0 && Number.isFinite(length))) throw new RangeError(`the model gave a vector of length ${length}`);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
  return vector;
}

/** Cosine similarity of two vectors of unit length. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** Those of a vector with others, as `cosine` gives them: four sums side by side, as each waits for itself. */
export function cosines(a: Float32Array, others: readonly Float32Array[]): number[] {
  const found: number[] = [];
  let at = 0;
  for (; at + 4 <= others.length; at += 4) {
    const [b, c, d, e] = others.slice(at, at + 4) as [Float32Array, Float32Array, Float32Array, Float32Array];
    let [p, q, r, s] = [0, 0, 0, 0];
    for (let i = 0; i < a.length; i += 1) {
      const its = a[i] as number;
      p += its * (b[i] as number);
      q += its * (c[i] as number);
      r += its * (d[i] as number);
      s += its * (e[i] as number);
    }
    found.push(p, q, r, s);
  }
  for (; at < others.length; at += 1) found.push(cosine(a, others[at] as Float32Array));
  return found;
}

/**
 * Cosine of the signed square roots of two vectors (the Hellinger kernel; Arandjelović and Zisserman 2012, "Three things
 * everyone should know to improve object retrieval"). Few strong features weigh less, so that altered copies of one photo
 * and different photos lie further apart than by the plain cosine.
 */
export function rootCosine(a: Float32Array, b: Float32Array): number {
  return cosine(rootsOf(a), rootsOf(b));
}

/** A vector is compared with many others: its roots are drawn once, and forgotten with it. */
const roots = new WeakMap<Float32Array, Float32Array>();

/** Signed square roots, of unit length: their cosine is the root cosine. All zeros for all zeros. */
export function rootsOf(vector: Float32Array): Float32Array {
  const known = roots.get(vector);
  if (known !== undefined) return known;
  const length = rootLength(vector);
  const drawn = new Float32Array(vector.length);
  for (let i = 0; i < drawn.length; i += 1) drawn[i] = signedRoot(vector[i] as number) / length;
  roots.set(vector, drawn);
  return drawn;
}

/** Of the signed square roots; 1 for all zeros, which stay so. */
function rootLength(vector: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i += 1) sum += Math.abs(vector[i] as number);
  return Math.sqrt(sum) || 1;
}

function signedRoot(value: number): number {
  return value < 0 ? -Math.sqrt(-value) : Math.sqrt(value);
}
