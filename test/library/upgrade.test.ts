import { copyFile, cp, mkdir, mkdtemp, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { IndexEvent } from '../../src/library/index/events.ts';
import { indexPhotos } from '../../src/library/index/index-photos.ts';
import { onMachine, openMachine } from '../../src/library/machine.ts';
import { photoId } from '../../src/library/paths.ts';
import { FACTS_VERSION } from '../../src/photos/facts.ts';
import { connectLite } from '../../src/store/lite/connect.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { liteEndpoint } from '../../src/store/milvus/endpoint.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { UNREAD } from '../../src/store/port.ts';
import { collect, freshModel } from '../store/samples.ts';
import { writeLibraryOfVersion1, writeVersion1 } from '../store/version-1.ts';
import { HashEmbedder } from '../support/hash-embedder.ts';
import { onlyMachine } from '../support/indexer.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';

let home: LiteHome;
let root: string;
beforeAll(async () => {
  home = await liteHome();
  root = await realpath(await mkdtemp(join(tmpdir(), 'curate-old-')));
});
afterAll(async () => {
  await home.remove();
  await rm(root, { recursive: true, force: true });
});

it('an index run brings an index that curate 0.1.0 made along, and embeds nothing again', async () => {
  const reach = async () => {
    const { address, token } = await connectLite(home.world, home.paths, () => undefined);
    return liteEndpoint(address, token);
  };
  const line = openLine(await reach(), { world: home.world, reconnect: reach });
  const machine = openMachine({ paths: { ...home.paths, config: home.paths.data, cache: home.paths.data } });
  const store = onMachine(milvusStore(line), machine);
  const model = freshModel(4);
  const library = { id: 'old', name: 'Old', root };
  await writeLibraryOfVersion1(line, library);
  const rows = await Promise.all(
    ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg', 'e.jpg'].map(async (path) => {
      await writeFile(join(root, path), path);
      const embedded = await new HashEmbedder().embed({ file: join(root, path) });
      if (embedded.kind !== 'embedded') throw new Error('a file of its own name can be embedded');
      const place = { id: photoId(library.id, path), library: library.id, path };
      return { ...UNREAD, ...embedded.photo, ...place, takenMs: 1_690_000_000_000 };
    }),
  );
  await writeVersion1(line, model, rows);

  const embedder = new HashEmbedder();
  const events: IndexEvent[] = [];
  const table = store.table(model);
  const index = (dryRun: boolean) =>
    indexPhotos(
      {
        store,
        table,
        openEmbedder: async () => embedder,
        onEvent: (event) => events.push(event),
        ...onlyMachine(),
        machine,
        elapsed: () => performance.now(),
        interrupted: new AbortController().signal,
        confirmPrune: async () => false,
      },
      { roots: [root], ignore: [], dryRun },
    );
  await index(true);
  expect(events.map(({ kind }) => kind)).not.toContain('upgrading');
  expect(await machine.roots()).toEqual(new Map());
  const { libraries } = await index(false);
  expect(libraries).toMatchObject([{ photos: 5, added: 0, updated: 0, unchanged: 5 }]);
  expect(embedder.embedded).toBe(0);
  expect(events.filter(({ kind }) => kind === 'upgrading').at(-1)).toMatchObject({ done: 5, total: 5 });
  const { libraries: again } = await index(false);
  expect(again).toMatchObject([{ photos: 5, unchanged: 5 }]);
  const read = await collect(table.all());
  // The moment that version 0.1.0 kept is read again from the file, which has none here.
  expect(read.map(({ facts, takenMs }) => [facts, takenMs])).toEqual(Array(5).fill([FACTS_VERSION, null]));
  const ids = new Map((await collect(table.all({ vectors: true }))).map(({ id, vector }) => [id, vector]));
  expect(ids).toEqual(new Map(rows.map(({ id, vector }) => [id, vector])));
  // The folder is this machine's knowledge from now on; what the store said stays for machines that come later.
  expect(await machine.roots()).toEqual(new Map([[library.id, root]]));
  expect(await milvusStore(line).libraries()).toMatchObject([{ ...library, model: 'test', generation: 1 }]);
  expect((await line.call((client) => client.hasCollection({ collection_name: 'curate_libraries_v1' }))).value).toBe(
    false,
  );
  await store.close();
});

/** An index of three fixtures that the released version 0.1.0 itself made on Milvus Lite, as its data folder has it. */
const MADE_BY_0_1_0 = fileURLToPath(new URL('../data/index-0.1.0/', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../../fixtures/photos/pets/', import.meta.url));

it('an index that version 0.1.0 itself left behind is searched as it is, and continued without embedding', async () => {
  const home = await liteHome();
  try {
    await cp(MADE_BY_0_1_0, home.paths.data, { recursive: true });
    const pets = join(root, 'pets');
    await mkdir(join(pets, 'cats'), { recursive: true });
    for (const [fixture, path] of [
      ['kitten-4.jpg', 'cats/kitten-4.jpg'],
      ['dog-1.jpg', 'dog-1.jpg'],
      ['wool.webp', 'wool.webp'],
    ] as const) {
      await copyFile(join(FIXTURES, fixture), join(pets, path));
      await utimes(join(pets, path), new Date('2024-08-12T10:00:00.500Z'), new Date('2024-08-12T10:00:00.500Z'));
    }
    const { address, token } = await connectLite(home.world, home.paths, () => undefined);
    const line = openLine(liteEndpoint(address, token), { world: home.world });
    const paths = { ...home.paths, config: home.paths.data, cache: home.paths.data };
    // The folder is another one than then, as of a drive that mounts elsewhere.
    const machine = openMachine({ paths, roots: { pets } });
    const store = onMachine(milvusStore(line), machine);
    const [indexed] = await store.models();
    if (indexed === undefined) throw new Error('there is a model with photos');
    expect(indexed).toMatchObject({ photos: 3, model: { id: 'resnet50', dim: 2048 } });
    const table = store.table(indexed.model);
    const before = await collect(table.all({ vectors: true }));
    const nearest = async (): Promise<(string | undefined)[]> =>
      Promise.all(before.map(async ({ vector }) => (await table.search(vector, { k: 1 }))[0]?.path));
    expect(await nearest()).toEqual(before.map(({ path }) => path));
    const embedder = new HashEmbedder();
    const run = () =>
      indexPhotos(
        {
          store,
          table,
          openEmbedder: async () => embedder,
          onEvent: () => undefined,
          ...onlyMachine(),
          machine,
          elapsed: () => performance.now(),
          interrupted: new AbortController().signal,
          confirmPrune: async () => false,
        },
        { roots: [], ignore: [] },
      );
    expect((await run()).libraries).toMatchObject([{ name: 'pets', photos: 3, unchanged: 3, added: 0, removed: 0 }]);
    expect((await run()).libraries).toMatchObject([{ photos: 3, unchanged: 3 }]);
    expect(embedder.embedded).toBe(0);
    const after = await collect(table.all({ vectors: true }));
    expect(after.map(({ id, vector }) => [id, vector])).toEqual(before.map(({ id, vector }) => [id, vector]));
    expect(await nearest()).toEqual(before.map(({ path }) => path));
    const { data } = await line.call((client) => client.showCollections());
    expect(data.map(({ name }) => name).filter((name) => name.includes('_v1'))).toEqual([]);
    await store.close();
  } finally {
    await home.remove();
  }
});
