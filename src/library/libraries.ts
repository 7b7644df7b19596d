import { UserError } from '../errors.ts';
import type { Library, PhotoStore, PhotoTable } from '../store/port.ts';
import { inside } from './scope.ts';
import { realFolder } from './scopes.ts';

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

/** Ids per delete. */
const MAX_IDS = 500;

/** Takes a library's rows out of one model's index; returns how many there were. */
async function removeRows(table: PhotoTable, library: Library): Promise<number> {
  const ids: string[] = [];
  for await (const { id } of table.photos(library.id)) ids.push(id);
  for (let from = 0; from < ids.length; from += MAX_IDS) await table.remove(ids.slice(from, from + MAX_IDS));
  return ids.length;
}
