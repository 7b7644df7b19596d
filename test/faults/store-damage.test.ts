import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { garbage } from '../hostile/bytes.ts';
import { type ErrorJson, FaultHome, type IndexJson } from '../hostile/home.ts';
import { serverPids } from '../support/server-pids.ts';

const PHOTOS = 12;
let home: FaultHome;

const lite = (): string => join(home.data, 'lite');
const sound = (): string => home.at('sound');

beforeAll(async () => {
  home = await FaultHome.make();
  await home.addPhotos(0, PHOTOS);
  await home.prepare();
  const { libraries } = await home.json<IndexJson>(['index', home.photos]);
  expect(libraries[0]?.photos).toBe(PHOTOS);
  await home.run(['stop']);
  await cp(home.data, sound(), { recursive: true, verbatimSymlinks: true });
});
afterAll(() => home.remove());

// Each begins with nothing indexed.
beforeEach(async () => {
  for (const name of await readdir(home.data))
    if (name !== 'python') await rm(join(home.data, name), { recursive: true });
});
afterEach(() => home.run(['stop']));

/** The photos are indexed and the server is ended, so that all of them stand in data files. */
async function indexed(): Promise<void> {
  for (const name of await readdir(sound()))
    if (name !== 'python') await cp(join(sound(), name), join(home.data, name), { recursive: true });
}

async function filesOf(ending: string): Promise<string[]> {
  const entries = await readdir(join(lite(), 'db'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.filter((file) => file.includes('curate_photos') && file.endsWith(ending)).sort();
}

/** Every file of the database but its lock, by content. */
async function fingerprint(): Promise<Record<string, string>> {
  const entries = await readdir(join(lite(), 'db'), { recursive: true, withFileTypes: true });
  const sums: [string, string][] = [];
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name !== 'LOCK')
      sums.push([
        file,
        createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      ]);
  }
  return Object.fromEntries(sums.sort());
}

interface Damage {
  readonly what: string;
  readonly ending: string;
  spoil(file: string): Promise<void>;
  /** What is said of the file. */
  readonly why?: string;
}

const DAMAGES: readonly Damage[] = [
  { what: 'a data file cut short', ending: '.parquet', spoil: (file) => truncate(file, 5000), why: 'cut short' },
  {
    what: 'a data file of which a byte is left',
    ending: '.parquet',
    spoil: (file) => truncate(file, 1),
    why: 'cut short',
  },
  { what: 'an empty data file', ending: '.parquet', spoil: (file) => truncate(file, 0), why: ': empty' },
  { what: 'a data file of garbage', ending: '.parquet', spoil: (file) => writeFile(file, garbage(20_000)) },
  {
    what: 'garbage inside a data file',
    ending: '.parquet',
    spoil: async (file) => {
      const bytes = await readFile(file);
      garbage(2000).copy(bytes, bytes.length >> 1);
      await writeFile(file, bytes);
    },
  },
  { what: 'a data file that is gone', ending: '.parquet', spoil: (file) => rm(file) },
  { what: 'a list of files of garbage', ending: 'manifest.json', spoil: (file) => writeFile(file, garbage(300)) },
  { what: 'an empty list of files', ending: 'manifest.json', spoil: (file) => truncate(file, 0), why: ': empty' },
  { what: 'a list of files that is gone', ending: 'manifest.json', spoil: (file) => rm(file) },
  { what: 'a schema of garbage', ending: 'schema.json', spoil: (file) => writeFile(file, garbage(300)) },
  { what: 'a schema of another program', ending: 'schema.json', spoil: (file) => writeFile(file, '{"a":[1]}') },
  { what: 'a schema that is gone', ending: 'schema.json', spoil: (file) => rm(file) },
];

