import { expect, test } from 'vitest';
import { parseEndpoint, placeOf } from '../../src/store/milvus/endpoint.ts';

test('a Milvus URI may leave out what has a usual value', () => {
  expect(parseEndpoint('http://milvus.lan:19531', undefined)).toMatchObject({
    kind: 'server',
    address: 'milvus.lan:19531',
  });
  expect(parseEndpoint('http://milvus.lan', undefined)).toMatchObject({ address: 'milvus.lan:19530' });
  expect(parseEndpoint('milvus.lan', undefined)).toMatchObject({ address: 'milvus.lan:19530' });
  expect(parseEndpoint('192.168.1.5:19530/', undefined)).toMatchObject({ address: '192.168.1.5:19530' });
  expect(parseEndpoint('http://[::1]:19530', undefined)).toMatchObject({ address: '[::1]:19530' });
  expect(parseEndpoint('https://milvus.lan', undefined)).toMatchObject({ address: 'https://milvus.lan:443' });
});

test('https, and settings about TLS where no scheme is written, mean TLS', () => {
  const tls = { ca: 'PEM' };
  expect(parseEndpoint('https://milvus.lan', undefined).tls).toEqual({});
  expect(parseEndpoint('https://milvus.lan', undefined, {}, tls).tls).toEqual(tls);
  expect(parseEndpoint('milvus.lan', undefined, {}, tls)).toMatchObject({ address: 'https://milvus.lan:19530', tls });
  expect(parseEndpoint('http://milvus.lan', undefined, {}, tls).tls).toBeUndefined();
});

test('all spellings of an address are one place', () => {
  for (const uri of ['milvus.lan', 'http://Milvus.LAN', 'http://milvus.lan:19530/', 'MILVUS.lan:19530'])
    expect(placeOf(uri)).toBe('milvus.lan:19530');
  expect(placeOf('https://milvus.lan')).toBe('milvus.lan:443');
  expect(placeOf('/home/me/milvus.db')).toBeNull();
});

test('Zilliz Cloud is known by its host', () => {
  for (const host of [
    'in03-1.serverless.gcp-us-west1.cloud.zilliz.com',
    'in01-2.ali-cn.vectordb.zilliz.com.cn',
    'x.zillizcloud.com',
  ]) {
    expect(parseEndpoint(`https://${host}`, 'key')).toMatchObject({
      kind: 'zilliz',
      address: `https://${host}:443`,
      token: 'key',
    });
  }
  expect(parseEndpoint('https://notzilliz.com', 'key').kind).toBe('server');
});

test.each([
  './milvus.db',
  '/home/me/milvus.db',
  'ftp://milvus.lan',
  'http://',
  'http://milvus.lan/db',
  'http://milvus.lan?db',
  'http://milvus:19#30',
  'a b',
  'unix:/tmp/s',
])('%s is no Milvus URI', (uri) => {
  const error = expect.objectContaining({ code: 'settings', hint: expect.stringContaining('http://host:19530') });
  expect(() => parseEndpoint(uri, undefined)).toThrow(error);
});
