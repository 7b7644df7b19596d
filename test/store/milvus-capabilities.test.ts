import { expect, test } from 'vitest';
import { capabilitiesOf, demandVersion, layoutOf, searchParams } from '../../src/store/milvus/capabilities.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { failureOf, userError } from '../../src/store/milvus/failure.ts';

test('what a server can do follows from the version that it names', () => {
  expect(capabilitiesOf('server', 'v2.3.5-lite')).toMatchObject({
    version: '2.3.5',
    databases: true,
    partitionKeys: false,
    vectorTypes: ['float32'],
    indexTypes: ['HNSW', 'DISKANN'],
  });
  expect(capabilitiesOf('server', '2.2.8').databases).toBe(false);
  expect(capabilitiesOf('server', 'v2.10.0')).toMatchObject({
    partitionKeys: true,
    vectorTypes: ['float32', 'float16'],
  });
  expect(capabilitiesOf('server', 'v2.6.0').indexTypes).toContain('IVF_RABITQ');
  // What names no version is taken for the oldest.
  expect(capabilitiesOf('server', null)).toMatchObject({ version: null, vectorTypes: ['float32'] });
  expect(capabilitiesOf('zilliz', 'v2.5.1').indexTypes).toEqual(['AUTOINDEX']);
  expect(capabilitiesOf('lite', null)).toMatchObject({ version: null, databases: false, indexTypes: [] });
});

test('a server that is too old is refused by its version, and one that names none is taken', () => {
  const nas = parseEndpoint('http://nas:19530', undefined);
  // As servers of 2.3.0 to 2.3.3 from PyPI, of 2.3.5, and builds of a branch say it.
  for (const said of ['v2.2-testing-20230824-68-ga34a9d6-lite', 'v2.3.3-lite', '1.1.1']) {
    expect(() => demandVersion(nas, said)).toThrow(expect.objectContaining({ code: 'store_version' }));
  }
  expect(() => demandVersion(nas, 'v2.3.3-lite')).toThrow(
    expect.objectContaining({
      message: 'Milvus at nas:19530 is version 2.3.3, which is too old for curate.',
      hint: expect.stringContaining('2.3.4 or newer'),
    }),
  );
  for (const said of ['v2.3.4-lite', '2.3-20231114-0d3f7a2', '2.10.0', 'v3.0.0', 'master-20240101', null]) {
    expect(() => demandVersion(nas, said)).not.toThrow();
  }
  // Of a cloud it is the cloud's business.
  expect(() => demandVersion(parseEndpoint('https://in01.zillizcloud.com', 'key'), 'v2.2.0')).not.toThrow();
});

test('each home has its index, and servers one for what filters ask for', () => {
  expect(layoutOf({ home: 'lite' })).toEqual({ index: null, indexedFields: [] });
  expect(layoutOf({ home: 'server' })).toMatchObject({
    index: { index_type: 'HNSW', metric_type: 'IP' },
    indexedFields: ['library', 'taken_ms', 'mtime_ms'],
  });
  expect(layoutOf({ home: 'zilliz' }).index?.index_type).toBe('AUTOINDEX');
});

test('a search in a part of the photos looks at more candidates, and none at fewer than are wanted', () => {
  expect(searchParams('server', 6, 'filtered').ef).toBeGreaterThan(searchParams('server', 6, 'all').ef ?? 0);
  expect(searchParams('server', 5_000, 'all')).toEqual({ ef: 5_000 });
  expect(searchParams('lite', 6, 'filtered')).toEqual({});
  expect(searchParams('zilliz', 6, 'filtered')).toEqual({});
});

test('a server that takes no further collection is one line and the next step', () => {
  // As 2.3.5 says it.
  const reason =
    'max number of collection has reached the limit in DB: exceeded the limit number of collections[limit=3]';
  const failure = failureOf({ code: 102, error_code: 'UnexpectedError', reason });
  if (failure === null) throw new Error('it is a failure');
  const said = (uri: string) => userError(failure, parseEndpoint(uri, undefined));
  expect(said('http://nas:19530')).toMatchObject({
    code: 'store_full',
    message: expect.stringContaining('nas:19530 takes no further collection'),
    hint: expect.stringContaining('maxCollectionNum'),
  });
  expect(said('https://in01.zillizcloud.com').hint).toContain('the free one has 5');
});
