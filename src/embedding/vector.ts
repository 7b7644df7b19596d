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

/**
 * Cosine of the signed square roots of two vectors (the Hellinger kernel; Arandjelović and Zisserman 2012, "Three things
 * everyone should know to improve object retrieval"). Few strong features weigh less, so that altered copies of one photo
 * and different photos lie further apart than by the plain cosine.
 */
export function rootCosine(a: Float32Array, b: Float32Array): number {
  let [sum, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const product = (a[i] ?? 0) * (b[i] ?? 0);
    sum += Math.sign(product) * Math.sqrt(Math.abs(product));
    ofA += Math.abs(a[i] ?? 0);
    ofB += Math.abs(b[i] ?? 0);
  }
  const length = Math.sqrt(ofA * ofB);
  return length > 0 ? sum / length : 0;
}
