import { once } from 'node:events';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { expect, test } from 'vitest';
import { connectLite } from '../../src/store/lite/connect.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { failureOf } from '../../src/store/milvus/failure.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import type { Tls } from '../../src/store/milvus/tls.ts';
import { authority } from '../support/certificates.ts';
import { liteHome } from '../support/lite.ts';
import { tlsDoor } from '../support/tls-door.ts';
import { unsteadyProxy } from '../support/unsteady-proxy.ts';
import { testWorld } from '../support/world.ts';
import { freshModel } from './samples.ts';

async function countAt(uri: string): Promise<number> {
  const store = milvusStore(openLine(parseEndpoint(uri, undefined), { world: testWorld() }));
  try {
    return await store.table(freshModel()).count();
  } finally {
    await store.close();
  }
}

test('a server that is not there is one line and the next step', async () => {
  await expect(countAt('http://127.0.0.1:1')).rejects.toMatchObject({
    code: 'store_unreachable',
    message: 'No connection to Milvus at 127.0.0.1:1: nothing listens there.',
    hint: expect.stringContaining('unset MILVUS_URI'),
  });
  await expect(countAt('http://no-such-host.invalid')).rejects.toMatchObject({
    code: 'store_unreachable',
    message: expect.stringMatching(/no such host/),
  });
});

test('a web server is not taken for Milvus', async () => {
  const web = createWebServer((_, answer) => answer.end('hello')).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port } = web.address() as AddressInfo;
  try {
    for (const scheme of ['http', 'https']) {
      await expect(countAt(`${scheme}://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'store_unreachable' });
    }
  } finally {
    web.close();
  }
});

test('a host that accepts and then says nothing is given up on', { timeout: 60_000 }, async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  try {
    await expect(countAt(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'store_unreachable' });
  } finally {
    silent.close();
  }
});

test('a server that was not there at first is found once it is', async () => {
  const home = await liteHome();
  try {
    const { address, token } = await connectLite(home.world, home.paths, () => undefined);
    const port = await freePort();
    const place = `127.0.0.1:${port}`;
    const store = milvusStore(
      openLine({ kind: 'server', address: place, token, place, prefix: '' }, { world: home.world }),
    );
    await expect(store.libraries()).rejects.toMatchObject({ code: 'store_unreachable' });
    const door = createServer((socket) => {
      const inner = connect(address.replace(/^unix:/, ''));
      pipeline(socket, inner, () => undefined);
      pipeline(inner, socket, () => undefined);
    }).listen(port, '127.0.0.1');
    await once(door, 'listening');
    expect(await store.libraries()).toEqual([]);
    await store.close();
    door.close();
  } finally {
    await home.remove();
  }
});

test('a connection that is taken and never answered is given up for another, in clear and by TLS', {
  timeout: 30_000,
}, async () => {
  const home = await liteHome();
  const ours = authority('Our Authority');
  const { address, token } = await connectLite(home.world, home.paths, () => undefined);
  const socket = address.replace('unix:', '');
  const door = await tlsDoor(socket, ours.issue('nas', { hosts: ['127.0.0.1'] }));
  try {
    const longest = async (target: string, tls: Tls | null): Promise<number> => {
      const network = await unsteadyProxy(target);
      const uri = tls === null ? network.uri : network.uri.replace('http:', 'https:');
      const store = milvusStore(openLine(parseEndpoint(uri, token, {}, tls), { world: home.world }));
      try {
        expect(await store.libraries()).toEqual([]);
        network.swallow(1_000);
        network.reset();
        const started = performance.now();
        expect(await store.libraries()).toEqual([]);
        return performance.now() - started;
      } finally {
        await store.close();
        network.close();
      }
    };
    const took = await Promise.all([
      longest(socket, null),
      longest(`http://127.0.0.1:${door.port}`, { ca: ours.cert }),
    ]);
    for (const milliseconds of took) expect(milliseconds).toBeLessThan(15_000);
  } finally {
    door.close();
    await home.remove();
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('a failure is known by its code, whatever its name says, and a success is none', () => {
  const status = { error_code: 'Success', code: 0, reason: '', extra_info: {}, retriable: false, detail: '' };
  expect(failureOf(status)).toBeNull();
  expect(failureOf({ status, data: [] })).toBeNull();
  expect(failureOf(undefined)).toBeNull();
  expect(failureOf({ status: { ...status, code: 100, reason: 'gone\nstack' } })).toMatchObject({
    kind: 'missing',
    reason: 'gone',
  });
  expect(failureOf({ ...status, error_code: 'UnexpectedError' })).toMatchObject({
    kind: 'other',
    reason: 'UnexpectedError',
  });
  expect(failureOf({ ...status, error_code: 'RateLimit' })).toMatchObject({ kind: 'busy' });
  expect(failureOf(new TypeError('ours'))).toBeNull();
});
