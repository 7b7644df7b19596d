import type { Classifier } from '../../embedding/classifier/classifier.ts';
import { cosine } from '../../embedding/vector.ts';

/** More cost a search each and find hardly more: see bench/README.md. */
const DIRECTIONS = 4;
const ROUNDS = 8;

/**
 * Where to search a store for candidates for a word: at most `limit` directions of unit length, each that of a group
 * of the word's classes which are alike. One direction between classes that differ finds neither well.
 *
 * Groups by k-means on the sphere (Dhillon and Modha 2001), from the class that is most like all and then always the
 * one that is least like those chosen before: no chance in it.
 */
export function directionsOf(classes: readonly number[], classifier: Classifier, limit = DIRECTIONS): Float32Array[] {
  const rows = classes.map((index) => ({ index, row: classifier.direction([index]) }));
  if (rows.length <= limit) return rows.map(({ row }) => row);
  let centres = firstCentres(
    classifier.direction(classes),
    rows.map(({ row }) => row),
    limit,
  );
  let before = '';
  for (let round = 0; round < ROUNDS; round++) {
    const groups = centres.map((): number[] => []);
    for (const { index, row } of rows) groups[nearest(row, centres)]?.push(index);
    const now = groups.join(';');
    if (now === before) break;
    before = now;
    centres = groups.filter((group) => group.length > 0).map((group) => classifier.direction(group));
  }
  return centres;
}

function firstCentres(middle: Float32Array, rows: readonly Float32Array[], count: number): Float32Array[] {
  const centres: Float32Array[] = [];
  // How much like the nearest centre each row is; to begin with, how little it is like the middle.
  let likeness = rows.map((row) => -cosine(row, middle));
  while (centres.length < count) {
    const next = rows[likeness.indexOf(Math.min(...likeness))] as Float32Array;
    const first = centres.length === 0;
    centres.push(next);
    likeness = rows.map((row, i) => Math.max(first ? -1 : (likeness[i] ?? 0), cosine(row, next)));
  }
  return centres;
}

function nearest(row: Float32Array, centres: readonly Float32Array[]): number {
  const likeness = centres.map((centre) => cosine(row, centre));
  return likeness.indexOf(Math.max(...likeness));
}
