import { basename } from 'node:path/posix';
import { rawCompanions } from '../../photos/kinds.ts';
import type { FoundFile } from '../../photos/walk.ts';
import { photoFile, photoId } from '../paths.ts';
import type { Job, LibraryRow } from './outcome.ts';
import type { Candidate } from './reconcile.ts';

export interface Paired {
  /** Files that stand for themselves. */
  readonly files: readonly FoundFile[];
  /** RAW files by the path of the JPEG or HEIC beside them: the two are one photo, and that stands for both. */
  readonly raws: ReadonlyMap<string, readonly FoundFile[]>;
}

export function onePerPhoto(found: readonly FoundFile[]): Paired {
  const pairs = rawCompanions(found.map(({ path }) => path));
  const raws = new Map<string, FoundFile[]>();
  for (const file of found) {
    const standing = pairs.get(file.path);
    if (standing !== undefined) raws.set(standing, [...(raws.get(standing) ?? []), file]);
  }
  return { files: found.filter(({ path }) => !pairs.has(path)), raws };
}

/** The RAW files as jobs, to be done where what stands for them cannot be read; by its path. */
export function companionJobs(
  raws: ReadonlyMap<string, readonly Candidate[]>,
  place: Pick<Job, 'library' | 'report'>,
): Map<string, Job[]> {
  return new Map([...raws].map(([standing, files]) => [standing, files.map((file) => ({ ...file, ...place }))]));
}

/** Mentions the RAW files that were not taken and returns their rows, from a time when they were. */
export function leaveRaws(companions: ReadonlyMap<string, readonly Job[]>, taken: ReadonlySet<string>): LibraryRow[] {
  const rows: LibraryRow[] = [];
  for (const [standing, jobs] of companions) {
    for (const { library, report, found, before } of jobs) {
      if (taken.has(photoId(library.id, found.path))) continue;
      report.skipped.push({ path: photoFile(library, found.path), reason: `RAW of ${basename(standing)}` });
      if (before !== null) rows.push({ library, id: before.id, path: before.path });
    }
  }
  return rows;
}
