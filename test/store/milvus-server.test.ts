import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/settings.ts';
import type { StoreEvent } from '../../src/store/events.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { openStore } from '../../src/store/open.ts';
import type { PhotoIndex, PhotoStore } from '../../src/store/port.ts';
import { testWorld } from '../support/world.ts';
import { milvusContract } from './contract-milvus.ts';
import { type RunningServer, startServer, whyNoServer } from './milvus-server.ts';
import { collect, FIRST_AXIS, freshModel, photo } from './samples.ts';
import { type UnsteadyProxy, unsteadyProxy } from './unsteady-proxy.ts';

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
      // A busy one may take long to load.
      if (kind !== 'remote') throw new Error(`a server needs no ${kind}`);
    });
  }

  milvusContract(
    'keeps the contract',
    async () => ({
      open,
      line: async () => openLine(parseEndpoint(server.uri, server.token), { world: testWorld() }),
      close: async () => undefined,
    }),
    // A collection takes a server two seconds to make, and every strong read a fifth of one.
    { timeout: 240_000, runs: 2, concurrent: true },
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

  // They wait, most of the time.
  describe.concurrent('in bad weather', () => {
    /** A network of its own, and a store that is reached through it, for one test. */
    async function through(
      use: (place: PhotoIndex & { network: UnsteadyProxy; said: readonly StoreEvent[] }) => Promise<void>,
      { token = server.token, ...patience }: { token?: string; patienceMs?: number } = {},
    ): Promise<void> {
      const network = await unsteadyProxy(server.uri);
      try {
        const said: StoreEvent[] = [];
        const endpoint = parseEndpoint(network.uri, token);
        const line = openLine(endpoint, { world: testWorld(), onEvent: (event) => said.push(event), ...patience });
        const store = milvusStore(line);
        await use({ store, table: store.table(freshModel()), network, said });
        await store.close();
      } finally {
        network.close();
      }
    }

    test('a cut of three seconds is waited out by whatever is under way, and no row is lost', () =>
      through(async ({ table, network, said }) => {
        await table.upsert([photo('a.jpg')]);
        const rows = Array.from({ length: 300 }, (_, index) => photo(`${index}.jpg`, { angle: index / 200 }));
        network.cut(3_000);
        const started = performance.now();
        const [hits] = await Promise.all([
          table.search(FIRST_AXIS, { k: 1 }),
          ...[0, 100, 200].map((from) => table.upsert(rows.slice(from, from + 100))),
        ]);
        expect(performance.now() - started).toBeGreaterThan(2_900);
        expect(hits).toHaveLength(1);
        expect(await table.count()).toBe(301);
        const place = new URL(network.uri).host;
        expect(said).toContainEqual({ kind: 'remote', step: 'waiting', place, seconds: expect.any(Number) });
      }));

    test('connections that are reset at any moment cost nothing but time', () =>
      through(async ({ table, network }) => {
        const weather = setInterval(() => network.reset(), 700);
        try {
          for (let from = 0; from < 1_000; from += 200) {
            await table.upsert(Array.from({ length: 200 }, (_, index) => photo(`${from + index}.jpg`)));
          }
          expect(await collect(table.photos('holiday'))).toHaveLength(1_000);
        } finally {
          clearInterval(weather);
        }
      }));

    test('a network that swallows everything for a while is found out and waited for', () =>
      through(async ({ table, network }) => {
        await table.upsert([photo('a.jpg')]);
        network.swallow(8_000);
        expect(await table.search(FIRST_AXIS, { k: 1 })).toHaveLength(1);
      }));

    test('a network that stays away ends the run with one line when patience is over', () =>
      through(
        async ({ table, network }) => {
          await table.upsert([photo('a.jpg')]);
          network.cut(60_000);
          await expect(table.upsert([photo('b.jpg')])).rejects.toMatchObject({
            code: 'store_unreachable',
            message: expect.stringContaining(new URL(network.uri).host),
          });
        },
        { patienceMs: 1_000 },
      ));

    test('a refusal is not waited for', () =>
      through(
        async ({ store }) => {
          await expect(store.libraries()).rejects.toMatchObject({ code: 'store_auth' });
        },
        { token: 'root:wrong' },
      ));
  });
});
