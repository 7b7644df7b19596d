import type { Library, StoredPhoto } from '../../store/port.ts';
import { photoFile } from '../paths.ts';
import type { LibraryReport } from './events.ts';
import type { KnownPhotos } from './known.ts';
import type { Candidate, RowName } from './reconcile.ts';

/** A file to be read, and where it counts. */
export interface Job extends Candidate {
  readonly library: Library;
  readonly report: LibraryReport;
  /** Files of the same photo, of which the first that can be read is taken should this one not be. */
  readonly standIns?: readonly Job[];
}

/** A row and the library it is in. */
export interface LibraryRow extends RowName {
  readonly library: Library;
}

/** Counts a photo whose content has no vector yet. */
export function countFresh({ before, report }: Job): void {
  if (before === null) report.added += 1;
  else report.updated += 1;
}

/** Rows whose photo was found again elsewhere, by id. */
export type Moved = Map<string, LibraryRow>;

/**
 * Counts a photo whose content already has a vector and returns the row to take it from: the photo's own (it was only
 * touched), else one whose file has left its place (it moved), else any with this content (a copy).
 * @param moved those already claimed by a move; grows
 */
export async function countKnown(job: Job, sha256: string, known: KnownPhotos, moved: Moved): Promise<StoredPhoto> {
  if (job.before?.sha256 === sha256) {
    job.report.unchanged += 1;
    return job.before;
  }
  const { mover, copy } = await findSource(job, sha256, known, moved);
  if (mover === null) {
    countFresh(job);
    if (copy === null) throw new Error(`no row has the content ${sha256} that was known to exist`);
    return copy;
  }
  if (job.before === null) job.report.moved += 1;
  else job.report.updated += 1;
  return mover;
}

/** Claims it where it moved: a photo that left moved to one place, and is copied to others. */
async function findSource(
  { library, found }: Job,
  sha256: string,
  known: KnownPhotos,
  moved: Moved,
): Promise<{ readonly mover: StoredPhoto | null; readonly copy: StoredPhoto | null }> {
  const here = photoFile(library, found.path);
  let copy: StoredPhoto | null = null;
  for await (const source of known.with({ sha256, size: found.size })) {
    const { id, path } = source.photo;
    copy ??= source.photo;
    if (moved.has(id)) continue;
    // The same file under another library is one that this library is taking over.
    const left = photoFile(source.library, path) === here || (await known.hasLeft(source, library));
    // Another lane may have claimed it meanwhile.
    if (!left || moved.has(id)) continue;
    moved.set(id, { library: source.library, id, path });
    return { mover: source.photo, copy };
  }
  return { mover: null, copy };
}