describe('a damaged store', () => {
  for (const { what, ending, spoil, why = '' } of DAMAGES) {
    it(`with ${what} is named with the way to rebuild, and left as it is`, async () => {
      await indexed();
      const [file = ''] = await filesOf(ending);
      await spoil(file);
      const before = await fingerprint();
      for (const verb of [['index', home.photos], ['search', join(home.photos, '1.jpg')], ['status']]) {
        const { exit, error } = await home.called<ErrorJson>(verb);
        expect({ verb: verb[0], exit, code: error?.code }).toEqual({ verb: verb[0], exit: 1, code: 'store_damaged' });
        expect(error?.message).toContain(join(lite(), 'db'));
        expect(error?.message).toContain(why);
        expect(error?.hint).toContain(`move ${lite()} away`);
      }
      expect(await fingerprint()).toEqual(before);
    });
  }

  it('with garbage in the log of recent writes is named, too, rather than silently shorter', async () => {
    await indexed();
    const elsewhere = home.at('elsewhere');
    await mkdir(elsewhere);
    expect(await home.called(['index', elsewhere])).toMatchObject({ exit: 0 });
    // Killed, the server leaves what it confirmed in its log; ended in order it would have made data files of it.
    for (const pid of serverPids(home.data)) process.kill(pid, 'SIGKILL');
    const entries = await readdir(join(lite(), 'db'), { recursive: true, withFileTypes: true });
    const log = entries.find(({ name, parentPath }) => /^wal_data/.test(name) && parentPath.includes('libraries'));
    const file = join(log?.parentPath ?? '', log?.name ?? '');
    const bytes = await readFile(file);
    garbage(200).copy(bytes, 100);
    await writeFile(file, bytes);
    const { exit, error } = await home.json<ErrorJson>(['index', home.photos]);
    expect({ exit, code: error?.code }).toEqual({ exit: 1, code: 'store_damaged' });
    expect(error?.message).toContain(file);
    expect(await readFile(file)).toEqual(bytes);
  });

  it('whose note of its model is garbage is not taken for one of the default model', async () => {
    const index = await home.json<IndexJson>(['index', home.photos, '--model', 'resnet50-int8']);
    expect(index.libraries[0]?.photos).toBe(PHOTOS);
    const note = join(home.data, 'active-model.json');
    await writeFile(note, garbage(20));
    for (const verb of [['index', home.photos], ['search', join(home.photos, '1.jpg')], ['status']]) {
      const { exit, error } = await home.json<ErrorJson>(verb);
      expect({ verb: verb[0], exit, code: error?.code }).toEqual({ verb: verb[0], exit: 1, code: 'data_damaged' });
      expect(error?.message).toContain(note);
    }
    const { libraries } = await home.json<IndexJson>(['index', home.photos, '--model', 'resnet50-int8']);
    expect(libraries[0]?.unchanged).toBe(PHOTOS);
    expect((await home.json<IndexJson>(['index', home.photos])).libraries[0]?.unchanged).toBe(PHOTOS);
  });

  it('is made again when it was moved away as told', async () => {
    await indexed();
    await truncate((await filesOf('.parquet'))[0] ?? '', 100);
    expect((await home.json<ErrorJson>(['index', home.photos])).exit).toBe(1);
    await rename(lite(), `${lite()}-aside`);
    const { exit, libraries } = await home.json<IndexJson>(['index', home.photos]);
    expect(exit).toBe(0);
    expect(libraries).toEqual([expect.objectContaining({ photos: PHOTOS, added: PHOTOS })]);
  });
});

describe('a damaged cache', () => {
  it('of the model is made again by doctor, as the error says', async () => {
    await indexed();
    const graphs = home.at('home', 'cache', 'models');
    // Of its own, not the one that all tests share.
    await rm(graphs);
    await home.json(['embed', join(home.photos, '1.jpg')]);
    const [weights = ''] = (await readdir(graphs, { recursive: true })).filter((name) => name.endsWith('weights.bin'));
    const file = join(graphs, weights);
    await writeFile(file, Buffer.alloc((await stat(file)).size, 0xff));
    // No indexed photo: of such a one the vector is there already.
    const search = ['search', join(import.meta.dirname, '../../fixtures/queries/cat.jpg')];
    const { error } = await home.json<ErrorJson>(search);
    expect(error).toMatchObject({ code: 'model_broken', hint: expect.stringContaining('curate doctor') });
    const { findings } = await home.json<{ findings: readonly { part: string; ok: boolean }[] }>(['doctor']);
    expect(findings.find(({ part }) => part.startsWith('Embedding'))?.ok).toBe(true);
    expect((await home.json(search)).exit).toBe(0);
  });
});

describe('a place that is not a store', () => {
  it('is named and left alone when a file stands there', async () => {
    await writeFile(lite(), 'my novel');
    const { exit, error } = await home.json<ErrorJson>(['index', home.photos]);
    expect({ exit, code: error?.code }).toEqual({ exit: 1, code: 'data_unwritable' });
    expect(error?.message).toContain(lite());
    expect(await readFile(lite(), 'utf8')).toBe('my novel');
  });

  it("is named and left alone when another program's database stands in its place", async () => {
    const database = join(lite(), 'db');
    await mkdir(lite());
    await writeFile(database, 'SQLite format 3');
    for (const verb of [['index', home.photos], ['status']]) {
      const { exit, error } = await home.json<ErrorJson>(verb);
      expect({ exit, code: error?.code }).toEqual({ exit: 1, code: 'store_damaged' });
      expect(error?.message).toContain(database);
      expect(error?.hint).toContain(`move ${lite()} away`);
    }
    expect(await readFile(database, 'utf8')).toBe('SQLite format 3');
  });

  it("keeps a folder of somebody else's among the collections", async () => {
    const holiday = join(lite(), 'db', 'collections', 'holiday');
    await mkdir(holiday, { recursive: true });
    await writeFile(join(holiday, 'diary.txt'), 'dear diary');
    const { exit, error } = await home.json<ErrorJson>(['index', home.photos]);
    expect({ exit, code: error?.code }).toEqual({ exit: 1, code: 'store_damaged' });
    expect(error?.message).toContain(holiday);
    expect(await readFile(join(holiday, 'diary.txt'), 'utf8')).toBe('dear diary');
  });
});
