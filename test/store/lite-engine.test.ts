import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectLite, readState } from '../../src/store/lite/connect.ts';
import { liteFolders } from '../../src/store/lite/folders.ts';
import { stopLite } from '../../src/store/lite/server.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { liteEndpoint } from '../../src/store/milvus/endpoint.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import type { ModelIdentity, PhotoIndex, PhotoRow } from '../../src/store/port.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';
import { collect, freshModel, photo, unit } from './samples.ts';

const DIM = 256;

let home: LiteHome;
let model: ModelIdentity;

beforeEach(async () => {
  home = await liteHome();
  model = freshModel(DIM);
});
afterEach(() => home.remove());

const folders = () => liteFolders(home.paths.data);
const collections = () => join(folders().server, 'db', 'collections');

async function open(): Promise<PhotoIndex> {
  const reach = async () => {
    const { address, token } = await connectLite(home.world, home.paths, () => undefined);
    return liteEndpoint(address, token);
  };
  const store = milvusStore(openLine(await reach(), { world: home.world, reconnect: reach }));
  return { store, table: store.table(model) };
}

async function pid(): Promise<number> {
  return (await readState(folders().state))?.pid ?? Number.NaN;
}

async function untilGone(server: number): Promise<void> {
  while (home.world.signal(server, 0)) await sleep(20);
}

async function kill(): Promise<void> {
  const server = await pid();
  home.world.signal(server, 'SIGKILL');
  await untilGone(server);
}

/** Photos with reproducible vectors; `salt` changes them all. */
function photos(from: number, to: number, salt = 1): PhotoRow[] {
  return Array.from({ length: to - from }, (_, index) => {
    const number = from + index;
    const values = Array.from({ length: DIM }, (_, axis) => Math.sin(number * 12.9898 * salt + axis * 78.233));
    const side = 3000 - 100 * salt;
    return photo(`${number}.jpg`, { vector: unit(values), size: number, width: side, height: side });
  });
}

/** The one collection of photos on the disk. */
async function collectionFolder(): Promise<string> {
  const names = (await readdir(collections())).filter((name) => name.includes(model.sha256.slice(0, 8)));
  expect(names).toHaveLength(1);
  return join(collections(), names[0] ?? '');
}

async function dataFiles(): Promise<string[]> {
  const data = join(await collectionFolder(), 'partitions', '_default', 'data');
  return (await readdir(data)).map((name) => join(data, name));
}

describe('a disk that refuses a write', () => {
  it.runIf(process.platform === 'linux')(
    'ends the server; what was confirmed before is there afterwards, and what is confirmed later stays',
    async () => {
      const { store, table } = await open();
      await table.upsert(photos(0, 200));
      const server = await pid();
      const [log = ''] = await readdir(join(await collectionFolder(), 'wal'));
      const { size } = await stat(join(await collectionFolder(), 'wal', log));
      // A file may not grow beyond this: the next batch is cut off half way, as on a full disk.
      await promisify(execFile)('prlimit', ['--pid', String(server), `--fsize=${size + 50_000}`]);
      await expect(table.upsert(photos(200, 400))).rejects.toThrow();
      await untilGone(server);
      expect(await table.count()).toBe(200);
      await table.upsert(photos(400, 600));
      await kill();
      expect(await table.count()).toBe(400);
      await store.close();
    },
  );

  it('loses nothing when it refuses a data file', async () => {
    const { store, table } = await open();
    await table.upsert(photos(0, 200));
    const server = await pid();
    const obstacle = join(await collectionFolder(), 'partitions');
    await rename(obstacle, `${obstacle}.aside`).catch(() => undefined);
    await writeFile(obstacle, '');
    await expect(table.flush()).rejects.toThrow();
    await untilGone(server);
    await rm(obstacle);
    await rename(`${obstacle}.aside`, obstacle).catch(() => undefined);
    expect(await table.count()).toBe(200);
    await table.upsert(photos(200, 300));
    await table.flush();
    await kill();
    expect(await table.count()).toBe(300);
    await store.close();
  });
});

