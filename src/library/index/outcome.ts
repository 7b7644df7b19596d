import type { Library, StoredPhoto } from '../../store/port.ts';
import { photoFile } from '../paths.ts';
import type { LibraryReport } from './events.ts';
import type { KnownPhoto, KnownPhotos } from './known.ts';
import type { Candidate } from './reconcile.ts';

/** A file to be read, and where it counts. */
export interface Job extends Candidate {
  readonly library: Library;
  readonly report: LibraryReport;
  /** Files of the same photo, of which the first that can be read is taken should this one not be. */
  readonly standIns?: readonly Job[];
}

/** Counts a photo whose content has no vector yet. */
export function countFresh({ before, report }: Job): void {
  if (before === null) report.added += 1;
  else report.updated += 1;
}

/**
 * Counts a photo whose content already has a vector and returns the row to take it from: the photo's own (it was only
 * touched), else one whose file has left its place (it moved), else any with this content (a copy).
 * @param moved Ids of rows already claimed by a move; grows.
 */
export async function countKnown(
  job: Job,
  sha256: string,
  known: KnownPhotos,
  moved: Set<string>,
): Promise<StoredPhoto> {
  if (job.before?.sha256 === sha256) {
    job.report.unchanged += 1;
    return job.before;
  }
  const sources = known.withHash(sha256);
  const mover = await findMover(job, sources, known, moved);
  if (mover === null) {
    countFresh(job);
    const [copy] = sources;
    if (copy === undefined) throw new Error(`no row has the content ${sha256} that was known to exist`);
    return copy.photo;
  }
  if (job.before === null) job.report.moved += 1;
  else job.report.updated += 1;
  return mover.photo;
}

/** Claims it: a photo that left moved to one place, and is copied to others. */
async function findMover(
  { library, found }: Job,
  sources: readonly KnownPhoto[],
  known: KnownPhotos,
  moved: Set<string>,
): Promise<KnownPhoto | null> {
  const here = photoFile(library, found.path);
  for (const source of sources) {
    if (moved.has(source.photo.id)) continue;
    // The same file under another library is one that this library is taking over.
    const left = photoFile(source.library, source.photo.path) === here || (await known.hasLeft(source));
    // Another lane may have claimed it meanwhile.
    if (!left || moved.has(source.photo.id)) continue;
    moved.add(source.photo.id);
    return source;
  }
  return null;
}
