import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/settings.ts';
import { openStore } from '../../src/store/open.ts';
import type { PhotoStore } from '../../src/store/port.ts';
import { testWorld } from '../support/world.ts';
import { milvusContract } from './contract-milvus.ts';
import { type RunningServer, startServer, whyNoServer } from './milvus-server.ts';
import { FIRST_AXIS, freshModel, photo } from './samples.ts';

const reason = whyNoServer();

describe.skipIf(reason !== null)(`a Milvus 2.3 server${reason === null ? '' : `, left out because ${reason}`}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await server?.stop();
  });

  function open(token = server.token): Promise<PhotoStore> {
    const world = testWorld({ env: { MILVUS_URI: server.uri, MILVUS_TOKEN: token } });
    return openStore(world, loadSettings(world), ({ kind }) => {
      throw new Error(`a server needs no ${kind}`);
    });
  }

  milvusContract(
    'keeps the contract',
    async () => ({ open, close: async () => undefined }),
    // A collection takes a server two seconds to make, and every strong read a fifth of one.
    { timeout: 240_000, runs: 2 },
  );

  test('a wrong token is said so', async () => {
    for (const token of ['root:wrong', 'no-account']) {
      const store = await open(token);
      await expect(store.table(freshModel()).count()).rejects.toMatchObject({
        code: 'store_auth',
        hint: expect.stringContaining('MILVUS_TOKEN'),
      });
      await store.close();
    }
  });

  test('flushes that follow each other faster than the server allows are no failure', async () => {
    const store = await open();
    const table = store.table(freshModel());
    await table.upsert([photo('a.jpg')]);
    await Promise.all([table.flush(), table.flush(), table.flush()]);
    expect(await table.search(FIRST_AXIS, { k: 6 })).toHaveLength(1);
    await store.close();
  });

  // Last: the server is gone after it.
  test('a server that goes away stops the run with one line', async () => {
    const store = await open();
    const table = store.table(freshModel());
    await table.upsert([photo('a.jpg')]);
    await server.stop();
    await expect(table.upsert([photo('b.jpg')])).rejects.toMatchObject({ code: 'store_unreachable' });
    await store.close();
  });
});
