import type { Library, PhotoTable, StoredPhoto } from '../../store/port.ts';
import { removeIds } from '../rows.ts';
import type { LibraryRow } from './companions.ts';
import type { LibraryReport, OnIndexEvent } from './events.ts';
import type { KnownPhotos } from './known.ts';
import { suspicious } from './reconcile.ts';
import type { Sightings } from './sightings.ts';

/** What a walk did not find again of one library. */
export interface Leaving {
  readonly library: Library;
  readonly report: LibraryReport;
  readonly gone: readonly StoredPhoto[];
  /** Files the walk found, and rows the library had, to judge by whether a drive is away. */
  readonly found: number;
  readonly stored: number;
  /** Set when another library takes this one over. */
  readonly absorbedBy?: Library;
  /** Rows that the absorbing library has made its own. */
  readonly superseded?: readonly StoredPhoto[];
}

interface RemoveDeps {
  readonly table: Pick<PhotoTable, 'remove'>;
  /** To be called before rows of a library are removed. */
  take(library: Library): Promise<void>;
  /** Forgets a library that nothing is left of. */
  drop(library: Library): Promise<void>;
  readonly sightings: Pick<Sightings, 'had' | 'forget'>;
  /** Whether what was never on this machine goes as well. */
  readonly prune: boolean;
  readonly onEvent: OnIndexEvent;
  confirmPrune(library: Library, photos: number, reason: string): Promise<boolean>;
}

/** Rows that go without being counted as removed: their photo stands elsewhere now, or can no longer be decoded. */
interface Replaced {
  readonly moved: ReadonlySet<string>;
  readonly undecodable: ReadonlySet<string>;
  /** RAW files whose JPEG is in the index again. */
  readonly doubled: readonly LibraryRow[];
  /** Says of which library a row is that moved or can no longer be decoded. */
  readonly known: KnownPhotos;
}

/** The last step of a run, once everything else has succeeded: rows without a photo go. */
export async function removeGone(deps: RemoveDeps, leaving: readonly Leaving[], replaced: Replaced): Promise<void> {
  const leavers = new Map<Library, Set<string>>();
  const leave = (library: Library, ids: Iterable<string>): void => {
    const some = leavers.get(library) ?? new Set();
    leavers.set(library, some);
    for (const id of ids) some.add(id);
  };
  for (const { library, ids } of replaced.known.byLibrary(new Set([...replaced.moved, ...replaced.undecodable]))) {
    leave(library, ids);
  }
  for (const { library, id } of replaced.doubled) leave(library, [id]);
  const emptied: Leaving[] = [];
  const forgotten = new Map<Library, readonly StoredPhoto[]>();
  for (const entry of leaving) {
    const { library, report, found, stored } = entry;
    const { lost, others } = await lostOf(deps, entry, replaced.moved);
    if (others > 0) deps.onEvent({ kind: 'never-here', library, photos: others });
    const reason = suspicious(lost.length, stored, found);
    const removes = reason === null || (await deps.confirmPrune(library, lost.length, reason));
    if (removes) {
      leave(
        library,
        lost.map(({ id }) => id),
      );
      report.removed += lost.length;
      forgotten.set(library, lost);
    } else {
      deps.onEvent({ kind: 'kept', library, photos: lost.length, reason });
    }
    leave(library, entry.superseded?.map(({ id }) => id) ?? []);
    const leaves = entry.gone.length - others + (entry.superseded?.length ?? 0);
    if (entry.absorbedBy !== undefined && removes && leaves === stored) emptied.push(entry);
  }
  for (const [library, ids] of leavers) {
    if (ids.size === 0) continue;
    await deps.take(library);
    await removeIds(deps.table, [...ids]);
    await deps.sightings.forget(library, forgotten.get(library) ?? []);
  }
  for (const { library, absorbedBy } of emptied) {
    await deps.drop(library);
    if (absorbedBy !== undefined) deps.onEvent({ kind: 'absorbed', library, into: absorbedBy });
  }
}

/** Rows that are gone and have not moved: those whose files were here, and how many others there are. */
export async function lostOf(
  { sightings, prune }: { readonly sightings: Pick<Sightings, 'had'>; readonly prune: boolean },
  { library, gone }: Pick<Leaving, 'library' | 'gone'>,
  moved: ReadonlySet<string>,
): Promise<{ readonly lost: readonly StoredPhoto[]; readonly others: number }> {
  const left = gone.filter(({ id }) => !moved.has(id));
  const lost: StoredPhoto[] = [];
  for (const photo of left) if (prune || (await sightings.had(library, photo.path))) lost.push(photo);
  return { lost, others: left.length - lost.length };
}
