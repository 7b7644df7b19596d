import { copyFile, cp, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Home, repository } from '../support/cli.ts';

interface DedupeJson {
  readonly schema: string;
  readonly groups: readonly {
    readonly kind: string;
    readonly keeper: { readonly path: string };
    readonly others: readonly { readonly path: string; readonly score: number }[];
  }[];
  readonly bytes: number;
}

let home: Home;
let photos: string;

beforeAll(async () => {
  home = await Home.make();
  photos = join(home.path, 'photos');
  const pets = join(photos, 'pets');
  await cp(join(repository, 'fixtures', 'photos', 'pets'), pets, { recursive: true });
  await mkdir(join(photos, 'Copies'));
  await copyFile(join(pets, 'chelsea.png'), join(photos, 'Copies', 'chelsea.png'));
  await writeFile(
    join(photos, 'Copies', 'chelsea-export.jpg'),
    await sharp(join(pets, 'chelsea.png')).resize(300).jpeg().toBuffer(),
  );
  expect(await home.curate(['index', photos])).toMatchObject({ code: 0 });
});
afterAll(() => home.remove());

const listing = async (): Promise<readonly string[]> => {
  const names = (await readdir(photos, { recursive: true })).sort();
  return Promise.all(names.map(async (name) => `${name} ${(await stat(join(photos, name))).mtimeMs}`));
};

describe('curate dedupe', () => {
  it('finds copies, exports and bursts of real photos, and changes nothing', async () => {
    const before = await listing();
    const found = await home.json<DedupeJson>(['dedupe', '--prefer', join(photos, 'pets')]);
    expect(found).toMatchObject({ schema: 'curate.dedupe/1', exit: 0, moved: [], undo: null });
    const groups = found.groups.map(({ kind, keeper, others }) => [
      kind,
      ...[keeper, ...others].map(({ path }) => path.slice(photos.length + 1)).sort(),
    ]);
    expect(groups.sort()).toEqual([
      ['burst', 'pets/dog-1.jpg', 'pets/dog-2.jpg', 'pets/dog-3.jpg'],
      ['burst', 'pets/kitten-1.jpg', 'pets/kitten-2.jpg', 'pets/kitten-3.jpg', 'pets/kitten-4.jpg'],
      ['identical', 'Copies/chelsea.png', 'pets/chelsea.png'],
      ['same', 'Copies/chelsea-export.jpg', 'pets/chelsea.png'],
    ]);
    expect(await listing()).toEqual(before);
  });

  it('prints what would go for other programs, and says for people what that frees', async () => {
    const copies = join(photos, 'Copies');
    const args = ['dedupe', copies, '--against', join(photos, 'pets')];
    const { stdout, code } = await home.curate([...args, '--print0']);
    expect(stdout.split('\0').sort()).toEqual(['', join(copies, 'chelsea-export.jpg'), join(copies, 'chelsea.png')]);
    expect(code).toBe(0);
    const words = await home.curate([...args, '--kind', 'same']);
    expect(words.stdout).toMatch(/^1\. Same picture: 2 photos, [\d.]+ kB to free\n {2}keep {3}.*pets\/chelsea\.png\n/);
    expect(words.stderr).toMatch(/1 group among \d+ photos: 1 photo could go, [\d.]+ kB\.\n$/);
  });

  it('moves what would go where it is told, and puts it back', async () => {
    const before = await listing();
    const away = join(home.path, 'away');
    const args = ['dedupe', '--kind', 'identical,same', '--prefer', join(photos, 'pets'), '--move-to'];
    expect(await home.curate([...args, away])).toMatchObject({ code: 4, stderr: expect.stringContaining('--yes') });
    expect(await home.curate([...args, join(photos, 'away'), '--yes'])).toMatchObject({ code: 2 });
    // Nor by a link that leads there.
    await symlink(photos, join(home.path, 'link'));
    expect(await home.curate([...args, join(home.path, 'link', 'away'), '--yes'])).toMatchObject({ code: 2 });
    expect(await listing()).toEqual(before);
    const done = await home.json<DedupeJson & { readonly undo: string; readonly moved: readonly object[] }>([
      ...args,
      away,
      '--yes',
    ]);
    expect(done.exit).toBe(0);
    expect(done.moved).toEqual(
      ['chelsea.png', 'chelsea-export.jpg'].map((name) => ({
        from: join(photos, 'Copies', name),
        to: join(away, 'Copies', name),
      })),
    );
    expect((await readdir(join(away, 'Copies'))).sort()).toEqual(['chelsea-export.jpg', 'chelsea.png']);
    const again = await home.json<DedupeJson>([...args, away, '--yes']);
    expect(again).toMatchObject({ exit: 0, groups: [], moved: [], undo: null, gone: 2 });
    expect(await home.json(['undo', done.undo])).toMatchObject({ exit: 0, failed: [] });
    // Moving within a volume keeps a file's time.
    expect((await listing()).filter((line) => !line.startsWith('Copies '))).toEqual(
      before.filter((line) => !line.startsWith('Copies ')),
    );
  });

  it.each([
    [['dedupe', '--kind', 'twins'], 'identical, same, burst, similar'],
    [['dedupe', '--keep', 'beauty'], 'prefer, unrejected, original'],
    [['dedupe', '--json', '--print0'], 'exclude each other'],
  ])('refuses %j', async (args, says) => {
    const { code, stderr, stdout } = await home.curate(args);
    expect(code).toBe(2);
    expect(stderr + stdout).toContain(says);
  });
});
