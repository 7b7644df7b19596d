import { expect, test } from 'vitest';
import {
  embedDocument,
  type IndexDocument,
  indexDocument,
  librariesDocument,
  type SearchDocument,
  searchDocument,
  statusDocument,
} from '../../src/output/documents/library.ts';
import { photoFacts } from '../../src/output/photo-facts.ts';
import { photo } from '../store/samples.ts';
import { testModel } from '../support/hash-embedder.ts';

const model = { id: testModel.id, sha256: testModel.sha256, dim: testModel.dim };
const library = { id: 'secret', name: 'Photos', root: '/photos', photos: 3, available: false };

test('documents name the model by its identity alone, and libraries without their ids', () => {
  const searched: SearchDocument = searchDocument({
    query: ['/a.jpg'],
    terms: [{ kind: 'photo', value: '/a.jpg', weight: 1 }],
    k: 6,
    model: testModel,
    order: 'rerank',
    results: [],
    elapsedMs: 12.6,
  });
  expect(searched).toEqual({
    schema: 'curate.search/1',
    query: ['/a.jpg'],
    terms: [{ kind: 'photo', value: '/a.jpg', weight: 1 }],
    k: 6,
    model,
    order: 'rerank',
    results: [],
    elapsedMs: 13,
  });
  const lease = { token: 't', machine: 'm', holder: 'nas (process 1)', until: 60_000 };
  const entry = {
    name: 'Photos',
    root: '/photos',
    photos: 3,
    available: false,
    mounted: true,
    indexing: null,
    arriving: null,
  };
  const elsewhere = { ...library, root: 'Photos:', lease: { ...lease, since: 0 } };
  const indexing = { by: 'nas (process 1)', since: '1970-01-01T00:00:00.000Z' };
  expect(librariesDocument([library, elsewhere])).toEqual({
    schema: 'curate.library/1',
    libraries: [entry, { ...entry, root: null, mounted: false, indexing }],
  });
  const folders = { data: '/data', cache: '/cache' };
  const sizes = { dataBytes: 1, cacheBytes: 2 };
  const store = { kind: 'lite' as const, uri: null };
  expect(
    statusDocument({ model: testModel, store, libraries: [library], models: [], sizes, folders, unlisted: [] }),
  ).toEqual({
    schema: 'curate.status/1',
    model,
    store,
    libraries: [entry],
    collections: [],
    sizes,
    folders,
    unlisted: [],
  });
});

test('a run that embedded nothing has a rate of nothing', () => {
  const report = { libraries: [], embedded: 0, embeddingSeconds: 0, interrupted: false };
  const indexed: IndexDocument = indexDocument({
    report,
    model: testModel,
    store: 'server',
    seconds: 1.23456,
    fasterModel: null,
  });
  expect(indexed).toEqual({
    schema: 'curate.index/1',
    model,
    store: { kind: 'server' },
    libraries: [],
    seconds: 1.235,
    embeddedPerSecond: 0,
  });
});

test('vectors are written with the fewest digits that read back as the same float32', () => {
  const vector = Float32Array.of(0.1, 1 / 3, 1e-20, 0);
  const photo = { sha256: 'a', size: 1, mtimeMs: 1, width: 1, height: 1, camera: null, quality: 1 };
  const when = { takenMs: null, takenOffsetMinutes: null, takenFrom: null, facts: 1 };
  const line = embedDocument(
    { row: 0, file: '/a.jpg', kind: 'embedded', photo: { ...photo, ...when, vector } },
    testModel,
  );
  const read: unknown = JSON.parse(JSON.stringify(line));
  expect(read).toMatchObject({ path: '/a.jpg', model: { id: 'test' }, dim: 4 });
  expect(Float32Array.from((read as { vector: number[] }).vector)).toEqual(vector);
  const fault = { code: 'corrupt', reason: 'is damaged' } as const;
  expect(embedDocument({ row: 0, file: '/a.jpg', kind: 'fault', fault }, testModel)).toEqual({
    schema: 'curate.embed/1',
    path: '/a.jpg',
    error: fault,
  });
});

test('what says when a photo was taken is named only where a time is known', () => {
  const row = { ...photo('a.jpg', { takenMs: null, takenFrom: 'original' }), libraryName: 'Photos' };
  expect(photoFacts(row)).toMatchObject({ takenAt: null, takenFrom: null });
  expect(photoFacts({ ...row, takenMs: 1000 })).toMatchObject({ takenFrom: 'original' });
});