describe('damage', () => {
  /** 300 photos in a data file, the server ended. */
  let sound: LiteHome;
  let soundModel: ModelIdentity;
  beforeAll(async () => {
    sound = await liteHome();
    soundModel = freshModel(DIM);
    [home, model] = [sound, soundModel];
    const { store, table } = await open();
    await table.upsert(photos(0, 300));
    await table.flush();
    await store.close();
    await stopLite(home.world, home.paths);
  });
  afterAll(() => sound.remove());

  /** The home of the test with a copy of those photos. */
  async function prepare(): Promise<void> {
    model = soundModel;
    await cp(liteFolders(sound.paths.data).server, folders().server, { recursive: true });
  }

  async function expectNamed(file: string): Promise<void> {
    const before = await readdir(collections(), { recursive: true });
    await expect(open()).rejects.toMatchObject({
      code: 'store_damaged',
      message: expect.stringContaining(file),
      hint: expect.stringContaining(folders().server),
    });
    expect(await readdir(collections(), { recursive: true })).toEqual(before);
  }

  it('is named, and nothing is touched, when a data file was cut short', async () => {
    await prepare();
    const [file = ''] = await dataFiles();
    await truncate(file, 10_000);
    await expectNamed(file);
  });

  it('is named, and nothing is touched, when a data file is missing', async () => {
    await prepare();
    const [file = ''] = await dataFiles();
    await rm(file);
    await expectNamed(file);
  });

  it('is named, and nothing is touched, when the list of data files is missing or not readable', async () => {
    await prepare();
    const manifest = join(await collectionFolder(), 'manifest.json');
    const text = await readFile(manifest);
    await rm(manifest);
    await expectNamed(manifest);
    await writeFile(manifest, '{"partitions":');
    await expectNamed(manifest);
    await writeFile(manifest, text);
    const { store, table } = await open();
    expect(await table.count()).toBe(300);
    await store.close();
  });

  it('is named, and nothing is touched, when the schema of rows that stand in the log alone is missing', async () => {
    const { store, table } = await open();
    await table.upsert(photos(0, 200));
    await kill();
    await store.close();
    const schema = join(await collectionFolder(), 'schema.json');
    await rename(schema, `${schema}.aside`);
    await expectNamed(schema);
    await rename(`${schema}.aside`, schema);
    const again = await open();
    expect(await again.table.count()).toBe(200);
    await again.store.close();
  });

  it('is named, and nothing is touched, when a folder of somebody else stands among the collections', async () => {
    await prepare();
    const holiday = join(collections(), 'holiday');
    await mkdir(holiday);
    await writeFile(join(holiday, 'diary.txt'), 'dear diary');
    await expectNamed(holiday);
  });

  it('is named when a single bit of a vector has changed', async () => {
    await prepare();
    const [file = ''] = await dataFiles();
    const bytes = await readFile(file);
    const middle = bytes.length >> 1;
    bytes.writeUInt8((bytes[middle] ?? 0) ^ 1, middle);
    await writeFile(file, bytes);
    const { store, table } = await open();
    await expect(table.count()).rejects.toThrow(`damaged: ${file}`);
    await store.close();
    expect(await readFile(file)).toEqual(bytes);
  });

  it('is not what a collection is whose making was killed: that is cleared', async () => {
    await prepare();
    const half = join(collections(), 'half_made');
    await mkdir(half);
    await writeFile(join(half, 'schema.json.tmp'), '{');
    const { store, table } = await open();
    expect(await readdir(collections())).not.toContain('half_made');
    expect(await table.count()).toBe(300);
    await store.close();
  });
});

