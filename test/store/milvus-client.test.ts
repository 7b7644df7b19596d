import { once } from 'node:events';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { connectLite } from '../../src/store/lite/connect.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { failureOf, userError } from '../../src/store/milvus/failure.ts';
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

test.concurrent('a host that accepts and then says nothing is given up on', { timeout: 60_000 }, async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  try {
    await expect(countAt(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'store_unreachable' });
  } finally {
    silent.close();
  }
});

test.concurrent('a server that was not there at first is found once it is', async () => {
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

test.concurrent('a connection that is taken and never answered is given up for another, in clear and by TLS', {
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

test.concurrent('a host that nothing reaches is dialled again, and not only when the kernel has given up', {
  timeout: 30_000,
}, async () => {
  // A full queue of a server that accepts nobody: what comes is dropped, as on a network that swallows everything.
  const blocked = `
    const { createServer } = require('node:net');
    const { parentPort } = require('node:worker_threads');
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const worker = new Worker(blocked, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  const filling = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  const line = openLine(parseEndpoint(`http://127.0.0.1:${port}`, undefined), { world: testWorld() });
  await expect(line.call((client) => client.listDatabases())).rejects.toMatchObject({
    message: `No connection to Milvus at 127.0.0.1:${port}: it does not answer.`,
  });
  for (const socket of filling) socket.destroy();
  await line.close();
  await worker.terminate();
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

test.each([
  [
    2,
    'Received HTTP status code 413',
    /^A proxy in front of Milvus at nas:443 does not let as much/,
    /client_max_body/,
  ],
  [14, 'Received HTTP status code 502', /: a proxy answers there, which does not reach it\.$/, /MILVUS_URI/],
])('what a proxy says in place of Milvus is said in words: %i %s', (code, details, message, hint) => {
  const failure = failureOf(Object.assign(new Error(details), { code, details }));
  if (failure === null) throw new Error('that is no failure');
  const { message: said, hint: next } = userError(failure, parseEndpoint('https://nas', undefined));
  expect(said).toMatch(message);
  expect(next).toMatch(hint);
});
