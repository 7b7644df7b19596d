/** An empty library in a home of its own, noted as an index run notes it, to be filled without embedding anything. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { resolveModel } from '../dist/embedding/models.js';
import { openMachine } from '../dist/library/machine.js';
import { loadSettings } from '../dist/settings.js';
import { stopLite } from '../dist/store/lite/server.js';
import { openStore } from '../dist/store/open.js';
import { realWorld } from '../dist/world.js';
import { lendStorePython } from './python.js';

/**
 * @param home a folder that is there; `close` removes it. @param id of the library, and its name
 * `reopen` gives the table as another command has it, which does not wait to see what it wrote itself.
 */
export async function openLibrary(home, id) {
  const root = join(home, 'photos');
  await lendStorePython(join(home, 'data'));
  const world = { ...realWorld(), env: { ...process.env, CURATE_HOME: home } };
  const settings = loadSettings(world);
  const model = await resolveModel(world, settings);
  const stores = [];
  const open = async () => {
    const store = await openStore(world, settings, () => undefined);
    stores.push(store);
    return store;
  };
  const store = await open();
  const close = async () => {
    for (const opened of stores) await opened.close();
    await stopLite(world, settings.paths).catch(() => undefined);
    await rm(home, { recursive: true, force: true });
  };
  const marks = { [model.sha256]: home };
  await store.putLibrary({ id, name: id, root, model: model.id, generation: 1, mark: home, marks });
  await openMachine(settings).keep(id, root);
  return {
    root,
    model,
    kind: store.kind,
    table: store.table(model),
    close,
    reopen: async () => (await open()).table(model),
  };
}