describe('reading what was written', () => {
  it('gives the same rows and hits from memory, from a data file, and from the log after a kill', async () => {
    const current = new Map(photos(0, 300).map((row) => [row.id, row]));
    const { store, table } = await open();
    await table.upsert(photos(0, 150));
    await table.flush();
    await table.upsert(photos(100, 300));
    // Replaced rows and removed rows, in the data file and in memory.
    for (const row of [...photos(10, 20, 2), ...photos(200, 210, 2)]) current.set(row.id, row);
    await table.upsert([...photos(10, 20, 2), ...photos(200, 210, 2)]);
    const removed = [...photos(50, 60), ...photos(250, 260)].map(({ id }) => id);
    for (const id of removed) current.delete(id);
    await table.remove(removed);

    const query = photos(12, 13, 2)[0]?.vector ?? unit([1]);
    const dot = (vector: Float32Array): number =>
      vector.reduce((sum, value, axis) => sum + value * (query[axis] ?? 0), 0);
    const best = (passes: (row: PhotoRow) => boolean): PhotoRow[] =>
      [...current.values()]
        .filter(passes)
        .sort((a, b) => dot(b.vector) - dot(a.vector))
        .slice(0, 10);
    const expected = best(() => true);
    const check = async (): Promise<void> => {
      expect(await table.count()).toBe(current.size);
      expect(await table.count('holiday')).toBe(current.size);
      const listed = await collect(table.photos('holiday'));
      expect(new Map(listed.map(({ id, size }) => [id, size]))).toEqual(
        new Map([...current.values()].map(({ id, size }) => [id, size])),
      );
      const hits = await table.search(query, { k: 10 });
      expect(hits.map(({ path }) => path)).toEqual(expected.map(({ path }) => path));
      const whole = await table.search(query, { k: 10, vectors: true });
      expect(whole.map(({ vector }) => vector)).toEqual(expected.map(({ vector }) => vector));
      expect(whole.map(({ vector: _, score, ...hit }) => ({ ...hit, score: score.toFixed(5) }))).toEqual(
        hits.map(({ score, ...hit }) => ({ ...hit, score: score.toFixed(5) })),
      );
      // Rows that were replaced by smaller ones, which do not pass, are not found in their place.
      const large = await table.search(query, { k: 10, filter: { minSide: 2900 } });
      expect(large.map(({ path }) => path)).toEqual(best(({ width }) => width >= 2900).map(({ path }) => path));
      const rows = await table.rows([...expected.map(({ id }) => id), ...removed]);
      expect(new Map(rows.map(({ id, vector }) => [id, vector]))).toEqual(
        new Map(expected.map(({ id, vector }) => [id, vector])),
      );
    };
    await check();
    await kill();
    await check();
    await table.flush();
    await check();
    await kill();
    await check();
    await store.close();
  });

  it('gives each row once after a kill between the list of data files and the end of the log', async () => {
    const { store, table } = await open();
    await table.upsert(photos(0, 20));
    const [log, aside] = [join(await collectionFolder(), 'wal'), join(home.paths.data, 'aside')];
    await cp(log, aside, { recursive: true });
    await table.flush();
    await kill();
    await cp(aside, log, { recursive: true });
    const [query = unit([1])] = photos(0, 1).map(({ vector }) => vector);
    const found = async () => (await table.search(query, { k: 50 })).map(({ id }) => id).sort();
    const written = (to: number) =>
      photos(0, to)
        .map(({ id }) => id)
        .sort();
    expect(await found()).toEqual(written(20));
    // Beside rows that are in memory, too, and when those have become a data file.
    await table.upsert(photos(20, 25));
    expect(await found()).toEqual(written(25));
    await table.flush();
    expect(await found()).toEqual(written(25));
    expect(await table.count()).toBe(25);
    await store.close();
  });

  it('gives the last version of each row when files that hold several are merged', async () => {
    const current = new Map<string, PhotoRow>();
    const { store, table } = await open();
    for (const turn of [1, 2, 3, 4, 5, 6]) {
      const rows = photos(turn * 20, turn * 20 + 50, turn);
      for (const row of rows) current.set(row.id, row);
      await table.upsert(rows);
      await table.flush();
    }
    expect((await dataFiles()).length).toBeLessThan(6);
    const rows = await table.rows([...current.keys()]);
    expect(new Map(rows.map(({ id, vector }) => [id, vector]))).toEqual(
      new Map([...current.values()].map(({ id, vector }) => [id, vector])),
    );
    expect(await table.count()).toBe(current.size);
    for (const row of photos(130, 140, 6)) {
      const [nearest] = await table.search(row.vector, { k: 1, vectors: true });
      expect(nearest).toMatchObject({ id: row.id, width: row.width, vector: row.vector });
    }
    await store.close();
  });
});
