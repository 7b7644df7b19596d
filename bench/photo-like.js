import { toUnitLength } from '../dist/embedding/vector.js';

/** Independent directions: about as many as embeddings of photos have (Ansuini et al., 2019, arXiv:1905.12784). */
const DIRECTIONS = 48;
/** Mean cosine of two vectors. */
const ALIKE = 0.32;

/**
 * Draws vectors that lie as photos' do, along few directions and on one side. Random ones of all dimensions are all equally
 * far from each other: no graph finds the nearest of them, and nobody seeks it.
 * @param dim of the vectors, which are of unit length
 */
export function photoLike(dim) {
  const basis = Array.from({ length: DIRECTIONS }, () => Float32Array.from({ length: dim }, normal));
  const side = Math.sqrt((DIRECTIONS * ALIKE) / (1 - ALIKE));
  const middle = Float32Array.from({ length: dim }, () => side * normal());
  return () => {
    const vector = middle.slice();
    for (const direction of basis) {
      const weight = normal();
      for (let i = 0; i < dim; i += 1) vector[i] += weight * direction[i];
    }
    return toUnitLength(vector);
  };
}

/** Box and Muller's. */
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
