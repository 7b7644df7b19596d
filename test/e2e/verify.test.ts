import { cp, mkdir, readdir, rename, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Home, repository } from '../support/cli.ts';

interface VerifyJson {
  readonly schema: string;
  readonly sample: number;
  readonly leftOut: { readonly away: number; readonly changed: number; readonly unreadable: number };
  readonly kinds: readonly { kind: string; queries: number; recallAt1: number; recallAt6: number }[];
  readonly selfMatch: { readonly photos: number; readonly matched: number; readonly lowestCosine: number };
  readonly verdict: string;
  readonly healthy: boolean;
}

let home: Home;
let photos: string;

beforeAll(async () => {
  home = await Home.make();
  photos = join(home.path, 'photos');
  // Enough for each kind of copy to have others to be mistaken for; each photo is embedded ten times over.
  for (const folder of ['pets', 'Küche', 'Zoo'])
    await cp(join(repository, 'fixtures', 'photos', folder), join(photos, folder), { recursive: true });
  await mkdir(join(home.path, 'tmp'));
  expect(await home.curate(['index', photos])).toMatchObject({ code: 0 });
});
afterAll(() => home.remove());

describe('curate verify', () => {
  it('finds an index healthy, and says how well each kind of copy is found', async () => {
    const report = await home.json<VerifyJson>(['verify']);
    expect(report).toMatchObject({ schema: 'curate.verify/1', exit: 0, healthy: true, sample: 17 });
    expect(report.leftOut).toEqual({ away: 0, changed: 0, unreadable: 0 });
    expect(report.selfMatch).toMatchObject({ photos: 17, matched: 17 });
    expect(report.selfMatch.lowestCosine).toBeGreaterThan(0.999);
    expect(report.kinds.map(({ kind }) => kind)).toEqual([
      ...['unaltered', 'recompressed', 'darker', 'brighter', 'mirrored', 'tilted', 'crop', 'corner-crop'],
      ...['thumbnail', 'turned'],
    ]);
    for (const { kind, queries, recallAt1, recallAt6 } of report.kinds) {
      expect(queries).toBe(17);
      expect(recallAt6).toBeGreaterThanOrEqual(recallAt1);
      if (kind !== 'turned') expect(recallAt6, kind).toBeGreaterThanOrEqual(0.95);
    }
  });

  it('takes a sample below a folder when one is named, and says in words what it found', async () => {
    const first = await home.curate(['verify', join(photos, 'pets'), '--sample', '4']);
    expect(first.stdout).toMatch(/^4 photos checked with resnet50\.$/m);
    expect(first.stdout).toMatch(/^centre crop, 70 % of each side +\d/m);
    expect(first.stdout).toMatch(/^4 of 4 stored vectors as made afresh/m);
    expect(first.stdout).toMatch(/^Healthy: /m);
  });

  it('ends at Ctrl-C and leaves no copies behind', async () => {
    const tmp = join(home.path, 'tmp');
    const { code } = await home.curate(['verify'], {
      env: { TMPDIR: tmp },
      during: (child) => {
        const look = setInterval(async () => {
          const [folder] = await readdir(tmp);
          if (folder === undefined) return;
          clearInterval(look);
          child.kill('SIGINT');
        }, 50);
      },
    });
    expect(code).toBe(130);
    expect(await readdir(tmp)).toEqual([]);
  });

  it('lets no library it uses leave anything for a vendor', async () => {
    const tmp = join(home.path, 'tmp');
    await home.curate(['verify', '--sample', '1'], { env: { TMPDIR: tmp } });
    expect(await readdir(tmp)).toEqual([]);
    expect(await readdir(join(home.path, '.cache')).catch(() => [])).not.toContain('Microsoft');
  });

  it('leaves out what changed since, and says so when nothing is there', async () => {
    await utimes(join(photos, 'pets', 'wool.webp'), 1e9, 1e9);
    expect(await home.json<VerifyJson>(['verify', join(photos, 'pets')])).toMatchObject({
      exit: 0,
      sample: 8,
      leftOut: { changed: 1 },
    });
    await rename(photos, join(home.path, 'unplugged'));
    const away = await home.json<{ error: { code: string } }>(['verify']);
    expect(away).toMatchObject({ exit: 1, error: { code: 'nothing_to_verify' } });
  });
});
