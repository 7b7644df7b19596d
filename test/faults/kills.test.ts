import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Home } from '../support/cli.ts';
import { makePhoto } from '../support/photo-maker.ts';
import { serverPids } from '../support/server-pids.ts';

/** Kills in one run of the suite: `npm run test:faults` asks for 100. */
const KILLS = Number(process.env.CURATE_KILLS ?? 12);

interface IndexJson {
  readonly libraries: readonly { photos: number; added: number; failed: unknown[] }[];
}
interface SearchJson {
  readonly results: readonly { path: string; score: number }[];
}

let home: Home;
let photos: string;
let next = 0;

beforeAll(async () => {
  home = await Home.make();
  photos = join(home.path, 'photos');
  await addPhotos(20);
  await home.json(['index', photos]);
});
afterAll(() => home.remove());

async function addPhotos(n: number): Promise<void> {
  const batch = Array.from({ length: n }, () => next++);
  await Promise.all(batch.map((seed) => makePhoto(join(photos, `folder ${seed % 3}`, `${seed}.jpg`), seed)));
}

async function filesThere(): Promise<string[]> {
  const entries = await readdir(photos, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function rowsThere(): Promise<string[]> {
  const [query = ''] = await filesThere();
  const answer = await home.json<SearchJson>(['search', query, '--k', '5000', '--include-self']);
  if (answer.exit !== 0) throw new Error(`search exited ${answer.exit}: ${JSON.stringify(answer)}`);
  return answer.results.map(({ path }) => path);
}

it(`has every photo once after ${KILLS} kills at random moments, of curate, of its store, or of both`, async () => {
  let before = (await rowsThere()).length;
  for (let round = 0; round < KILLS; round += 1) {
    await addPhotos(12);
    const files = (await filesThere()).sort();
    const [moving, leaving] = [files[round % files.length], files[(round * 7 + 3) % files.length]];
    if (moving !== undefined) await rename(moving, `${moving.slice(0, -4)}-moved.jpg`);
    if (leaving !== undefined && leaving !== moving) await rm(leaving);
    const delay = 100 + Math.random() * 2000;
    const victim = (['curate', 'store', 'both'] as const)[round % 3];
    await home.curate(['index', photos], {
      during: (child) => {
        const timer = setTimeout(() => {
          if (victim !== 'store') child.kill('SIGKILL');
          if (victim !== 'curate') for (const pid of serverPids(home.path)) process.kill(pid, 'SIGKILL');
        }, delay);
        // A run that was quicker is not cut off; what comes after it must not be either.
        child.on('exit', () => clearTimeout(timer));
      },
    });
    const rows = await rowsThere();
    expect(new Set(rows).size, `round ${round}: nothing twice`).toBe(rows.length);
    // Rows only leave at the end of a run that was not cut off: one removed and one moved photo at the most.
    expect(rows.length, `round ${round}, ${victim} killed after ${Math.round(delay)} ms`).toBeGreaterThanOrEqual(
      before - 2,
    );
    before = rows.length;
  }
  const { exit, libraries } = await home.json<IndexJson>(['index', photos]);
  expect(exit).toBe(0);
  const files = await filesThere();
  expect(libraries[0]?.photos).toBe(files.length);
  expect((await rowsThere()).sort()).toEqual(files.sort());
  const [again] = (await home.json<IndexJson>(['index', photos])).libraries;
  expect(again).toMatchObject({ added: 0, photos: files.length });
}, 3_600_000);

it('finishes what it has in hand at Ctrl-C, says what is left, and goes on next time', async () => {
  await addPhotos(120);
  const { code, stderr } = await home.curate(['index', photos], {
    during: (child) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('to read')) setTimeout(() => child.kill('SIGINT'), 1500);
      });
    },
  });
  expect(code).toBe(130);
  expect(stderr).toMatch(/Interrupted with \d+ photos? left; the next run goes on from here/);
  const { exit, libraries } = await home.json<IndexJson>(['index', photos]);
  expect(exit).toBe(0);
  expect(libraries[0]?.added).toBeLessThan(120);
  expect(libraries[0]?.photos).toBe((await filesThere()).length);
});

it('lets a second run wait for the first, and a search answer meanwhile', async () => {
  await addPhotos(60);
  const [query = ''] = await filesThere();
  const first = home.json<IndexJson>(['index', photos]);
  await sleep(1000);
  const second = home.curate(['index', photos]);
  const search = home.json<SearchJson>(['search', query, '--k', '3']);
  expect((await search).results).toHaveLength(3);
  expect((await first).exit).toBe(0);
  const { code, stderr } = await second;
  expect(code).toBe(0);
  expect(stderr).toMatch(/Another curate index \(process \d+\) is at work/);
  expect((await rowsThere()).length).toBe((await filesThere()).length);
});
