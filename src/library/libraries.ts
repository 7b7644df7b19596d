import { UserError } from '../errors.ts';
import type { Library, PhotoIndex, PhotoStore, PhotoTable } from '../store/port.ts';
import type { World } from '../world.ts';
import { holdIndex } from './index/lock.ts';
import { inside, isThere } from './paths.ts';
import { realFolder } from './scopes.ts';
import type { Session } from './session.ts';

export interface LibraryState extends Library {
  /** In the table at hand. */
  readonly photos: number;
  /** False while the drive it is on is away. */
  readonly available: boolean;
}

/** Every library, with how many photos it has and whether its folder is there. */
export async function listLibraries({ store, table }: PhotoIndex): Promise<LibraryState[]> {
  const libraries = await store.libraries();
  return Promise.all(
    libraries.map(async (library) => {
      const [photos, available] = await Promise.all([table.count(library.id), isThere(library.root)]);
      return { ...library, photos, available };
    }),
  );
}

/** The library that `wanted`, a root or a name, means. @throws UserError when there is none. */
export function findLibrary(libraries: readonly Library[], wanted: string, absolute: string): Library {
  const found = libraries.find(({ root }) => root === absolute) ?? libraries.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  throw new UserError('library_unknown', `No library has the root or the name ${wanted}.`, {
    hint: 'See them all: curate library list',
  });
}

/** Points a library at the place where its folder is now; nothing is embedded again. */
export async function relocate(store: PhotoStore, library: Library, folder: string): Promise<Library> {
  const root = await realFolder(folder);
  for (const other of await store.libraries()) {
    if (other.id === library.id) continue;
    if (inside(other.root, root) === null && inside(root, other.root) === null) continue;
    throw new UserError('library_overlap', `${root} overlaps the library ${other.name} (${other.root}).`, {
      hint: `Remove that one first (curate library remove ${other.name}), or name another folder.`,
    });
  }
  const moved = { ...library, root };
  await store.putLibrary(moved);
  return moved;
}

/** Forgets a library and takes its rows out of every model's index; returns how many there were. */
export async function removeLibrary(store: PhotoStore, library: Library): Promise<number> {
  let removed = 0;
  for (const { model } of await store.models()) removed += await removeRows(store.table(model), library);
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
  readonly world: Pick<World, 'pid'>;
  readonly session: Session;
  /** Ends the waiting for an index run; what was begun is finished. */
  readonly signal: AbortSignal;
  /** Called once when an index run is under way, which is waited for. */
  onWait(): void;
}

/** `relocate`, while no index run is under way. @param folder absolute */
export function relocateLibrary(
  deps: ChangeDeps,
  wanted: LibraryName,
  folder: string,
): Promise<{ readonly library: Library; readonly from: string }> {
  return changeLibrary(deps, wanted, async (store, library) => {
    return { library: await relocate(store, library, folder), from: library.root };
  });
}

/** `removeLibrary`, while no index run is under way. */
export function forgetLibrary(
  deps: ChangeDeps,
  wanted: LibraryName,
): Promise<{ readonly library: Library; readonly removed: number }> {
  return changeLibrary(deps, wanted, async (store, library) => {
    return { library, removed: await removeLibrary(store, library) };
  });
}

function changeLibrary<T>(
  { world, session, signal, onWait }: ChangeDeps,
  { name, root }: LibraryName,
  change: (store: PhotoStore, library: Library) => Promise<T>,
): Promise<T> {
  return holdIndex(world, session.settings, { onWait, signal }, async () => {
    const store = await session.store();
    return change(store, findLibrary(await store.libraries(), name, root));
  });
}

/** Ids per delete. */
const MAX_IDS = 500;

/** Takes a library's rows out of one model's index; returns how many there were. */
async function removeRows(table: PhotoTable, library: Library): Promise<number> {
  const ids: string[] = [];
  for await (const { id } of table.photos(library.id)) ids.push(id);
  for (let from = 0; from < ids.length; from += MAX_IDS) await table.remove(ids.slice(from, from + MAX_IDS));
  return ids.length;
}
