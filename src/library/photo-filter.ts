import { existsSync } from 'node:fs';
import { UserError } from '../errors.ts';
import type { Library, PhotoFilter, PhotoStore } from '../store/port.ts';
import { inside } from './paths.ts';
import { realFolder } from './scopes.ts';

/** Which photos count, in a person's terms; nothing given restricts nothing. */
export interface Restriction extends Omit<PhotoFilter, 'within'> {
  /** Only photos below any of these absolute folders. */
  readonly folders?: readonly string[];
}

/**
 * The same in the store's terms; null when nothing is restricted.
 * @param openStore asked only when there are folders to find
 * @throws UserError `not_indexed` when a folder has no indexed photo, `folder_expected` for a file
 */
export async function filterFor(
  openStore: () => Promise<PhotoStore>,
  { folders, ...rest }: Restriction,
): Promise<PhotoFilter | null> {
  if (folders !== undefined) {
    const libraries = await (await openStore()).libraries();
    const parts = await Promise.all(folders.map((folder) => partsBelow(libraries, folder)));
    return { within: parts.flat(), ...rest };
  }
  return Object.keys(rest).length === 0 ? null : rest;
}

/** The parts of libraries below an absolute folder. @throws UserError `not_indexed`, `folder_expected` for a file */
export async function partsBelow(
  libraries: readonly Library[],
  folder: string,
): Promise<NonNullable<PhotoFilter['within']>> {
  // A drive that is away has no real path, but its photos may still be asked for.
  const real = await realFolder(folder).catch((error: unknown) => {
    if (error instanceof UserError && error.code === 'folder_expected') throw error;
    return folder;
  });
  const parts = libraries.flatMap((library) => {
    const below = inside(library.root, real);
    if (below !== null) return [{ library: library.id, folder: below }];
    return inside(real, library.root) === null ? [] : [{ library: library.id, folder: '' }];
  });
  if (parts.length === 0) throw notIndexed(folder);
  return parts;
}

export function notIndexed(folder: string): UserError {
  return new UserError('not_indexed', `No indexed photo lies below ${folder}.`, {
    hint: existsSync(folder)
      ? `Index it first: curate index ${folder}`
      : 'There is no such folder: check the spelling, or connect the drive it is on.',
  });
}
