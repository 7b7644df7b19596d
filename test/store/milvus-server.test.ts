import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { RbacObjects } from '@zilliz/milvus2-sdk-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { copyIndex } from '../../src/library/copy/copy.ts';
import { watchFolders } from '../../src/library/watch/watch.ts';
import { loadSettings } from '../../src/settings.ts';
import type { StoreEvent } from '../../src/store/events.ts';
import { connectLite } from '../../src/store/lite/connect.ts';
import { type MilvusLine, openLine } from '../../src/store/milvus/client.ts';
import { liteEndpoint, type Namespace, parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { openStore } from '../../src/store/open.ts';
import type { PhotoIndex, PhotoStore } from '../../src/store/port.ts';
import { authority } from '../support/certificates.ts';
import { liteHome } from '../support/lite.ts';
import { TestMachine } from '../support/machines.ts';
import { placeIn } from '../support/session.ts';
import { tlsDoor } from '../support/tls-door.ts';
import { type UnsteadyProxy, unsteadyProxy } from '../support/unsteady-proxy.ts';
import { testWorld } from '../support/world.ts';
import { milvusContract } from './contract-milvus.ts';
import { type RunningServer, SERVER_VERSION, startServer, whyNoServer } from './milvus-server.ts';
import { byId, collect, FIRST_AXIS, freshModel, photo } from './samples.ts';

const reason = whyNoServer();

const title = `a Milvus 2.3 server${reason === null ? '' : `, left out because ${reason}`}`;

// At once: a server takes a second or two to make a collection, and bad weather takes its time.
describe.skipIf(reason !== null)(title, { concurrent: true }, () => {
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
      line: async (prefix) => openLine(parseEndpoint(server.uri, server.token, { prefix }), { world: testWorld() }),
      close: async () => undefined,
    }),
    { timeout: 240_000, runs: 2, concurrent: true },
  );

  test('it says what it is, and what the vectors are indexed by', async () => {
    const store = await open();
    const model = freshModel();
    const server = { databases: true, vectorTypes: ['float32'], indexedFields: [], memory: expect.any(Number) };
    expect(await store.about(model)).toMatchObject({ version: SERVER_VERSION, index: null, server });
    await store.table(model).upsert([photo('a.jpg')]);
    const about = await store.about(model);
    expect(about.index).toMatch(/^HNSW \(.*M 16/);
    expect(about.server?.indexedFields).toEqual(['library', 'mtime_ms', 'taken_ms']);
    await store.close();
  });

  test('behind what ends TLS and demands a certificate it works as without', async () => {
    const ours = authority('Our Authority');
    const { cert, key } = ours.issue('nas', { hosts: ['127.0.0.1'] });
    const target = Number(new URL(server.uri).port);
    const door = await tlsDoor(target, { cert, key, ca: ours.cert, requestCert: true });
    const tls = { ca: ours.cert, ...ours.issue('laptop') };
    const endpoint = parseEndpoint(`https://127.0.0.1:${door.port}`, server.token, {}, tls);
    const line = openLine(endpoint, { world: testWorld(), patienceMs: 3_000 });
    const table = milvusStore(line).table(freshModel());
    await table.upsert([photo('a.jpg')]);
    expect(await table.search(FIRST_AXIS, { k: 1 })).toHaveLength(1);
    await line.close();
    const clear = openLine(parseEndpoint(`https://127.0.0.1:${target}`, server.token), { world: testWorld() });
    await expect(milvusStore(clear).libraries()).rejects.toMatchObject({
      message: `What answers at 127.0.0.1:${target} does not speak TLS.`,
    });
    await clear.close();
    door.close();
  });

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

  describe('shared by several people', () => {
    const lines: MilvusLine[] = [];
    afterAll(async () => {
      for (const line of lines.splice(0)) await line.close();
    });

    function connection(token: string, namespace: Namespace = {}): MilvusLine {
      const line = openLine(parseEndpoint(server.uri, token, namespace), { world: testWorld(), patienceMs: 3_000 });
      lines.push(line);
      return line;
    }

    test('keeps their indexes apart by database, which the first run makes, and by prefix', {
      timeout: 60_000,
    }, async () => {
      const model = freshModel();
      const library = { id: model.id, name: 'Client', root: '' };
      const identities: (string | null)[] = [];
      const store = await open();
      await store.table(model).upsert([photo('mine.jpg')]);
      await store.close();
      for (const namespace of [{ database: 'client_a' }, { prefix: 'anna' }]) {
        const theirs = milvusStore(connection(server.token, namespace));
        expect(await theirs.libraries()).toEqual([]);
        expect(await theirs.identity()).toBeNull();
        expect(await theirs.models()).toEqual([]);
        expect(await theirs.table(model).search(FIRST_AXIS, { k: 3 })).toEqual([]);
        await theirs.putLibrary(library);
        await theirs.table(model).upsert([photo('theirs.jpg')]);
        const again = milvusStore(connection(server.token, namespace));
        // A search may miss what another process wrote a moment ago.
        const found = async () => (await again.table(model).search(FIRST_AXIS, { k: 3 })).map(({ path }) => path);
        await expect.poll(found, { timeout: 20_000 }).toEqual(['theirs.jpg']);
        expect(await again.models()).toEqual([{ model, photos: 1 }]);
        expect(await again.libraries()).toEqual([library]);
        identities.push(await theirs.identity());
      }
      const mine = milvusStore(connection(server.token));
      await mine.putLibrary({ ...library, id: 'mine' });
      identities.push(await mine.identity());
      expect(new Set(identities).size).toBe(3);
      const byName = {
        ...parseEndpoint(server.uri, server.token),
        address: server.uri.replace('127.0.0.1', 'localhost'),
      };
      const second = openLine(byName, { world: testWorld() });
      lines.push(second);
      expect(identities).toContain(await milvusStore(second).identity());
      expect(identities).not.toContain(null);
      expect((await mine.table(model).search(FIRST_AXIS, { k: 3 })).map(({ path }) => path)).toEqual(['mine.jpg']);
      expect((await mine.libraries()).map(({ id }) => id)).not.toContain(model.id);
    });

    test('tells those who may only read, or nothing, what they may not do', { timeout: 60_000 }, async () => {
      const model = freshModel();
      const admin = connection(server.token);
      const store = milvusStore(admin);
      await store.table(model).upsert([photo('a.jpg')]);
      await store.putLibrary({ id: 'holiday', name: 'Holiday', root: '' });
      for (const username of ['reader', 'stranger']) {
        await admin.call((client) => client.createUser({ username, password: 'secret-123' }));
      }
      await admin.call((client) => client.createRole({ roleName: 'readers' }));
      const rights = [
        [RbacObjects.Collection, 'Search'],
        [RbacObjects.Collection, 'Query'],
        [RbacObjects.Global, 'DescribeCollection'],
        [RbacObjects.Global, 'ShowCollections'],
      ] as const;
      for (const [object, privilegeName] of rights) {
        const grant = { roleName: 'readers', object, objectName: '*', privilegeName };
        await admin.call((client) => client.grantRolePrivilege(grant));
      }
      await admin.call((client) => client.addUserToRole({ username: 'reader', roleName: 'readers' }));
      const reader = milvusStore(connection('reader:secret-123'));
      // Milvus's proxies learn of new rights after a moment.
      await expect.poll(() => reader.libraries().catch(() => []), { timeout: 20_000, interval: 500 }).not.toEqual([]);
      expect(await reader.table(model).search(FIRST_AXIS, { k: 3 })).toHaveLength(1);
      expect(await reader.table(model).count()).toBe(1);
      expect(await reader.table(freshModel()).count()).toBe(0);
      expect((await reader.models()).map((one) => one.model.sha256)).toContain(model.sha256);
      const denied = (what: string, privilege: string) => ({
        code: 'store_denied',
        message: expect.stringContaining(`does not let ${what}`),
        hint: expect.stringContaining(`the privilege ${privilege}`),
      });
      const writes: [() => Promise<unknown>, string][] = [
        [() => reader.table(model).upsert([photo('b.jpg')]), 'Upsert'],
        [() => reader.table(model).remove([photo('a.jpg').id]), 'Delete'],
        [() => reader.table(freshModel()).upsert([photo('b.jpg')]), 'CreateCollection'],
        [() => reader.putLibrary({ id: 'x', name: 'x', root: '' }), 'Upsert'],
      ];
      for (const [write, privilege] of writes) {
        await expect(write()).rejects.toMatchObject(denied('reader change this index', privilege));
      }
      const stranger = milvusStore(connection('stranger:secret-123'));
      await expect(stranger.libraries()).rejects.toMatchObject(denied('stranger read this index', 'Query'));

      const shown = await admin.call((client) => client.showCollections());
      const released = shown.data.map(({ name }) => name).filter((name) => name.includes(model.sha256.slice(0, 12)));
      expect(released).toHaveLength(1);
      for (const collection_name of released)
        await admin.call((client) => client.releaseCollection({ collection_name }));
      const search = () => milvusStore(connection('reader:secret-123')).table(model).search(FIRST_AXIS, { k: 3 });
      await expect(search()).rejects.toMatchObject({ hint: expect.stringContaining('the privileges Load') });
      for (const privilegeName of ['Load', 'GetLoadState', 'GetLoadingProgress', 'IndexDetail']) {
        const grant = { roleName: 'readers', object: RbacObjects.Collection, objectName: '*', privilegeName };
        await admin.call((client) => client.grantRolePrivilege(grant));
      }
      await expect.poll(() => search().catch(() => []), { timeout: 20_000, interval: 500 }).toHaveLength(1);
    });
  });

  test('an index goes from the embedded store to a server, through interruptions, and arrives whole', {
    timeout: 240_000,
  }, async () => {
    const [home, network] = [await liteHome(), await unsteadyProxy(server.uri)];
    const world = testWorld();
    const reach = async () => {
      const { address, token } = await connectLite(home.world, home.paths, () => undefined);
      return liteEndpoint(address, token);
    };
    const lite = milvusStore(openLine(await reach(), { world, reconnect: reach }));
    const remote = milvusStore(openLine(parseEndpoint(network.uri, server.token), { world }));
    const model = freshModel();
    const library = { id: model.id, name: model.id, root: '/photos' };
    const rows = Array.from({ length: 2_100 }, (_, n) => photo(`${n}.jpg`, { library: library.id, angle: n / 700 }));
    await lite.putLibrary(library);
    await lite.table(model).upsert(rows);
    const copy = (from: [string, PhotoStore], to: [string, PhotoStore], signal = world.interrupted) =>
      copyIndex(
        {
          world,
          from: placeIn(home.paths.data, ...from),
          to: placeIn(home.paths.data, ...to),
          signal,
          onEvent: (event) => {
            if (event.kind === 'copying' && event.done >= 1_000) onRows();
          },
          confirmName: async () => false,
        },
        [library.id],
      );
    let onRows: () => void = () => undefined;
    try {
      const stopping = new AbortController();
      onRows = () => {
        network.reset();
        stopping.abort();
      };
      await expect(copy(['', lite], [network.uri, remote], stopping.signal)).rejects.toMatchObject({
        code: 'interrupted',
      });
      const arriving = (await remote.libraries()).find(({ id }) => id === library.id);
      expect(arriving).toMatchObject({ arriving: world.hostname });
      expect(await remote.table(model).count(library.id)).toBeLessThan(rows.length);
      const weather = [() => network.swallow(1_000), () => network.halfClose(), () => network.cut(1_000)];
      onRows = () => weather.shift()?.();
      network.delay(10);
      const report = await copy(['', lite], [network.uri, remote]);
      expect(report).toMatchObject({ rows: rows.length, verified: { searches: 50, equal: 50 } });
      expect(report.copied).toBeLessThan(rows.length);
      expect(weather).toEqual([]);
      const there = await collect(
        remote.table(model).all({ vectors: true, filter: { within: [{ library: library.id, folder: '' }] } }),
      );
      expect(there).toEqual(byId(rows));
    } finally {
      await Promise.all([lite.close(), remote.close()]);
      network.close();
      await home.remove();
    }
  });

  describe('in bad weather', () => {
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

    test('connections that end one way, and a network that takes its time, cost nothing but time', () =>
      through(async ({ table, network }) => {
        network.delay(80);
        await table.upsert([photo('a.jpg')]);
        const upserting = table.upsert(Array.from({ length: 200 }, (_, index) => photo(`${index}.jpg`)));
        network.halfClose();
        await upserting;
        expect(await table.search(FIRST_AXIS, { k: 1 })).toHaveLength(1);
        expect(await collect(table.photos('holiday'))).toHaveLength(201);
      }));

    test.each<[string, (network: UnsteadyProxy) => void]>([
      ['a cut', (network) => network.cut(1_500)],
      ['connections that end one way', (network) => network.halfClose()],
      ['a network that takes its time', (network) => network.delay(50)],
      ['a network that swallows everything', (network) => network.swallow(4_000)],
    ])('a watch goes on through %s', (weather, makeWeather) =>
      through(async ({ store, network }) => {
        const disk = await realpath(await mkdtemp(join(tmpdir(), 'curate-weather-')));
        onTestFinished(() => rm(disk, { recursive: true }));
        const machine = new TestMachine('laptop', disk, store, { model: { ...freshModel(), dim: 4 } });
        const stop = new AbortController();
        const failed: unknown[] = [];
        const root = machine.at('Photos');
        await machine.put('Photos/0.jpg', 'photo 0');
        let begun = (): void => undefined;
        const first = new Promise<void>((resolve) => {
          begun = resolve;
        });
        const watching = watchFolders(
          {
            indexAll: async () => {
              // The server is the same for all of them.
              await machine.indexFolder(['Photos'], `watched through ${weather}`);
              begun();
            },
            indexFolders: async (folders) => {
              await machine.indexFolder(folders.map((folder) => relative(machine.home, folder)));
              return [];
            },
            unignored: async (changes) => [...changes],
            onEvent: (event) => failed.push(event),
            stopped: stop.signal,
            elapsed: () => performance.now(),
            pace: { quietMs: 100, maxMs: 1_000 },
          },
          [root],
        );
        await Promise.race([first, watching]);
        makeWeather(network);
        await machine.put('Photos/1.jpg', 'photo 1');
        const indexed = async (): Promise<void> => expect(await machine.index.table.count()).toBe(2);
        await vi.waitFor(indexed, { timeout: 60_000, interval: 500 });
        expect(failed).toEqual([]);
        stop.abort();
        await watching;
      }),
    );

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
