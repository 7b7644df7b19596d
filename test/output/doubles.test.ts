import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group, GroupPhoto } from '../../src/library/dedupe/groups.ts';
import type { DedupePlan } from '../../src/library/dedupe/plan.ts';
import { checkDoublesFile, writeDoubles } from '../../src/output/sheet/doubles.ts';
import { merelySimilar, presenceOf } from '../../src/output/terminal/dedupe-table.ts';
import type { RenderPhoto } from '../../src/photos/render.ts';
import { testWorld } from '../support/world.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-doubles-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const photo = (path: string, reason: string, more: Partial<GroupPhoto> = {}): GroupPhoto => ({
  file: `/photos/${path}`,
  path,
  files: [`/photos/${path}`],
  bytes: 1_500_000,
  freed: 1_500_000,
  sha256: '',
  width: 4000,
  height: 3000,
  reason,
  isNew: false,
  frame: null,
  rating: null,
  ...more,
});

const group = (more: Partial<Group> = {}): Group => ({
  kind: 'same',
  keeper: photo('2024/a.jpg', 'most pixels'),
  others: [{ ...photo('2023/b.jpg', 'same picture, 800 x 600 against 4000 x 3000'), score: 0.98765 }],
  alsoKept: [],
  kept: [],
  agreed: null,
  warnings: [],
  isLarge: false,
  ...more,
});

const planOf = (groups: readonly Group[]): DedupePlan => {
  const plan: DedupePlan = {
    groups,
    bytes: groups.flatMap(({ others }) => others).reduce((sum, { bytes }) => sum + bytes, 0),
    photos: 1000,
    skipped: [],
    gone: 0,
    roots: [],
    otherNames: [],
    against: null,
    by: () => plan,
  };
  return plan;
};

const small: RenderPhoto = async () => ({
  kind: 'rendition',
  width: 4,
  height: 3,
  data: Buffer.from('webp'),
  sha256: '',
});

async function pageOf(groups: readonly Group[], render = small): Promise<string> {
  const file = join(folder, 'doubles.html');
  const size = await writeDoubles(testWorld(), file, planOf(groups), { render, onDone: () => undefined });
  const page = await readFile(file, 'utf8');
  expect(size).toBe(Buffer.byteLength(page));
  return page;
}

