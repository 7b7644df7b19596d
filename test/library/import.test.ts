import { mkdir, mkdtemp, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { indexedPhotos } from '../../src/library/exported.ts';
import { type ImportReport, importVectors } from '../../src/library/import/import.ts';
import { openVectorFile } from '../../src/library/import/open.ts';
import { runIndex } from '../../src/library/index/run.ts';
import { EXPORTS } from '../../src/output/exports/export.ts';
import { NpyWriter } from '../../src/output/exports/npy.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { memorySession } from '../support/session.ts';
import { testWorld } from '../support/world.ts';

const PHOTOS = 30;
/** Embedded to be compared; no more than these. */
const SAMPLE = 20;

let base: string;
let photos: string;
beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'curate-import-')));
  photos = await photosIn('photos');
  const from = machine();
  await runIndex({ ...quiet(from), session: from.session }, { roots: [photos], ignore: [] });
  for (const ending of ['parquet', 'npy']) {
    const rows = indexedPhotos(from.session, {}, new AbortController().signal);
    await EXPORTS.get(`.${ending}`)?.(join(base, `made.${ending}`), rows, testModel);
  }
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function photosIn(name: string): Promise<string> {
  const folder = join(base, name);
  await mkdir(join(folder, 'a'), { recursive: true });
  for (let n = 0; n < PHOTOS; n += 1) await writeFile(join(folder, 'a', `${n}.jpg`), `photo ${n}`);
  return folder;
}

interface TestedMachine {
  readonly store: MemoryStore;
  readonly embedder: HashEmbedder;
  readonly session: ReturnType<typeof memorySession>;
}

function machine(): TestedMachine {
  const [store, embedder] = [new MemoryStore('server'), new HashEmbedder()];
  return { store, embedder, session: memorySession({ home: join(base, `home-${Math.random()}`), store, embedder }) };
}

function quiet({ session }: TestedMachine) {
  const world = testWorld();
  const pace = { lastsMs: 20_000, settleMs: 0, pollMs: 5 };
  return { world, session, signal: world.interrupted, onEvent: () => undefined, confirmPrune: async () => false, pace };
}

async function importInto(
  to: TestedMachine,
  name: string,
  roots: readonly string[] = [],
  library?: string,
): Promise<ImportReport> {
  const vectors = await openVectorFile(join(base, name), base);
  try {
    const request = { name, roots, ...(library === undefined ? {} : { library }) };
    return await importVectors({ ...quiet(to), onCompared: () => undefined }, vectors, request);
  } finally {
    await vectors.close();
  }
}

async function array(name: string, rows: readonly (readonly number[])[]): Promise<void> {
  const writer = await NpyWriter.create(join(base, name), rows.length, rows[0]?.length ?? 0);
  for (const [n, row] of rows.entries()) await writer.writeRow(n, Float32Array.from(row));
  await writer.finish();
}

test.each(['made.parquet', 'made.npy'])(
  'what was exported comes back from %s as it was, and only a sample is embedded',
  async (name) => {
    const [indexed, imported] = [machine(), machine()];
    await runIndex({ ...quiet(indexed), session: indexed.session }, { roots: [photos], ignore: [] });
    const report = await importInto(imported, name, [photos]);
    expect(report).toMatchObject({
      rows: PHOTOS,
      taken: PHOTOS,
      left: 0,
      compared: { photos: SAMPLE, lowestCosine: expect.closeTo(1, 5) },
      run: { report: { libraries: [{ photos: PHOTOS, added: PHOTOS, failed: [] }] } },
    });
    expect(imported.embedder.embedded).toBe(SAMPLE);
    const rowsOf = ({ store }: TestedMachine) =>
      [...store.table(testModel).stored.values()]
        .map(({ path, sha256, size, mtimeMs, vector }) => ({ path, sha256, size, mtimeMs, vector }))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(rowsOf(imported)).toEqual(rowsOf(indexed));
    // From then on it is an index as any other.
    const { report: again } = await runIndex(
      { ...quiet(imported), session: imported.session },
      { roots: [], ignore: [] },
    );
    expect(again).toMatchObject({ embedded: 0, libraries: [{ unchanged: PHOTOS }] });
    expect((await readdir(base)).filter((entry) => entry.startsWith('curate-import-'))).toEqual([]);
  },
);

test('without a folder the photos are taken where the file says they are', async () => {
  const to = machine();
  await importInto(to, 'made.npy');
  expect(await to.store.libraries()).toHaveLength(1);
  expect(await to.store.table(testModel).count()).toBe(PHOTOS);
});

