import { isMounted, photoFile } from './paths.ts';
import type { Session } from './session.ts';

/**
 * Where photos of some contents lie on this machine, as the index has them; their files may have changed since.
 * @param contents sha256
 * @returns absolute files by sha256; nothing where nothing is indexed
 */
export async function placesOf(
  session: Pick<Session, 'index' | 'settings'>,
  contents: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const places = new Map<string, string[]>();
  const { storeExists } = await import('../store/open.ts');
  if (!(await storeExists(session.settings))) return places;
  const { store, table } = await session.index();
  for (const library of (await store.libraries()).filter(isMounted)) {
    for await (const { sha256, path } of table.photos(library.id)) {
      if (!contents.has(sha256)) continue;
      places.set(sha256, [...(places.get(sha256) ?? []), photoFile(library, path)]);
    }
  }
  return places;
}
