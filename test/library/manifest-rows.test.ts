import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLevel, openMemory } from '../../src/library/index/level.ts';
import { compareFolders, Manifest } from '../../src/library/index/manifest.ts';
import { Spool } from '../../src/library/index/spool.ts';
import { photoId } from '../../src/library/paths.ts';
import { walkFolders } from '../../src/photos/walk.ts';
import type { StoredPhoto } from '../../src/store/port.ts';

let disk: string;
beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), 'curate-rows-'));
});
afterAll(() => rm(disk, { recursive: true, force: true }));

/** Names whose order differs by bytes, by UTF-16, and with or without the slash behind them. */
const NAMES = ['a', 'a.x', 'a-b', 'a b', 'A', 'ä', '\u{1f600}', '\uff5e', '\u0001', 'c!p'];
const HASHES = ['0', 'a', 'f'].map((digit) => digit.repeat(64));
const SIZES = [0, 1, 16, 17, 2 ** 53 - 1];
const LIBRARY = 'library';

const path = fc
  .tuple(fc.array(fc.constantFrom(...NAMES), { maxLength: 3 }), fc.constantFrom(...NAMES))
  .map(([folders, name]) => [...folders, `${name}.jpg`].join('/'));
const photo: fc.Arbitrary<StoredPhoto> = fc
  .record({
    path,
    sha256: fc.constantFrom(...HASHES),
    size: fc.constantFrom(...SIZES),
    mtimeMs: fc.nat(),
    facts: fc.nat(3),
    isMisnamed: fc.boolean(),
  })
  .map(({ isMisnamed, ...kept }) => ({ ...kept, id: photoId(isMisnamed ? 'another' : LIBRARY, kept.path) }));
const step = fc.record({ put: fc.array(photo, { maxLength: 6 }), remove: fc.array(fc.nat(30), { maxLength: 3 }) });

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
const byId = (photos: Iterable<StoredPhoto>): StoredPhoto[] => [...photos].sort((a, b) => (a.id < b.id ? -1 : 1));
const folderOf = ({ path: of }: { path: string }): string => (dirname(of) === '.' ? '' : dirname(of));

describe('a manifest', () => {
  it.each(['on the disk', 'in memory'])(
    '%s has the rows that a map would, by folder, by size and by content',
    async (place) => {
      let number = 0;
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(photo, { selector: ({ id }) => id }), fc.array(step), async (first, steps) => {
          number += 1;
          const level = await (place === 'in memory' ? openMemory() : openLevel(join(disk, `${number}`)));
          const manifest = new Manifest(level, LIBRARY);
          const findsByContent = async (known: StoredPhoto[]): Promise<void> => {
            for (const size of SIZES) {
              const same = known.filter((row) => row.size === size);
              expect(await manifest.hasSize(size)).toBe(same.length > 0);
              for (const sha256 of HASHES) {
                const found = await collect(manifest.withContent({ size, sha256 }));
                expect(byId(found)).toEqual(byId(same.filter((row) => row.sha256 === sha256)));
              }
            }
          };
          await manifest.clear();
          await manifest.fill(first);
          const before = new Map(first.map((row) => [row.id, row]));
          const rows = new Map(before);
          for (const { put, remove } of steps) {
            await manifest.put(put);
            for (const each of put) rows.set(each.id, each);
            const gone = [...rows.values()].filter((_, i) => remove.includes(i));
            await manifest.remove(gone);
            for (const { id } of gone) rows.delete(id);
            for (const [id, { sha256, size }] of before) {
              const now = rows.get(id);
              if (now?.sha256 !== sha256 || now.size !== size) before.delete(id);
            }
          }
          await findsByContent([...rows.values()].filter(({ id }) => before.has(id)));
          await manifest.indexContents();
          await findsByContent([...rows.values()]);
          expect(manifest.count).toBe(rows.size);
          const folders = await collect(manifest.folders());
          expect(byId(folders.flatMap((each) => each.rows))).toEqual(byId(rows.values()));
          for (const { folder, rows: own } of folders) expect(own.every((row) => folderOf(row) === folder)).toBe(true);
          const names = folders.map(({ folder }) => folder);
          expect(new Set(names).size).toBe(names.length);
          expect([...names].sort(compareFolders)).toEqual(names);
          for (const within of names) {
            const below = (await collect(manifest.folders(within))).map(({ folder }) => folder);
            expect(below).toEqual(names.filter((name) => `${name}/`.startsWith(within === '' ? '' : `${within}/`)));
          }
          await manifest.close();
        }),
        { numRuns: 12 },
      );
    },
  );

  it('has the folders in the order in which a walk comes to them', async () => {
    const root = join(disk, 'walked');
    const paths = NAMES.flatMap((a) => [`${a}.jpg`, `${a}/x.jpg`, ...NAMES.map((b) => `${a}/${b}/y.jpg`)]);
    for (const each of paths) {
      await mkdir(dirname(join(root, each)), { recursive: true });
      await writeFile(join(root, each), '');
    }
    const walked = await collect(walkFolders(root, {}, { skipped: [], failed: [], unlisted: [] }));
    const manifest = new Manifest(await openMemory(), LIBRARY);
    await manifest.fill(
      paths.map((each) => ({ id: photoId(LIBRARY, each), path: each, sha256: '0', size: 0, mtimeMs: 0, facts: 0 })),
    );
    const stored = await collect(manifest.folders());
    expect(walked.map(({ folder }) => folder)).toEqual(stored.map(({ folder }) => folder));
    expect(stored).toHaveLength(1 + NAMES.length * (1 + NAMES.length));
  });
});

describe('what waits for its turn', () => {
  it.each([
    ['in a file', () => join(disk, 'made', 'spool')],
    ['in memory where there can be no file', () => join(disk, 'file', 'spool')],
    ['in memory', () => null],
  ])('%s comes in order, as often as it is asked for, and leaves nothing behind', async (_, place) => {
    await writeFile(join(disk, 'file'), '');
    const spool = new Spool<{ n: number; text: string }>(place());
    const values = Array.from({ length: 4567 }, (_, n) => ({ n, text: `ä\n"${'\u{1f600}'.repeat(n % 50)}` }));
    for (const [n, value] of values.entries()) {
      await spool.push(value);
      if (n === 10 || n === 2000) expect(await collect(spool)).toEqual(values.slice(0, n + 1));
    }
    expect(spool.length).toBe(values.length);
    for await (const { n } of spool) if (n === 1234) break;
    expect(await collect(spool)).toEqual(values);
    await spool.close();
    expect(existsSync(join(disk, 'made', 'spool'))).toBe(false);
  });
});
