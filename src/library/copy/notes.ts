import { existsSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeOwnFolders } from '../../files/folders.ts';
import type { Library } from '../../store/port.ts';
import { activeModel, rememberModel } from '../active-model.ts';
import { nameOf } from '../index/level.ts';
import { sightingsIn } from '../index/sightings.ts';
import { isMounted } from '../paths.ts';
import type { Session } from '../session.ts';

/**
 * Has this machine know in the new place what it knows in the old one: where the libraries are, which of their files
 * were ever here, and the model of the index. So the next index run there finds everything unchanged.
 */
export async function bringNotes(
  from: Session,
  to: Session,
  arrivals: readonly { readonly source: Library; readonly joined: boolean }[],
): Promise<void> {
  const [roots, known] = await Promise.all([from.machine.roots(), to.machine.roots()]);
  const [old, fresh] = [
    sightingsIn(from.settings.paths.data, await from.machine.place()),
    sightingsIn(to.settings.paths.data, await to.machine.place()),
  ];
  const isOwn = (await from.store()).kind === 'lite';
  for (const { source, joined } of arrivals) {
    // What a server says of a folder is hearsay until a run has looked; the embedded store is this machine's own.
    const root = roots.get(source.id) ?? (isOwn && isMounted(source) ? source.root : undefined);
    if (root !== undefined && !known.has(source.id)) await to.machine.keep(source.id, root);
    if (joined) continue;
    const seen = join(old, nameOf(source.id));
    const here = join(fresh, nameOf(source.id));
    await rm(here, { recursive: true, force: true });
    if (!existsSync(seen)) continue;
    await makeOwnFolders(dirname(here));
    await cp(seen, here, { recursive: true });
  }
  const model = await activeModel(from.settings);
  if (model !== null && (await activeModel(to.settings)) === null) await rememberModel(to.settings, model);
}
