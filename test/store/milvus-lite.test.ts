import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings } from '../../src/settings.ts';
import { readState } from '../../src/store/lite/connect.ts';
import { liteFolders } from '../../src/store/lite/folders.ts';
import { openStore } from '../../src/store/open.ts';
import type { PhotoIndex } from '../../src/store/port.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';
import { collect, FIRST_AXIS, freshModel, photo } from './samples.ts';

let home: LiteHome;
beforeAll(async () => {
  home = await liteHome();
});
afterAll(async () => {
  await home.remove();
});

async function open(model = freshModel()): Promise<PhotoIndex> {
  const settings = { ...loadSettings(home.world), milvusUri: undefined };
  const paths = { config: home.paths.data, cache: home.paths.data, ...home.paths };
  const store = await openStore(home.world, { ...settings, paths }, () => undefined);
  return { store, table: store.table(model) };
}

async function killServer(): Promise<void> {
  const state = await readState(liteFolders(home.paths.data).state);
  if (state === null) throw new Error('no server has published itself');
  process.kill(state.pid, 'SIGKILL');
}

test('without MILVUS_URI the store is the embedded one', async () => {
  const { store, table } = await open();
  expect(store.kind).toBe('lite');
  expect(await table.count()).toBe(0);
  await store.close();
});

test('calls in flight when the server is killed are answered by its successor, and no confirmed row is lost', async () => {
  const { store, table } = await open();
  let confirmed = 0;
  for (let round = 0; round < 4; round += 1) {
    const killed = sleep(round * 40).then(killServer);
    for (let batch = 0; batch < 5; batch += 1) {
      await table.upsert(Array.from({ length: 50 }, (_, row) => photo(`${round}-${batch}-${row}.jpg`)));
      confirmed += 50;
    }
    await killed;
    const [count, hits, listed] = await Promise.all([
      table.count(),
      table.search(FIRST_AXIS, { k: 3 }),
      collect(table.photos('holiday')),
    ]);
    expect(count).toBe(confirmed);
    expect(hits.map(({ path }) => path)).toEqual(['0-0-0.jpg', '0-0-1.jpg', '0-0-10.jpg']);
    expect(listed).toHaveLength(confirmed);
  }
  await store.close();
});

test('a store that was opened before the server was replaced finds the new one', async () => {
  const [one, other] = [await open(), await open()];
  await one.table.upsert([photo('a.jpg')]);
  await killServer();
  await other.table.upsert([photo('b.jpg')]);
  expect(await one.table.count()).toBe(1);
  await Promise.all([one.store.close(), other.store.close()]);
});
