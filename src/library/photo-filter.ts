import type { PhotoFilter, PhotoStore } from '../store/port.ts';
import { partsBelow } from './scopes.ts';

/** Which photos count, in a person's terms; nothing given restricts nothing. */
export interface Restriction extends Omit<PhotoFilter, 'within'> {
  /** Only photos below any of these absolute folders. */
  readonly folders?: readonly string[];
}

/**
 * The same in the store's terms; null when nothing is restricted.
 * @param openStore asked only when there are folders to find
 * @throws UserError `not_indexed` when a folder has no indexed photo
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
