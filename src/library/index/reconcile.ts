import { FACTS_VERSION } from '../../photos/facts.ts';
import type { FoundFile } from '../../photos/walk.ts';
import type { Library, StoredPhoto } from '../../store/port.ts';
import { inside, isBelow } from '../paths.ts';

/** A file that has to be read: new, not as it was, or read by a version of curate that kept less. */
export interface Candidate {
  readonly found: FoundFile;
  /** The row under the same path; null when the path is new. */
  readonly before: StoredPhoto | null;
}

export interface Plan {
  readonly unchanged: number;
  /** In order of path. */
  readonly candidates: readonly Candidate[];
  /** Rows whose file was not found, in a place that was really looked at. */
  readonly gone: readonly StoredPhoto[];
  /** How many rows there are in all. */
  readonly stored: number;
  /** Rows of `watched` paths, by path. */
  readonly watched: ReadonlyMap<string, StoredPhoto>;
}

export interface Looked {
  /** The folder that was walked, relative; "" for the whole library. */
  readonly folder: string;
  readonly found: readonly FoundFile[];
  /** Relative paths (files or folders) that could not be looked at: what is stored below them stays. */
  readonly unseen: readonly string[];
  /** Relative paths of files that are there and stand for no photo of their own: they are not gone. */
  readonly watched: ReadonlySet<string>;
}

/**
 * What a run has to do for one library: pure, from what is on disk and what is stored. Of the rows, in whatever order
 * they come, only those are kept that something has to be done for.
 */
export async function reconcile(looked: Looked, rows: AsyncIterable<StoredPhoto>): Promise<Plan> {
  const { folder, unseen, watched } = looked;
  let [unchanged, stored] = [0, 0];
  const candidates: Candidate[] = [];
  const gone: StoredPhoto[] = [];
  const beside = new Map<string, StoredPhoto>();
  /** By path; null when its row has come. */
  const found = new Map<string, FoundFile | null>(looked.found.map((file) => [file.path, file]));
  for await (const row of rows) {
    stored += 1;
    const { path } = row;
    const file = found.get(path);
    if (watched.has(path)) beside.set(path, row);
    else if (file === undefined) {
      if (isBelow(path, folder) && !unseen.some((place) => isBelow(path, place))) gone.push(row);
    } else if (file !== null) {
      found.set(path, null);
      if (isUnchanged(file, row)) unchanged += 1;
      else candidates.push({ found: file, before: row });
    }
  }
  for (const file of found.values()) if (file !== null) candidates.push({ found: file, before: null });
  candidates.sort((a, b) => (a.found.path < b.found.path ? -1 : 1));
  return { unchanged, candidates, gone, stored, watched: beside };
}

/** Whether a file need not be opened: it is as it was, and all is known of it that this version of curate reads. */
export function isUnchanged(found: FoundFile, before: StoredPhoto): boolean {
  return isSameFile(found, before) && before.facts >= FACTS_VERSION;
}

/** Whether a file is as it was when it was read last. */
export function isSameFile(found: FoundFile, before: StoredPhoto): boolean {
  return before.size === found.size && before.mtimeMs === found.mtimeMs;
}

/** From this many photos on, a run that would remove more than half of them asks first. */
const SMALL_LIBRARY = 50;

/** Why removing `gone` of `stored` photos looks like a drive that is away rather than a tidied folder; null when it does not. */
export function suspicious(gone: number, stored: number, found: number): string | null {
  if (gone === 0) return null;
  if (found === 0) return 'the folder is empty now';
  if (stored >= SMALL_LIBRARY && gone > stored / 2) return `${gone} of ${stored} photos are not there any more`;
  return null;
}

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
