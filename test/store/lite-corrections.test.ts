import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectLite } from '../../src/store/lite/connect.ts';
import { type LiteFolders, liteFolders, RUNTIME } from '../../src/store/lite/folders.ts';
import { ensureRuntime } from '../../src/store/lite/provision.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';

const SCRIPT = fileURLToPath(new URL('./lite_corrections.py', import.meta.url));

let home: LiteHome;
let folders: LiteFolders;
let python: string;

beforeEach(async () => {
  home = await liteHome();
  folders = liteFolders(home.paths.data);
  ({ python } = await ensureRuntime(home.world, folders, () => undefined));
});
afterEach(() => home.remove());

async function tried(what: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(python, ['-B', SCRIPT, RUNTIME, what, join(home.paths.data, 'tried')]);
  return JSON.parse(stdout);
}

interface Row {
  readonly serves: string;
  readonly symptom: string;
  readonly shown_by: string;
  readonly replaces: readonly string[];
  readonly read: Readonly<Record<string, string>>;
}

describe('the table of corrections', () => {
  it('names all that is replaced, what each is for, and tests and benches that there are', async () => {
    const { rows, replaced } = (await tried('table')) as { rows: Row[]; replaced: string[] };
    expect(new Set(replaced)).toEqual(new Set(rows.flatMap((row) => row.replaces)));
    for (const row of rows) {
      expect(row.serves).toMatch(/^(safety|speed|memory)$/);
      expect(Object.keys(row.read)).not.toHaveLength(0);
      for (const shown of row.shown_by.split('; ')) {
        const [where = '', title = ''] = shown.split(/: (.*)/);
        const isTest = !where.startsWith('bench/');
        const text = await readFile(isTest ? join('test', 'store', `${where}.test.ts`) : where, 'utf8');
        if (isTest) expect(text).toContain(`'${title}'`);
      }
    }
  });
});

describe('an engine that is not the one that was read', () => {
  it('is noticed by its version', async () => {
    expect(await tried('version')).toMatch(/milvus-lite 9\.9\.9 is installed.*3\.2\.2/);
  });

  it.each(['digests', 'renamed'])('is noticed by each part that a correction relies on (%s)', async (what) => {
    const { said, unaltered } = (await tried(what)) as { said: Record<string, string | null>; unaltered: unknown };
    expect(Object.keys(said).length).toBeGreaterThan(20);
    for (const [part, words] of Object.entries(said)) expect(words).toContain(part);
    expect(unaltered).toBeNull();
  });

  const own = (): string => join(home.paths.data, 'own');

  /** A Python environment beside the shared one, with an engine that can be altered; the folder of its packages. */
  async function ownEnvironment(): Promise<string> {
    const shared = dirname(dirname(python));
    folders = liteFolders(own());
    const environment = join(folders.environments, basename(shared));
    const [version = ''] = await readdir(join(shared, 'lib'));
    const packages = join(environment, 'lib', version, 'site-packages');
    await mkdir(packages, { recursive: true });
    for (const entry of await readdir(shared)) {
      if (entry !== 'lib') await cp(join(shared, entry), join(environment, entry), { recursive: true });
    }
    const from = join(shared, 'lib', version, 'site-packages');
    for (const entry of await readdir(from)) {
      if (entry.startsWith('milvus_lite')) await cp(join(from, entry), join(packages, entry), { recursive: true });
      else await symlink(join(from, entry), join(packages, entry));
    }
    return packages;
  }

  it.each([
    ['a renamed target', join('milvus_lite', 'engine', 'flush.py'), /\bexecute_flush\b/g, 'run_flush', 'execute_flush'],
    [
      'a changed source',
      join('milvus_lite', 'storage', 'wal.py'),
      'self._data_sink.flush()',
      'pass',
      'storage.wal.WAL',
    ],
    ['another version', join('milvus_lite-3.2.2.dist-info', 'METADATA'), 'Version: 3.2.2', 'Version: 3.2.3', '3.2.3'],
  ])('stops before it touches anything, with what to do, for %s', async (_, file, from, to, named) => {
    const packages = await ownEnvironment();
    const text = await readFile(join(packages, file), 'utf8');
    const altered = text.replace(from, to);
    expect(altered).not.toBe(text);
    await writeFile(join(packages, file), altered);
    await expect(connectLite(home.world, { data: own() }, () => undefined)).rejects.toMatchObject({
      code: 'store_engine',
      message: expect.stringContaining(named),
      hint: expect.stringContaining(folders.environments),
    });
    expect(await readdir(folders.server)).not.toContain('db');
  });
});

describe('searching data files', () => {
  it('counts each key once, also when a kill has left the same rows in two of them', async () => {
    const [common, apart] = (await tried('newest')) as boolean[][][];
    expect(common).toEqual([
      [true, false],
      [false, false, true],
      [true, false],
    ]);
    expect(apart).toEqual([[true, true, true], [true]]);
  });

  it('measures how near every row is to each of a few vectors, however many rows and vectors', async () => {
    const off = Object.entries((await tried('products')) as Record<string, number | null>);
    expect(off).toHaveLength(24);
    // Products of 2,048 pairs of numbers of either sign, in float32: of the size of 45.
    for (const [which, difference] of off) expect([which, (difference ?? 1) < 1e-3]).toEqual([which, true]);
  });
});

describe('reading data files', () => {
  it('takes whole vectors from plain pages as Arrow does, and leaves every other layout to it', async () => {
    expect(await tried('vectors')).toEqual({
      'as curate writes': true,
      'many pages': true,
      'many groups': true,
      'without statistics': true,
      'with a gap': null,
      'with a gap in a vector': null,
      compressed: null,
      'by dictionary': null,
      'by streams of bytes': null,
      'in other pages': null,
      'no vectors': null,
    });
  });
});

describe('opening', () => {
  // The processes of a first search compete for the processor: a module of no use takes up to 50 ms.
  it.runIf(process.platform === 'linux')('imports neither gRPC nor what only Arrow asks for', async () => {
    await tried('order');
    expect(await tried('ahead')).toEqual({ open: ['photos'], failed: [], imported: [] });
  });
});

describe('writing', () => {
  it.runIf(process.platform === 'linux')('has a write and its seal on the disk before it confirms it', async () => {
    const events = (await tried('order')) as string[];
    const log = 'wal/wal_data_000001.arrow';
    expect(events.slice(0, events.indexOf('confirmed insert'))).toEqual([
      `disk ${log}`,
      'disk wal',
      `disk ${log}.crc32`,
    ]);
    expect(events.slice(0, events.indexOf('confirmed delete'))).toContain('disk wal/wal_delta_000001.arrow.crc32');
  });

  it.runIf(process.platform === 'linux')('has a data file on the disk before the manifest that names it', async () => {
    const events = (await tried('order')) as string[];
    const manifest = events.indexOf('name manifest.json');
    expect(manifest).toBeGreaterThan(0);
    for (const kind of ['data', 'delta']) {
      const folder = `disk partitions/_default/${kind}`;
      const file = events.findIndex((event) => event.startsWith(`${folder}/`));
      expect(file).toBeGreaterThan(-1);
      expect(file).toBeLessThan(events.indexOf(folder));
      expect(events.indexOf(folder)).toBeLessThan(manifest);
    }
  });

  it('opens a collection once for calls that ask for it at once', async () => {
    expect(await tried('open')).toBe(1);
  });
});
