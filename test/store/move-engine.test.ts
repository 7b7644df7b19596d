import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStoreHere } from '../../src/library/session.ts';
import { loadSettings, type Settings } from '../../src/settings.ts';
import type { StoreEvent } from '../../src/store/events.ts';
import { connectLite } from '../../src/store/lite/connect.ts';
import { engineOf, ownEngine } from '../../src/store/lite/engine.ts';
import { stopLite } from '../../src/store/lite/server.ts';
import { openStore } from '../../src/store/open.ts';
import type { Library, ModelIdentity } from '../../src/store/port.ts';
import { byId, collect, freshModel, photo } from '../store/samples.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';

const OLDER = '3.2.1';
const NEWER = '99.0.0';

let home: LiteHome;
let events: StoreEvent[];
/** What the index has, before anything happens to it. */
let before: unknown[];
const settings = (prefix?: string): Settings => ({
  ...loadSettings({ ...home.world, env: {} }, prefix === undefined ? {} : { prefix }),
  paths: { config: home.paths.data, cache: home.paths.data, ...home.paths },
});
const at = (...names: string[]) => join(home.paths.data, ...names);
const onEvent = (event: StoreEvent): void => void events.push(event);
const move = async (): Promise<void> => (await openStoreHere(home.world, settings(), onEvent)).close();
const moves = () => events.filter(({ kind }) => kind === 'engine').length;

beforeAll(async () => {
  home = await liteHome();
});
beforeEach(() => {
  events = [];
});
afterAll(() => home.remove());

const models: [ModelIdentity, ModelIdentity] = [freshModel(), freshModel()];
const libraries: Library[] = ['one', 'two'].map((id) => ({
  id,
  name: id,
  root: `/photos/${id}`,
  mark: `mark of ${id}`,
}));
const rows = (library: string, count: number) =>
  Array.from({ length: count }, (_, n) => photo(`${n}.jpg`, { library, angle: n / 700 }));

/** An index of two libraries, two models and two namespaces. */
async function fill(): Promise<void> {
  for (const [prefix, counts] of [
    [undefined, [1_100, 20]],
    ['anna', [10, 0]],
  ] as const) {
    const store = await openStore(home.world, settings(prefix), onEvent);
    for (const [n, count] of counts.entries()) {
      for (const { id } of libraries)
        if (count > 0) await store.table(models[n] as ModelIdentity).upsert(rows(id, count));
    }
    for (const library of libraries) await store.putLibrary(library);
    await store.close();
  }
}

async function contents(): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const prefix of [undefined, 'anna']) {
    const store = await openStore(home.world, settings(prefix), onEvent);
    found.push(await store.libraries(), await store.models());
    for (const model of models) found.push(byId(await collect(store.table(model).all({ vectors: true }))));
    await store.close();
  }
  return found;
}

/** Has the index say that another version made it; the engine that is kept with it stays what it is. */
async function makeBy(version: string): Promise<void> {
  await stopLite(home.world, home.paths);
  const engine = (await readdir(at('lite'))).find((name) => name.startsWith('engine-'));
  if (engine === undefined) throw new Error('no engine is kept');
  await rename(at('lite', engine), at('lite', engine.replace(/engine-[\d.]+/, `engine-${version}`)));
}

test('an index of an older engine is moved to the new one from wherever the last try was cut off, and nothing is lost', {
  timeout: 120_000,
}, async () => {
  const own = (await ownEngine()).version;
  await fill();
  await move();
  expect(moves()).toBe(0);
  before = await contents();
  await makeBy(OLDER);
  // What was there before it was noted is never opened by an engine that may not read it.
  await expect(connectLite(home.world, home.paths, onEvent)).rejects.toMatchObject({
    code: 'store_engine',
    message: expect.stringContaining(`Milvus Lite ${OLDER}`),
  });
  const interrupt = new AbortController();
  const interrupted = openStoreHere({ ...home.world, interrupted: interrupt.signal }, settings(), (event) => {
    onEvent(event);
    if (event.kind === 'engine' && event.step === 'moving' && event.done >= 1_000) interrupt.abort();
  });
  await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' });
  expect(await engineOf(at('lite'))).toMatchObject({ version: OLDER });
  const done = Math.max(
    ...events.map((event) => (event.kind === 'engine' && event.step === 'moving' ? event.done : 0)),
  );
  expect(done).toBeGreaterThanOrEqual(1_000);
  await Promise.all([move(), move()]);
  expect(events.filter((event) => event.kind === 'engine' && event.step === 'moved')).toHaveLength(1);
  expect(await engineOf(at('lite'))).toMatchObject({ version: own });
  expect(await contents()).toEqual(before);
  expect(await readdir(at())).toEqual(expect.not.arrayContaining(['lite-next', 'lite-old']));
});

test('a move that was killed while the folders changed names is finished, whatever it had come to', async () => {
  await stopLite(home.world, home.paths);
  const [used, next, old] = [at('lite'), at('lite-next'), at('lite-old')];
  const isWhole = async () => {
    await move();
    expect(await readdir(used)).toContain('db');
    expect(await readdir(at())).toEqual(expect.not.arrayContaining(['lite-next', 'lite-old']));
  };
  // Killed behind both renames.
  await cp(used, old, { recursive: true });
  await isWhole();
  // Between them.
  await rename(used, next);
  await writeFile(join(next, 'whole'), '');
  await mkdir(old);
  await isWhole();
  // Between them, and what it had made was taken away.
  await rename(used, old);
  await isWhole();
  expect(moves()).toBe(0);
  expect(await contents()).toEqual(before);
});

test('an index that names no engine, of curate 0.1.0, has the engine that made it, whatever is pinned by now', async () => {
  const server = at('unnoted');
  await mkdir(join(server, 'db'), { recursive: true });
  const { version, folder } = (await engineOf(server)) ?? { version: '', folder: '' };
  expect(version).toBe('3.2.2');
  expect(await readdir(folder)).toEqual(expect.arrayContaining(['lite_server.py', 'lite_corrections.py']));
  expect(await readFile(join(folder, 'requirements.txt'), 'utf8')).toMatch(/^milvus-lite==3\.2\.2 /m);
});

test('an index of a newer engine is left alone, with the next step', async () => {
  await makeBy(NEWER);
  await expect(move()).rejects.toMatchObject({
    code: 'store_engine',
    hint: expect.stringContaining('Update curate'),
  });
  expect(moves()).toBe(0);
  await rm(at('lite'), { recursive: true });
});
