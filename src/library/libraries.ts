import { UserError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import type { Lease, Library, PhotoIndex, PhotoStore } from '../store/port.ts';
import type { World } from '../world.ts';
import { holdIndex } from './index/lock.ts';
import { type LeasePace, Leases } from './lease.ts';
import type { Machine } from './machine.ts';
import { countStrays, findStrays, removeStrays } from './orphans.ts';
import { inside, isMounted } from './paths.ts';
import { demandProof, namedLibrary, realFolder } from './scopes.ts';
import type { Session } from './session.ts';

export interface LibraryState extends Library {
  /** In the table at hand. */
  readonly photos: number;
  /** False while the drive it is on is away, and where this machine does not have it. */
  readonly available: boolean;
}

/** A lease that ran out so long ago, by clocks that may differ, was left by a run that was killed. */
const LEFT_MS = 60_000;

/**
 * Every library, with how many photos it has and whether its folder is there.
 * @param now milliseconds since 1970
 */
export async function listLibraries({ store, table }: PhotoIndex, now: number): Promise<LibraryState[]> {
  const libraries = await store.libraries();
  return Promise.all(
    libraries.map(async ({ lease, ...rest }) => {
      const library = lease === undefined || lease.until < now - LEFT_MS ? rest : { ...rest, lease };
      const [photos, available] = await Promise.all([
        table.count(library.id),
        isMounted(library) && exists(library.root),
      ]);
      return { ...library, photos, available };
    }),
  );
}

/** The library that `wanted`, a root, a name or an id, means. @throws UserError when there is none, or are several */
export function findLibrary(libraries: readonly Library[], wanted: string, absolute: string): Library {
  const found =
    libraries.find(({ root }) => root === absolute) ??
    namedLibrary(libraries, wanted) ??
    libraries.find(({ id }) => id === wanted);
  if (found !== undefined) return found;
  throw new UserError('library_unknown', `No library has the root or the name ${wanted}.`, {
    hint: 'See them all: curate library list',
  });
}

/**
 * Points this machine to the place where it has a library now; nothing is embedded again, and other machines notice
 * nothing.
 * @throws UserError `library_overlap`, and `library_unproved` when the library's photos are not there
 */
export async function relocate(
  index: PhotoIndex,
  machine: Pick<Machine, 'keep'>,
  library: Library,
  folder: string,
): Promise<Library> {
  const root = await realFolder(folder);
  for (const other of await index.store.libraries()) {
    if (other.id === library.id) continue;
    if (inside(other.root, root) === null && inside(root, other.root) === null) continue;
    throw new UserError('library_overlap', `${root} overlaps the library ${other.name} (${other.root}).`, {
      hint: `Remove that one first (curate library remove ${other.name}), or name another folder.`,
    });
  }
  await demandProof(index, library, root);
  await machine.keep(library.id, root);
  return { ...library, root };
}

/**
 * Forgets a library, which is held, and takes its rows out of every model's index; returns how many there were.
 * Killed midway, it leaves a library whose rows are listed by the next run that indexes it.
 */
export async function removeLibrary(
  store: PhotoStore,
  library: Library,
  leases: Pick<Leases, 'changing'>,
): Promise<number> {
  let removed = 0;
  for (const { model } of await store.models()) {
    const table = store.table(model);
    const rows = await table.count(library.id);
    if (rows === 0) continue;
    await leases.changing(library.id, { name: library.model ?? model.id, sha256: model.sha256 });
    await table.removeLibrary(library.id);
    removed += rows;
  }
  await store.removeLibrary(library.id);
  return removed;
}

/** How a person names a library: by its name, or by its root. */
export interface LibraryName {
  readonly name: string;
  /** The same text taken as a path, absolute. */
  readonly root: string;
}

export interface ChangeDeps {
  readonly world: Pick<World, 'pid' | 'hostname' | 'now' | 'elapsed'>;
  readonly session: Session;
  /** Ends the waiting for an index run; what was begun is finished. */
  readonly signal: AbortSignal;
  /** Called once when an index run is under way, which is waited for; by whom, when it is another machine's. */
  onWait(lease: Lease | null): void;
  readonly pace?: LeasePace;
}

/** `relocate`, while no index run is under way here. @param folder absolute */
export function relocateLibrary(
  deps: ChangeDeps,
  wanted: LibraryName,
  folder: string,
): Promise<{ readonly library: Library; readonly from: string }> {
  return changeLibrary(deps, wanted, async (index, library) => {
    return { library: await relocate(index, deps.session.machine, library, folder), from: library.root };
  });
}

/**
 * `removeLibrary`, while no index run is under way here or on another machine.
 * @param confirm asked before a library is removed that this machine does not have, and others may
 * @throws UserError `not_confirmed` (refused)
 */
export function forgetLibrary(
  deps: ChangeDeps,
  wanted: LibraryName,
  confirm: (library: Library) => Promise<boolean>,
): Promise<{ readonly library: Library; readonly removed: number }> {
  return changeLibrary(deps, wanted, async ({ store }, library) => {
    if (!isMounted(library) && !(await confirm(library))) {
      throw new UserError('not_confirmed', `${library.name} is not on this machine; nothing was removed.`, {
        hint: 'Say --yes to remove it for every machine.',
        kind: 'refused',
      });
    }
    return withLeases(deps, store, async (leases) => {
      await leases.hold(library);
      return { library, removed: await removeLibrary(store, library, leases) };
    });
  });
}

/** What a repair found, and what it removed of it. */
export interface Repair {
  /** Rows of libraries that are not there any more. */
  readonly orphans: number;
  /** Rows of files that have another row. */
  readonly doubled: number;
  readonly removed: number;
}

/**
 * Looks for rows that should not be there, while no index run is under way here, and removes them.
 * @param confirm asked when there are some
 * @throws UserError `not_confirmed` (refused)
 */
export async function repairStore(
  deps: ChangeDeps,
  confirm: (found: Omit<Repair, 'removed'>) => Promise<boolean>,
): Promise<Repair> {
  const { world, session, signal, onWait } = deps;
  return holdIndex(world, session.settings, { onWait: () => onWait(null), signal }, async () => {
    const store = await session.store();
    const strays = await findStrays(store);
    const found = countStrays(strays);
    const removed = found.orphans + found.doubled;
    if (removed === 0) return { ...found, removed };
    if (!(await confirm(found))) {
      throw new UserError('not_confirmed', 'Nothing was removed.', {
        hint: 'Say --yes to remove them without being asked.',
        kind: 'refused',
      });
    }
    await withLeases(deps, store, (leases) => removeStrays(store, strays, leases));
    return { ...found, removed };
  });
}

async function withLeases<T>(
  { world, session, signal, onWait, pace }: ChangeDeps,
  store: PhotoStore,
  work: (leases: Leases) => Promise<T>,
): Promise<T> {
  const leases = new Leases({
    store,
    machine: await session.machine.id(),
    holder: `${world.hostname} (process ${world.pid})`,
    now: () => world.now().getTime(),
    elapsed: world.elapsed,
    signal,
    onWait: (_, lease) => onWait(lease),
    ...(pace === undefined ? {} : { pace }),
  });
  try {
    return await work(leases);
  } finally {
    await leases.release();
  }
}

function changeLibrary<T>(
  { world, session, signal, onWait }: ChangeDeps,
  { name, root }: LibraryName,
  change: (index: PhotoIndex, library: Library) => Promise<T>,
): Promise<T> {
  return holdIndex(world, session.settings, { onWait: () => onWait(null), signal }, async () => {
    const index = await session.index();
    return change(index, findLibrary(await index.store.libraries(), name, root));
  });
}
