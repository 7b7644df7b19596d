import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { indexPhotos } from '../../src/library/index/index-photos.ts';
import { photo } from '../store/samples.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { onlyMachine } from '../support/indexer.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** More than fit on the stack as arguments of one call, which is about 120,000. */
const FILES = 150_000;
const ROWS = 150_000;
const PER_FOLDER = 1_000;

let home: string;
beforeAll(async () => {
  // In memory, where links take a third of the time.
  home = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'curate-large-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }), 600_000);

function deps(store: MemoryStore) {
  return {
    store,
    table: store.table(testModel),
    openEmbedder: async () => new HashEmbedder(),
    onEvent: () => undefined,
    interrupted: new AbortController().signal,
    ...onlyMachine(),
    elapsed: () => performance.now(),
    confirmPrune: async () => true,
  };
}

it('a first index of more than a hundred thousand photos is planned', { timeout: 600_000 }, async () => {
  const root = join(home, 'many');
  for (let folder = 0; folder < FILES / PER_FOLDER; folder += 1) {
    const path = join(root, String(folder));
    mkdirSync(path, { recursive: true });
    const first = join(path, '0.jpg');
    writeFileSync(first, 'x');
    // Links: cheaper than as many files.
    for (let i = 1; i < PER_FOLDER; i += 1) linkSync(first, join(path, `${i}.jpg`));
  }
  const { libraries } = await indexPhotos(deps(new MemoryStore()), { roots: [root], ignore: [], dryRun: true });
  expect(libraries).toMatchObject([{ added: FILES, photos: FILES, failed: [], skipped: [] }]);
});

it('more than a hundred thousand rows are compared, searched and removed', { timeout: 600_000 }, async () => {
  const root = join(home, 'few');
  await mkdir(root);
  await writeFile(join(root, 'new.jpg'), 'new');
  const store = new MemoryStore();
  const table = store.table(testModel);
  const library = { id: 'few', name: 'few', root };
  await store.putLibrary(library);
  const [row] = [photo('0.jpg', { library: library.id })];
  const vector = Float32Array.of(1, 0, 0, 0);
  await table.upsert(
    Array.from({ length: ROWS }, (_, i) => ({ ...row, id: `${i}`, path: `${i}.jpg`, sha256: `${i}`, vector })),
  );
  const { libraries } = await indexPhotos(deps(store), { roots: [root], ignore: [] });
  expect(libraries).toMatchObject([{ added: 1, removed: ROWS, photos: 1 }]);
  expect(await table.search(vector, { k: 10 })).toHaveLength(1);
});
