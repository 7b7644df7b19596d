import { hashFile } from '../../files/hash.ts';
import type { Library } from '../../store/port.ts';
import { photoFile } from '../paths.ts';
import type { OnIndexEvent } from './events.ts';
import type { KnownPhotos } from './known.ts';
import { countFresh, countKnown, type Job, type Moved } from './outcome.ts';
import { isSameFile } from './reconcile.ts';
import { countLost, doubt, type Leaving } from './remove-gone.ts';
import type { Sightings } from './sightings.ts';

/**
 * Fills the reports with what a run would do, without decoding or storing anything. Only files as large as an
 * indexed one are read, since only they can be a moved or touched photo. Whether a photo can be decoded shows in a run.
 */
export async function preview(
  jobs: AsyncIterable<Job>,
  leaving: readonly Leaving[],
  deps: {
    readonly known: KnownPhotos;
    readonly sightings: Pick<Sightings, 'had'>;
    readonly prune: boolean;
    isShared(library: Library): boolean;
    readonly onEvent: OnIndexEvent;
  },
): Promise<void> {
  const { known, onEvent } = deps;
  const moved: Moved = new Map();
  for await (const job of jobs) {
    if (job.before !== null && isSameFile(job.found, job.before)) {
      job.report.unchanged += 1;
      continue;
    }
    const { size } = job.found;
    const sha256 = (await known.hasSize(size)) ? await hashFile(photoFile(job.library, job.found.path)) : null;
    if (sha256 !== null && (await known.has({ sha256, size }))) await countKnown(job, sha256, known, moved);
    else countFresh(job);
  }
  for (const entry of leaving) {
    const { library, report } = entry;
    const { lost, others } = await countLost(deps, entry, moved);
    if (others > 0) onEvent({ kind: 'never-here', library, photos: others });
    const reason = doubt(deps, entry, { lost, moved });
    if (reason === null) report.removed += lost;
    else onEvent({ kind: 'kept', library, photos: lost, reason });
    report.photos =
      report.unchanged + report.updated + report.added + report.moved + (reason === null ? 0 : lost) + others;
  }
}
