import { toUnitLength } from '../dist/embedding/vector.js';

/** A random direction, all coordinates positive as after a ReLU. */
export function randomUnit(dim) {
  return toUnitLength(Float32Array.from({ length: dim }, () => Math.random()));
}