/** What one reads, a line each. */
const words = (page: string): string =>
  page
    .replace(/<style>.*<\/style>/s, '')
    .replaceAll('<wbr>', '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/[^\S\n]+/g, ' ');

describe('the page of doubles', () => {
  it('breaks no flag in the middle, as a browser would at its hyphens', async () => {
    const page = await pageOf([]);
    expect(page).toContain('<code>--review</code>');
    expect(/^code \{(.*)\}$/m.exec(page)?.[1]).toContain('white-space: nowrap');
  });

  it('breaks a name that is too long for its frame before its ending', async () => {
    const page = await pageOf([group({ keeper: photo('Füssen/neuschwanstein.at.night.jpg', 'most pixels') })]);
    expect(page).toContain('neuschwanstein.at.night<wbr>.jpg</bdi>');
  });

  it('shows each group with its keeper, the reasons, sizes and what it would free', async () => {
    const page = await pageOf([
      group({
        warnings: ['the keeper lacks a rating', 'the keeper lacks the place (GPS)'],
        kept: [{ ...photo('2022/c.jpg', 'same picture, kept by decision 3'), score: 0.9, decision: 3 }],
        others: [
          {
            ...photo('2023/b.jpg', 'same picture, less sharp', { isNew: true, files: ['b', 'b.xmp'] }),
            score: 0.98765,
          },
        ],
      }),
      group({ kind: 'burst' }),
    ]);
    const said = words(page);
    expect(said).toContain('2 groups among 1,000 photos: 2 photos could go, 3.0 MB.');
    expect(said).toContain('in /photos/');
    expect(said).toContain(' 1 Same picture 3 photos, 1.5 MB to free ');
    expect(said).toContain('Beware: the keeper lacks a rating; the keeper lacks the place (GPS).');
    expect(said.match(/\b(?:Keep|Go|Kept)\b/g)).toEqual(['Keep', 'Go', 'Kept', 'Keep', 'Go']);
    expect(said).toMatch(
      / Go New \n \n b\.jpg \n 2023\/ \n 4000 × 3000 1\.5 MB with 1 file beside it \n 0\.988 same picture, less sharp/,
    );
    // One box a kind that there is, each naming a rule that hides it.
    expect(page.match(/id="show-\w+"/g)).toEqual(['id="show-same"', 'id="show-burst"']);
    expect(page).toContain('body:has(#show-burst:not(:checked)) .burst');
    expect(page).not.toMatch(/<script|https?:|@import/);
  });

  it('lets no name or reason into the markup', async () => {
    const name = '"><img src=x onerror=alert(1)>\u001b[31m.jpg';
    const page = await pageOf([group({ keeper: photo(name, '<b>best</b>') })]);
    expect(page.match(/<img /g)).toHaveLength(2);
    expect(page).not.toContain('<b>best');
    expect(page).not.toContain('\u001b');
  });

  it('says why a picture is missing, and draws of a large group but the first', async () => {
    const others = Array.from({ length: 59 }, (_, i) => ({ ...photo(`${i}.jpg`, 'alike'), score: 0.9 }));
    const said = words(
      await pageOf([group({ others, isLarge: true })], async ({ file }) =>
        file.endsWith('/3.jpg')
          ? { kind: 'fault', fault: { code: 'timed_out', reason: 'is cut short' } }
          : small({} as never),
      ),
    );
    expect(said).toContain('Is cut short');
    expect(said).toContain('and 36 more photos');
    expect(said).toContain('So large a group is shown only');
    // Nothing of it goes, and nothing says so.
    expect(said).toContain(' 1 Same picture 60 photos ');
    expect(said.match(/\b(?:Keep|Go|Alike)\b/g)).toEqual(['Keep', ...Array.from({ length: 23 }, () => 'Alike')]);
  });

  it('holds few pictures in memory, whatever their number, and keeps the order of groups', async () => {
    let waiting = 0;
    let most = 0;
    const groups = Array.from({ length: 1000 }, (_, i) => group({ keeper: photo(`${i}.jpg`, `number ${i};`) }));
    const page = await pageOf(groups, async (request) => {
      most = Math.max(most, ++waiting);
      // Later ones are quicker.
      for (let i = 0; i < (request.file.length % 3) * 3; i += 1) await null;
      waiting -= 1;
      return small(request);
    });
    expect(most).toBeLessThanOrEqual(12);
    const order = [...words(page).matchAll(/number (\d+);/g)].map(([, number]) => Number(number));
    expect(order).toEqual([...groups.keys()]);
  });

  it('leaves nothing half written when it is stopped, and what was there before', async () => {
    const file = join(folder, 'stopped.html');
    const deps = { render: small, onDone: () => undefined };
    await writeDoubles(testWorld(), file, planOf([group()]), deps);
    const before = await readFile(file, 'utf8');
    const stop = new AbortController();
    const world = testWorld({ interrupted: stop.signal });
    const onDone = (done: number): void => void (done === 20 && stop.abort());
    const groups = Array.from({ length: 30 }, () => group());
    await expect(writeDoubles(world, file, planOf(groups), { render: small, onDone })).rejects.toMatchObject({
      kind: 'interrupted',
    });
    expect(await readFile(file, 'utf8')).toBe(before);
    expect((await readdir(folder)).filter((name) => name.startsWith('.curate'))).toEqual([]);
  });

  it('is written only where nothing of somebody else stands', async () => {
    const own = join(folder, 'own.html');
    await writeFile(own, '<html>My diary</html>');
    await expect(checkDoublesFile(own)).rejects.toMatchObject({ code: 'sheet_over_page' });
    await expect(checkDoublesFile(join(folder, 'doubles.jpg'))).rejects.toMatchObject({ kind: 'usage' });
    await expect(checkDoublesFile(join(folder, 'nowhere', 'a.html'))).rejects.toMatchObject({ code: 'sheet_write' });
    await pageOf([group()]);
    await checkDoublesFile(join(folder, 'doubles.html'));
    await checkDoublesFile(join(folder, 'new.html'));
  });

  it('says that there are none', async () => {
    expect(words(await pageOf([]))).toContain('No doubles among 1,000 photos.');
  });
});

describe('the summary of doubles', () => {
  it('says how many photos only go when they are named', () => {
    const similar = group({ kind: 'similar' });
    expect(merelySimilar({ groups: [group(), similar, similar] })).toBe(
      '2 photos of these are merely similar, and only go with --kind similar.',
    );
    expect(merelySimilar({ groups: [group(), { ...similar, isLarge: true }] })).toBeNull();
  });

  it('names a few of the photos that are not there yet, and says how many more', () => {
    const missing = Array.from({ length: 7 }, (_, i) => `/card/${i}.jpg`);
    expect(presenceOf({ against: { there: 1200, missing } })).toEqual([
      'Of 1,207 photos, 1,200 are there already, and 7 are not:',
      ...missing.slice(0, 5).map((file) => `  ${file}`),
      '  and 2 more; --json lists them all.',
    ]);
    expect(presenceOf({ against: { there: 1, missing: [] } })).toEqual(['Of 1 photo, 1 is there already.']);
    expect(presenceOf({ against: null })).toEqual([]);
  });
});
