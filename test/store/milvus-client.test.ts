import { once } from 'node:events';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { openLine } from '../../src/store/milvus/client.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { failureOf } from '../../src/store/milvus/failure.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { freshModel } from './samples.ts';

async function countAt(uri: string): Promise<number> {
  const store = milvusStore(openLine(parseEndpoint(uri, undefined), null));
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
