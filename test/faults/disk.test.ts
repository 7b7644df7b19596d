import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorJson, FaultHome, type IndexJson, type SearchJson } from '../hostile/home.ts';

/** Only the superuser of a Linux may mount: elsewhere these tests are reported as skipped. */
const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

interface DoctorJson {
  readonly findings: readonly { readonly part: string; readonly detail: string }[];
}

let home: FaultHome;
let mounts: string[];

beforeEach(async () => {
  home = await FaultHome.make();
  mounts = [];
});
afterEach(async () => {
  await home.run(['stop']);
  for (const mount of mounts) execFileSync('umount', ['--lazy', mount]);
  await home.remove();
});

/** Mounts a small disk at the folder. */
async function smallDisk(folder: string, size: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  mounts.push(folder);
}

/** Writes until nothing more fits, and then leaves `free` bytes. */
async function fill(file: string, free: number): Promise<void> {
  const handle = await open(file, 'w');
  const block = Buffer.alloc(65_536, 1);
  let size = 0;
  try {
    for (;;) size += (await handle.write(block)).bytesWritten;
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    await handle.close();
  }
  await truncate(file, Math.max(0, size - free));
}

describe.runIf(mayMount)('a disk that is full where the data is', () => {
  it('ends the run saying so; afterwards nothing is lost or double, and the next run goes on', async () => {
    await smallDisk(home.data, '8m');
    await home.prepare();
    await home.addPhotos(0, 10);
    expect((await home.json<IndexJson>(['index', home.photos])).libraries[0]?.photos).toBe(10);
    await home.addPhotos(10, 90);
    await fill(join(home.data, 'filler'), 200_000);
    const full = await home.json<IndexJson>(['index', home.photos]);
    expect({ exit: full.exit, code: full.error?.code }).toEqual({ exit: 1, code: 'disk_full' });
    expect(full.error?.hint).toMatch(/make room/i);
    await rm(join(home.data, 'filler'));
    const { exit, libraries } = await home.json<IndexJson>(['index', home.photos]);
    expect(exit).toBe(0);
    expect(libraries).toEqual([expect.objectContaining({ photos: 90, failed: [] })]);
    expect(libraries[0]?.unchanged).toBeGreaterThanOrEqual(10);
    const { results } = await home.json<SearchJson>([
      'search',
      join(home.photos, '3.jpg'),
      '--k',
      '500',
      '--include-self',
    ]);
    expect(results).toHaveLength(90);
    expect(new Set(results.map(({ path }) => path)).size).toBe(90);
  });

  it('is named also when there is no room for anything at all', async () => {
    await smallDisk(home.data, '1m');
    await home.addPhotos(0, 1);
    await home.prepare();
    await fill(join(home.data, 'filler'), 0);
    for (const args of [['index', home.photos], ['status'], ['library', 'list']]) {
      const { exit, error } = await home.json<ErrorJson>(args);
      expect({ args, exit, code: error?.code }).toEqual({ args, exit: 1, code: 'disk_full' });
    }
  });

  it('still lets an index be searched, whether its server runs or not, and says what is missing in megabytes', async () => {
    await smallDisk(home.data, '8m');
    await home.prepare();
    await home.addPhotos(0, 5);
    await home.json<IndexJson>(['index', home.photos]);
    await fill(join(home.data, 'filler'), 0);
    for (let round = 0; round < 2; round += 1) {
      const { exit, results } = await home.json<SearchJson>(['search', join(home.photos, '1.jpg'), '--k', '3']);
      expect({ round, exit, hits: results.length }).toEqual({ round, exit: 0, hits: 3 });
      expect((await home.json(['status'])).exit).toBe(0);
      await home.run(['stop']);
      // Whatever room the server's end has made.
      await fill(join(home.data, 'filler too'), 0);
    }
    const { findings } = await home.json<DoctorJson>(['doctor']);
    expect(findings.find(({ part }) => part === 'Free disk space')?.detail).toMatch(/^Only 0 MB free/);
  });

  it('does not matter to a search or a run when it is only the cache', async () => {
    await smallDisk(home.at('home', 'cache'), '1m');
    await home.prepare();
    await home.addPhotos(0, 3);
    const { exit, libraries } = await home.json<IndexJson>(['index', home.photos]);
    expect(exit).toBe(0);
    expect(libraries[0]?.photos).toBe(3);
    expect((await home.json<SearchJson>(['search', join(home.photos, '1.jpg'), '--k', '2'])).results).toHaveLength(2);
  });
});

describe.runIf(mayMount)('a data folder that can only be read', () => {
  it('is named with what to do, and is no fault of curate', async () => {
    await smallDisk(home.data, '8m');
    await home.prepare();
    await home.addPhotos(0, 3);
    await home.json(['index', home.photos]);
    await home.run(['stop']);
    execFileSync('mount', ['-o', 'remount,ro', home.data]);
    for (const args of [
      ['index', home.photos],
      ['search', join(home.photos, '1.jpg')],
      ['status'],
      ['library', 'list'],
    ]) {
      const { exit, error } = await home.json<ErrorJson>(args);
      expect({ args, exit, code: error?.code }).toEqual({ args, exit: 1, code: 'data_unwritable' });
      expect(error?.message).toContain(home.data);
      expect(error?.hint).toContain('CURATE_HOME');
    }
    expect(await home.json(['stop'])).toMatchObject({ exit: 0, stopped: false });
    execFileSync('mount', ['-o', 'remount,rw', home.data]);
    expect((await home.json<IndexJson>(['index', home.photos])).libraries[0]).toMatchObject({
      photos: 3,
      unchanged: 3,
    });
  });
});

// Its system says of a folder that is there that it is not, when one is to be made in it.
it.runIf(existsSync('/proc/self'))('ends at once where curate has a place in which nothing can be', async () => {
  await home.addPhotos(0, 1);
  const place = '/proc/curate';
  for (const args of [['index', home.photos], ['status']]) {
    const { exit, error } = await home.json<ErrorJson>(args, place);
    expect({ args, exit, code: error?.code }).toEqual({ args, exit: 1, code: 'data_unwritable' });
    expect(error?.message).toContain(join(place, 'data'));
  }
  expect(await home.json<ErrorJson>(['search', 'dog'], place)).toMatchObject({
    exit: 1,
    error: { code: 'nothing_indexed' },
  });
});

describe('a home in an odd place', () => {
  for (const [what, name] of [
    ['with blanks, quotes and other letters in it', `blank ünï 猫 "q" 'x' 100% $(id)`],
    ['far longer than a socket can have', join('l'.repeat(200), 'm'.repeat(200))],
    ['with a line break in it', 'new\nline'],
  ] as const) {
    it(`works ${what}`, async () => {
      await home.addPhotos(0, 3);
      const place = home.at(name);
      await home.prepare(place);
      const { exit, libraries } = await home.json<IndexJson>(['index', home.photos], place);
      expect({ exit, photos: libraries[0]?.photos }).toEqual({ exit: 0, photos: 3 });
      const { results } = await home.json<SearchJson>(['search', join(home.photos, '1.jpg'), '--k', '2'], place);
      expect(results).toHaveLength(2);
      expect((await home.json(['stop'], place)).exit).toBe(0);
    });
  }
});
