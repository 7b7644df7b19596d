import type { FoundFile } from '../../photos/walk.ts';
import type { Library, StoredPhoto } from '../../store/port.ts';
import { inside } from '../scope.ts';
import { isBelow } from './reconcile.ts';

export interface Absorbed {
  readonly library: Library;
  /** Rows whose file the outer walk found: the outer library has them now. */
  readonly superseded: readonly StoredPhoto[];
  /** Rows whose file was not found, in a place that was looked at. */
  readonly gone: readonly StoredPhoto[];
  /** Files the walk found in the inner library's folder. */
  readonly found: number;
}

/** What becomes of a library when another, whose root contains its own, was walked. Pure. */
export function absorb(
  outer: Library,
  inner: Library,
  rows: Iterable<StoredPhoto>,
  walked: { readonly files: readonly FoundFile[]; readonly unseen: readonly string[] },
): Absorbed {
  const prefix = inside(outer.root, inner.root) ?? '';
  const found = new Set(walked.files.map(({ path }) => path).filter((path) => isBelow(path, prefix)));
  const superseded: StoredPhoto[] = [];
  const gone: StoredPhoto[] = [];
  for (const row of rows) {
    const path = prefix === '' ? row.path : `${prefix}/${row.path}`;
    if (found.has(path)) superseded.push(row);
    else if (!walked.unseen.some((place) => isBelow(path, place))) gone.push(row);
  }
  return { library: inner, superseded, gone, found: found.size };
}
