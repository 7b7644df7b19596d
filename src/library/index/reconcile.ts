import { FACTS_VERSION } from '../../photos/facts.ts';
import type { FoundFile } from '../../photos/walk.ts';
import type { StoredPhoto } from '../../store/port.ts';

/** A file that has to be read: new, not as it was, or read by a version of curate that kept less. */
export interface Candidate {
  readonly found: FoundFile;
  /** The row under the same path; null when the path is new. */
  readonly before: StoredPhoto | null;
}

/** Names a row, to remove it. */
export type RowName = Pick<StoredPhoto, 'id' | 'path'>;

export interface Plan {
  readonly unchanged: number;
  /** In order of path. */
  readonly candidates: readonly Candidate[];
  /** Rows whose file was not found. */
  readonly missing: readonly StoredPhoto[];
  /** Rows of `watched` paths, by path. */
  readonly watched: ReadonlyMap<string, StoredPhoto>;
}

/**
 * What a run has to do for one folder: pure, from what is on disk and what is stored, in whatever order.
 * @param watched paths of files that are there and stand for no photo of their own: they are not missing
 */
export function reconcile(
  files: readonly FoundFile[],
  watched: ReadonlySet<string>,
  rows: readonly StoredPhoto[],
): Plan {
  let unchanged = 0;
  const candidates: Candidate[] = [];
  const missing: StoredPhoto[] = [];
  const beside = new Map<string, StoredPhoto>();
  /** By path; null when its row has come. */
  const found = new Map<string, FoundFile | null>(files.map((file) => [file.path, file]));
  for (const row of rows) {
    const { path } = row;
    const file = found.get(path);
    if (watched.has(path)) beside.set(path, row);
    else if (file === undefined) missing.push(row);
    else if (file !== null) {
      found.set(path, null);
      if (isUnchanged(file, row)) unchanged += 1;
      else candidates.push({ found: file, before: row });
    }
  }
  for (const file of found.values()) if (file !== null) candidates.push({ found: file, before: null });
  candidates.sort((a, b) => (a.found.path < b.found.path ? -1 : 1));
  return { unchanged, candidates, missing, watched: beside };
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

/** A library's photos of which some would go. */
interface Losses {
  /** Would go. */
  readonly lost: number;
  readonly stored: number;
  /** In the folder now, whatever they are. */
  readonly found: number;
  /** Whether one of those that were stored is there, under its own path or another; true of what no other machine has. */
  readonly proved: boolean;
}

/** Why it looks like a drive that is away, or another one in its place, rather than a tidied folder; null when it does not. */
export function suspicious({ lost, stored, found, proved }: Losses): string | null {
  if (lost === 0) return null;
  if (found === 0) return 'the folder is empty now';
  if (!proved && lost > 1) return 'none of its photos is there any more, but others are';
  if (stored >= SMALL_LIBRARY && lost > stored / 2) return `${lost} of ${stored} photos are not there any more`;
  return null;
}
