import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/settings.ts';
import { openStore } from '../../src/store/open.ts';
import type { ModelIdentity, PhotoStore } from '../../src/store/port.ts';
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

  function open(model: ModelIdentity, token = server.token): Promise<PhotoStore> {
    const world = testWorld({ env: { MILVUS_URI: server.uri, MILVUS_TOKEN: token } });
    return openStore(world, loadSettings(world), model, ({ kind }) => {
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
      const store = await open(freshModel(), token);
      await expect(store.count()).rejects.toMatchObject({
        code: 'store_auth',
        hint: expect.stringContaining('MILVUS_TOKEN'),
      });
      await store.close();
    }
  });

  test('flushes that follow each other faster than the server allows are no failure', async () => {
    const store = await open(freshModel());
    await store.upsert([photo('a.jpg')]);
    await Promise.all([store.flush(), store.flush(), store.flush()]);
    expect(await store.search(FIRST_AXIS, { k: 6 })).toHaveLength(1);
    await store.close();
  });

  // Last: the server is gone after it.
  test('a server that goes away stops the run with one line', async () => {
    const store = await open(freshModel());
    await store.upsert([photo('a.jpg')]);
    await server.stop();
    await expect(store.upsert([photo('b.jpg')])).rejects.toMatchObject({ code: 'store_unreachable' });
    await store.close();
  });
});
