import type { Library } from '../../store/port.ts';
import type { Remains } from './comparison.ts';
import type { LibraryReport, OnIndexEvent } from './events.ts';
import type { LibraryRow } from './outcome.ts';
import { type RowName, suspicious } from './reconcile.ts';
import type { RememberedTable } from './remembered-table.ts';
import type { Sightings } from './sightings.ts';

/**
 * Rows removed at a time, by their ids: a filter, such as a range of paths, would take along what another machine wrote there
 * meanwhile, and costs no less (bench/README.md).
 */
const BATCH = 5000;

/** What a walk did not find again of one library. */
export interface Leaving extends Readonly<Pick<Remains, 'found' | 'stored'>> {
  readonly library: Library;
  readonly report: LibraryReport;
  readonly gone: Rows;
  /** Set when another library takes this one over. */
  readonly absorbedBy?: Library;
  /** Rows that the absorbing library has made its own. */
  readonly superseded?: Rows;
}

type Rows = AsyncIterable<RowName> & { readonly length: number };

export interface RemoveDeps {
  readonly table: Pick<RememberedTable, 'remove'>;
  /** To be called before rows of a library are removed. */
  take(library: Library): Promise<void>;
  /** Forgets a library that nothing is left of. */
  drop(library: Library): Promise<void>;
  readonly sightings: Pick<Sightings, 'had' | 'forget'>;
  /** Whether what was never on this machine goes as well. */
  readonly prune: boolean;
  /** Whether other machines may have the library, too. */
  isShared(library: Library): boolean;
  readonly onEvent: OnIndexEvent;
  confirmPrune(library: Library, photos: number, reason: string): Promise<boolean>;
}

/** Rows that go without being counted as removed: their photo stands elsewhere now, or can no longer be decoded. */
interface Replaced {
  readonly moved: ReadonlyMap<string, LibraryRow>;
  readonly undecodable: readonly LibraryRow[];
  /** RAW files whose JPEG is in the index again. */
  readonly doubled: readonly LibraryRow[];
}

/**
 * The last step of a run, once everything else has succeeded: rows without a photo go.
 * @returns ids of the libraries whose rows stay though their photos are gone
 */
export async function removeGone(
  deps: RemoveDeps,
  leaving: readonly Leaving[],
  replaced: Replaced,
): Promise<ReadonlySet<string>> {
  const { moved } = replaced;
  const steps: { readonly library: Library; readonly rows: Rows; readonly lost: boolean }[] = [];
  for (const [library, rows] of byLibrary(moved.values())) steps.push({ library, rows, lost: true });
  for (const [library, rows] of byLibrary([...replaced.undecodable, ...replaced.doubled])) {
    steps.push({ library, rows, lost: false });
  }
  const kept = new Set<string>();
  const emptied: Leaving[] = [];
  for (const entry of leaving) {
    const { library, report, stored, superseded } = entry;
    const { lost, others } = await countLost(deps, entry, moved);
    if (others > 0) deps.onEvent({ kind: 'never-here', library, photos: others });
    const reason = doubt(deps, entry, { lost, moved });
    const removes = reason === null || (await deps.confirmPrune(library, lost, reason));
    if (removes) {
      steps.push({
        library,
        rows: { length: lost, [Symbol.asyncIterator]: () => lostOf(deps, entry, moved) },
        lost: true,
      });
      report.removed += lost;
    } else {
      kept.add(library.id);
      deps.onEvent({ kind: 'kept', library, photos: lost, reason });
      // What is added from here on says nothing of them: it may be another drive's.
      if (entry.found > 0 && !isProved(deps, entry, moved)) {
        for await (const batch of batches(lostOf(deps, entry, moved))) await deps.sightings.forget(library, batch);
      }
    }
    if (superseded !== undefined) steps.push({ library, rows: superseded, lost: false });
    const leaves = entry.gone.length - others + (superseded?.length ?? 0);
    if (entry.absorbedBy !== undefined && removes && leaves === stored) emptied.push(entry);
  }
  for (const { library, rows, lost } of steps) {
    if (rows.length === 0) continue;
    await deps.take(library);
    for await (const batch of batches(rows)) {
      await deps.table.remove(library.id, batch);
      if (lost) await deps.sightings.forget(library, batch);
    }
  }
  for (const { library, absorbedBy } of emptied) {
    await deps.drop(library);
    if (absorbedBy !== undefined) deps.onEvent({ kind: 'absorbed', library, into: absorbedBy });
  }
  return kept;
}

/** Why what is lost should not go unasked; null when it may. */
export function doubt(
  deps: Pick<RemoveDeps, 'isShared'>,
  entry: Pick<Leaving, 'library' | 'gone' | 'stored' | 'found'>,
  { lost, moved }: { readonly lost: number; readonly moved: ReadonlyMap<string, LibraryRow> },
): string | null {
  const { stored, found } = entry;
  return suspicious({ lost, stored, found, proved: isProved(deps, entry, moved) });
}

/** Whether one of the photos that were stored is there; true of what no other machine has. */
function isProved(
  { isShared }: Pick<RemoveDeps, 'isShared'>,
  { library, gone, stored }: Pick<Leaving, 'library' | 'gone' | 'stored'>,
  moved: ReadonlyMap<string, LibraryRow>,
): boolean {
  const isMet = (): boolean => [...moved.values()].some((row) => row.library.id === library.id);
  return !isShared(library) || stored > gone.length || isMet();
}

interface LostDeps {
  readonly sightings: Pick<Sightings, 'had'>;
  readonly prune: boolean;
}

/** How many rows are gone and have not moved: those whose files were here, and others. */
export async function countLost(
  deps: LostDeps,
  leaving: Pick<Leaving, 'library' | 'gone'>,
  moved: ReadonlyMap<string, unknown>,
): Promise<{ readonly lost: number; readonly others: number }> {
  let [lost, others] = [0, 0];
  for await (const row of leaving.gone) {
    if (moved.has(row.id)) continue;
    if (await wasHere(deps, leaving.library, row)) lost += 1;
    else others += 1;
  }
  return { lost, others };
}

async function wasHere({ sightings, prune }: LostDeps, library: Library, { path }: RowName): Promise<boolean> {
  return prune || (await sightings.had(library, path));
}

async function* lostOf(
  deps: LostDeps,
  { library, gone }: Pick<Leaving, 'library' | 'gone'>,
  moved: ReadonlyMap<string, unknown>,
): AsyncGenerator<RowName> {
  for await (const row of gone) {
    if (!moved.has(row.id) && (await wasHere(deps, library, row))) yield row;
  }
}

function byLibrary(all: Iterable<LibraryRow>): Map<Library, Rows> {
  const rows = new Map<Library, RowName[]>();
  for (const row of all) {
    const some = rows.get(row.library) ?? [];
    rows.set(row.library, some);
    some.push(row);
  }
  return new Map([...rows].map(([library, some]) => [library, toRows(some)]));
}

function toRows(rows: readonly RowName[]): Rows {
  return {
    length: rows.length,
    async *[Symbol.asyncIterator]() {
      yield* rows;
    },
  };
}

async function* batches(rows: AsyncIterable<RowName>): AsyncGenerator<RowName[]> {
  let batch: RowName[] = [];
  for await (const row of rows) {
    if (batch.push(row) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