test('photos are known again in another folder by the end of their path, and by their content under any name', async () => {
  const other = await photosIn('elsewhere/on the nas');
  expect(await importInto(machine(), 'made.npy', [other])).toMatchObject({ taken: PHOTOS });
  for (let n = 0; n < PHOTOS; n += 1) await rename(join(other, 'a', `${n}.jpg`), join(other, `renamed ${n}.jpg`));
  await writeFile(join(other, 'renamed 3.jpg'), 'edited since');
  const to = machine();
  expect(await importInto(to, 'made.parquet', [other], 'family')).toMatchObject({ taken: PHOTOS - 1, left: 1 });
  expect((await to.store.libraries()).map(({ name }) => name)).toEqual(['family']);
  await mkdir(join(base, 'nothing'));
  await expect(importInto(machine(), 'made.npy', [join(base, 'nothing')])).rejects.toMatchObject({
    code: 'import_elsewhere',
    kind: 'refused',
  });
});

test('vectors that are not those of their photos are refused by the sample, and nothing is written', async () => {
  const paths = Array.from({ length: PHOTOS }, (_, n) => join(photos, 'a', `${n}.jpg`));
  await array(
    'shuffled.npy',
    paths.map((_, n) => [Math.cos(n), Math.sin(n), 0, 0]),
  );
  await writeFile(join(base, 'shuffled.json'), JSON.stringify({ paths }));
  const to = machine();
  await expect(importInto(to, 'shuffled.npy', [photos])).rejects.toMatchObject({
    code: 'import_unproved',
    message: expect.stringMatching(/of 20 vectors of shuffled.npy are not those of their photos: .*cosine of/),
    kind: 'refused',
  });
  expect(await to.store.libraries()).toEqual([]);
  expect(await to.store.table(testModel).count()).toBe(0);
});

test('a file with fields in lines is read, and a row of NaN stands for a photo that could not be embedded', async () => {
  const made = await openVectorFile(join(base, 'made.npy'), base);
  const rows = await Promise.all(made.photos.map((_, n) => made.array.row(n)));
  await made.close();
  const first = made.photos[0]?.path;
  await array(
    'lines.npy',
    rows.map((row, n) => (n === 0 ? [NaN, NaN, NaN, NaN] : [...row])),
  );
  await writeFile(join(base, 'lines.jsonl'), made.photos.map(({ path }) => `${JSON.stringify({ path })}\n`).join(''));
  const to = machine();
  expect(await importInto(to, 'lines.npy', [photos])).toMatchObject({ rows: PHOTOS, taken: PHOTOS - 1, left: 1 });
  const paths = [...to.store.table(testModel).stored.values()].map(({ path }) => join(photos, path));
  expect(paths).not.toContain(first);
});

test.each([
  [
    'another model',
    [[1, 0, 0, 0]],
    { paths: ['a.jpg'], model: { id: 'clip', sha256: 'f'.repeat(64) } },
    /of clip; the index's/,
  ],
  ['another dimension', [[1, 0]], { paths: ['a.jpg'] }, /2 values; those of test have 4/],
  ['no unit length', [[3, 4, 0, 0]], { paths: ['a.jpg'] }, /Row 0 .* has length 5\.000, not 1/],
  ['other rows than photos', [[1, 0, 0, 0]], { paths: ['a.jpg', 'b.jpg'] }, /1 rows, and the file beside it names 2/],
  ['no names', [[1, 0, 0, 0]], { photos: [] }, /cannot be read/],
])('a file of %s is refused with the reason', async (what, rows, about, message) => {
  const name = `${what.replaceAll(' ', '-')}.npy`;
  await array(name, rows);
  await writeFile(join(base, name.replace('.npy', '.json')), JSON.stringify(about));
  await expect(importInto(machine(), name, [photos])).rejects.toMatchObject({
    message: expect.stringMatching(message),
  });
});

test.each([
  ['<f8', '(1, 4)', /not float32/],
  ['<f4', '(4,)', /not two-dimensional/],
])('a NumPy array of %s and shape %s is refused with what to write instead', async (type, shape, message) => {
  const about = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117).concat('\n');
  const head = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from([118, 0])]);
  await writeFile(join(base, 'odd.npy'), Buffer.concat([head, Buffer.from(about), Buffer.alloc(64)]));
  await writeFile(join(base, 'odd.json'), '{"paths":["a.jpg"]}');
  await expect(importInto(machine(), 'odd.npy')).rejects.toMatchObject({ message: expect.stringMatching(message) });
});
