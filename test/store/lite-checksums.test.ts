import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectLite, readState } from '../../src/store/lite/connect.ts';
import { liteFolders, RUNTIME } from '../../src/store/lite/folders.ts';
import { findAnyRuntime } from '../../src/store/lite/provision.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { liteEndpoint } from '../../src/store/milvus/endpoint.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import type { PhotoIndex } from '../../src/store/port.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';
import { freshModel, photo, unit } from './samples.ts';

const SCRIPT = fileURLToPath(new URL('./lite_faults.py', import.meta.url));
/** `npm run test:faults` asks for more of everything. */
const THOROUGH = Number(process.env.CURATE_KILLS ?? 20) / 20;
const DIM = 32;
const model = freshModel(DIM);

interface Report {
  readonly same: number;
  readonly named: number;
  readonly shorter: number;
  readonly wrong: readonly string[];
}

let home: LiteHome;
const database = (): string => join(liteFolders(home.paths.data).server, 'db');

async function open(): Promise<PhotoIndex> {
  const reach = async () => {
    const { address, token } = await connectLite(home.world, home.paths, () => undefined);
    return liteEndpoint(address, token);
  };
  const store = milvusStore(openLine(await reach(), { world: home.world, reconnect: reach }));
  return { store, table: store.table(model) };
}

async function kill(): Promise<void> {
  const { pid } = (await readState(liteFolders(home.paths.data).state)) ?? {};
  home.world.signal(pid ?? Number.NaN, 'SIGKILL');
  while (home.world.signal(pid ?? Number.NaN, 0)) await sleep(20);
}

function photos(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => {
    const number = from + index;
    const vector = unit(Array.from({ length: DIM }, (_, axis) => Math.sin(number * 12.9898 + axis * 78.233)));
    return photo(`${number}.jpg`, { vector, size: number });
  });
}

/** Rows in data files, removed rows in a file of their own, and then rows and removals that stand in the log alone. */
beforeAll(async () => {
  home = await liteHome();
  const { store, table } = await open();
  await store.putLibrary({ id: 'holiday', name: 'Holiday', root: '/photos/holiday' });
  await table.upsert(photos(0, 60));
  await table.remove(photos(0, 5).map(({ id }) => id));
  await table.flush();
  for (const start of [50, 70, 90]) await table.upsert(photos(start, start + 20));
  await table.remove(photos(10, 15).map(({ id }) => id));
  await table.remove(photos(80, 85).map(({ id }) => id));
  await kill();
  await store.close();
});
afterAll(() => home.remove());

async function harm(kind: 'garble' | 'kill', trials: number): Promise<Report> {
  const python = (await findAnyRuntime(home.world, liteFolders(home.paths.data)))?.python ?? '';
  const seed = String(Math.floor(Math.random() * 1e9));
  const { stdout } = await promisify(execFile)(python, ['-B', SCRIPT, RUNTIME, database(), kind, String(trials), seed]);
  const report = JSON.parse(stdout) as Report;
  expect(report.wrong, `seed ${seed}`).toEqual([]);
  expect(report.same + report.named + report.shorter).toBe(trials);
  return report;
}

async function files(pattern: RegExp): Promise<string[]> {
  const entries = await readdir(database(), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths.filter((path) => pattern.test(path));
}

describe('a database with recent rows in its log', () => {
  it('holds what the tests below harm', async () => {
    expect(await files(/wal_(data|delta)_\d+\.arrow$/)).toHaveLength(3);
    expect(await files(/\.crc32$/)).toHaveLength(3);
    expect(await files(/\.parquet$/)).toHaveLength(2);
  });

  it('gives the same rows when any of its files is harmed at random, or names that file', async () => {
    const { same, named } = await harm('garble', 200 * THOROUGH);
    // Copies of files that are not read, and damage to seals alone, change nothing.
    expect(same).toBeGreaterThan(0);
    expect(named).toBeGreaterThan(same / 2);
  });

  it('opens wherever a kill cut its log short, with every row that was confirmed', async () => {
    const { same, shorter } = await harm('kill', 60 * THOROUGH);
    expect(same).toBeGreaterThan(0);
    expect(shorter).toBeGreaterThan(0);
  });

  it('opens also when an earlier version wrote it, without checksums', async () => {
    for (const file of await files(/\.crc32$/)) await rm(file);
    for (const file of await files(/(manifest|schema)\.json$/)) {
      const { crc32, crc32_of_files, ...record } = JSON.parse(await readFile(file, 'utf8'));
      expect(crc32).toBeTypeOf('number');
      await writeFile(file, JSON.stringify(record));
    }
    const { store, table } = await open();
    expect(await table.count()).toBe(110 - 5 - 5 - 5);
    await table.upsert(photos(200, 210));
    await table.flush();
    await kill();
    const again = await open();
    expect(await again.table.count()).toBe(105);
    await Promise.all([store.close(), again.store.close()]);
  });
});
