import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, open, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Finished, Home, repository } from '../support/cli.ts';
import { makePhoto } from '../support/photo-maker.ts';

interface ErrorJson {
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
}
interface LibraryJson {
  readonly photos: number;
  readonly added: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: readonly { path: string; code: string }[];
}
interface IndexJson extends ErrorJson {
  readonly libraries: readonly LibraryJson[];
}
interface SearchJson extends ErrorJson {
  readonly results: readonly { path: string; score: number }[];
}

/** Only the superuser of a Linux may mount: elsewhere these tests are reported as skipped. */
const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

let home: Home;
let photos: string;
let mounts: string[];

beforeEach(async () => {
  home = await Home.make();
  photos = join(home.path, 'photos');
  mounts = [];
});
afterEach(async () => {
  await home.curate(['stop'], { env: { CURATE_HOME: curateHome() } });
  for (const mount of mounts) execFileSync('umount', ['--lazy', mount]);
  await home.remove();
});

const curateHome = (): string => join(home.path, 'home');
const data = (): string => join(curateHome(), 'data');

function run(
  args: readonly string[],
  during?: (child: { readonly pid?: number | undefined }) => void,
): Promise<Finished> {
  return home.curate(args, { env: { CURATE_HOME: curateHome() }, ...(during === undefined ? {} : { during }) });
}

function curate<T>(...args: string[]): Promise<T & { readonly exit: number | null }> {
  return home.json<T>(args, { env: { CURATE_HOME: curateHome() } });
}

/** Takes the Python environment that is kept between runs: it takes seconds to make, and this is not about that. */
async function prepare(folder = data()): Promise<void> {
  const python = join(repository, 'node_modules', '.cache', 'curate-python');
  await mkdir(python, { recursive: true });
  await mkdir(folder, { recursive: true });
  await symlink(python, join(folder, 'python'));
}

async function addPhotos(from: number, to: number): Promise<void> {
  const seeds = Array.from({ length: to - from }, (_, i) => from + i);
  await Promise.all(seeds.map((seed) => makePhoto(join(photos, `${seed}.jpg`), seed)));
}

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
    await smallDisk(data(), '8m');
    await prepare();
    await addPhotos(0, 10);
    expect((await curate<IndexJson>('index', photos)).libraries[0]?.photos).toBe(10);
    await addPhotos(10, 90);
    await fill(join(data(), 'filler'), 200_000);
    const full = await curate<IndexJson>('index', photos);
    expect({ exit: full.exit, code: full.error?.code }).toEqual({ exit: 1, code: 'disk_full' });
    expect(full.error?.hint).toMatch(/make room/i);
    await rm(join(data(), 'filler'));
    const { exit, libraries } = await curate<IndexJson>('index', photos);
    expect(exit).toBe(0);
    expect(libraries).toEqual([expect.objectContaining({ photos: 90, failed: [] })]);
    expect(libraries[0]?.unchanged).toBeGreaterThanOrEqual(10);
    const { results } = await curate<SearchJson>('search', join(photos, '3.jpg'), '--k', '500', '--include-self');
    expect(results).toHaveLength(90);
    expect(new Set(results.map(({ path }) => path)).size).toBe(90);
  });

  it('is named also when there is no room for anything at all', async () => {
    await smallDisk(data(), '1m');
    await addPhotos(0, 1);
    await prepare();
    await fill(join(data(), 'filler'), 0);
    for (const args of [['index', photos], ['status'], ['library', 'list']]) {
      const { exit, error } = await curate<ErrorJson>(...args);
      expect({ args, exit, code: error?.code }).toEqual({ args, exit: 1, code: 'disk_full' });
    }
  });

  it('does not matter to a search or a run when it is only the cache', async () => {
    await smallDisk(join(curateHome(), 'cache'), '1m');
    await prepare();
    await addPhotos(0, 3);
    const { exit, libraries } = await curate<IndexJson>('index', photos);
    expect(exit).toBe(0);
    expect(libraries[0]?.photos).toBe(3);
    expect((await curate<SearchJson>('search', join(photos, '1.jpg'), '--k', '2')).results).toHaveLength(2);
  });
});

describe.runIf(mayMount)('a data folder that can only be read', () => {
  it('is named with what to do, and is no fault of curate', async () => {
    await smallDisk(data(), '8m');
    await prepare();
    await addPhotos(0, 3);
    await curate('index', photos);
    await run(['stop']);
    execFileSync('mount', ['-o', 'remount,ro', data()]);
    for (const args of [['index', photos], ['search', join(photos, '1.jpg')], ['status'], ['library', 'list']]) {
      const { exit, error } = await curate<ErrorJson>(...args);
      expect({ args, exit, code: error?.code }).toEqual({ args, exit: 1, code: 'data_unwritable' });
      expect(error?.message).toContain(data());
      expect(error?.hint).toContain('CURATE_HOME');
    }
    execFileSync('mount', ['-o', 'remount,rw', data()]);
    expect((await curate<IndexJson>('index', photos)).libraries[0]).toMatchObject({ photos: 3, unchanged: 3 });
  });
});

describe('a home in an odd place', () => {
  for (const [what, name] of [
    ['with blanks, quotes and other letters in it', `blank ünï 猫 "q" 'x' 100% $(id)`],
    ['far longer than a socket can have', join('l'.repeat(200), 'm'.repeat(200))],
    ['with a line break in it', 'new\nline'],
  ] as const) {
    it(`works ${what}`, async () => {
      await addPhotos(0, 3);
      const env = { CURATE_HOME: join(home.path, name) };
      await prepare(join(env.CURATE_HOME, 'data'));
      const { exit, libraries } = await home.json<IndexJson>(['index', photos], { env });
      expect({ exit, photos: libraries[0]?.photos }).toEqual({ exit: 0, photos: 3 });
      const { results } = await home.json<SearchJson>(['search', join(photos, '1.jpg'), '--k', '2'], { env });
      expect(results).toHaveLength(2);
      expect((await home.curate(['stop'], { env })).code).toBe(0);
    });
  }
});

describe('files that do not keep still', () => {
  beforeEach(() => prepare());

  it('takes times in the future, before 1970 and set back as they are, and sees edits all the same', async () => {
    await addPhotos(0, 4);
    const years = [2099, 1960, 1970, 2026];
    for (const [seed, year] of years.entries())
      await utimes(join(photos, `${seed}.jpg`), new Date(Date.UTC(year, 0, 2)), new Date(Date.UTC(year, 0, 2)));
    expect((await curate<IndexJson>('index', photos)).libraries[0]).toMatchObject({ photos: 4, added: 4 });
    expect((await curate<IndexJson>('index', photos)).libraries[0]).toMatchObject({ photos: 4, unchanged: 4 });
    await makePhoto(join(photos, '0.jpg'), 70);
    const earlier = new Date(Date.UTC(2001, 0, 1));
    await utimes(join(photos, '0.jpg'), earlier, earlier);
    expect((await curate<IndexJson>('index', photos)).libraries[0]).toMatchObject({ updated: 1, unchanged: 3 });
  });

  it('goes on while files grow, shrink, vanish and come back, and is right once they rest', async () => {
    await addPhotos(0, 40);
    const bytes = await Promise.all(Array.from({ length: 20 }, (_, i) => readFile(join(photos, `${i}.jpg`))));
    let busy = true;
    const stirring = (async () => {
      for (let turn = 0; busy; turn += 1) {
        const file = join(photos, `${turn % 20}.jpg`);
        const whole = bytes[turn % 20] ?? Buffer.alloc(0);
        if (turn % 4 === 0) await rm(file, { force: true });
        else if (turn % 4 === 1) await writeFile(file, Buffer.concat([whole, whole]));
        else if (turn % 4 === 2) await writeFile(file, whole.subarray(0, whole.length >> 1));
        else await writeFile(file, whole);
        await sleep(1);
      }
    })();
    const restless = await curate<IndexJson>('index', photos);
    busy = false;
    await stirring;
    expect([0, 3]).toContain(restless.exit);
    for (const { code } of restless.libraries[0]?.failed ?? [])
      expect(['corrupt', 'changing', 'empty', 'vanished']).toContain(code);
    for (const [i, whole] of bytes.entries()) await writeFile(join(photos, `${i}.jpg`), whole);
    const { exit, libraries } = await curate<IndexJson>('index', photos);
    expect({ exit, photos: libraries[0]?.photos }).toEqual({ exit: 0, photos: 40 });
    for (const seed of [0, 7, 19, 30]) {
      const file = join(photos, `${seed}.jpg`);
      const { results } = await curate<SearchJson>('search', file, '--k', '1', '--include-self');
      expect(results[0]).toMatchObject({ path: file });
      expect(results[0]?.score).toBeGreaterThan(0.999);
    }
  });

  it.runIf(process.platform === 'linux')('goes on when decoders are killed, and loses no photo for good', async () => {
    await addPhotos(0, 120);
    let kills = 0;
    let running = true;
    const finished = await run(['index', photos, '--json'], (child) => {
      void (async () => {
        while (running && kills < 4) {
          const [victim] = workersOf(child.pid);
          if (victim !== undefined) {
            await sleep(300);
            try {
              process.kill(victim, 'SIGKILL');
              kills += 1;
            } catch {
              // It ended by itself.
            }
          }
          await sleep(50);
        }
      })();
    });
    running = false;
    expect(kills).toBeGreaterThan(0);
    expect([0, 3], finished.stderr).toContain(finished.code);
    const [library] = (JSON.parse(finished.stdout) as IndexJson).libraries;
    const failed = library?.failed ?? [];
    expect(failed.length).toBeLessThanOrEqual(kills);
    for (const { code } of failed) expect(code).toBe('decoder_crashed');
    expect(library?.photos).toBe(120 - failed.length);
    expect((await curate<IndexJson>('index', photos)).libraries[0]).toMatchObject({ photos: 120, failed: [] });
  });
});

/** The worker processes of this curate, by their parent and command line. */
function workersOf(parent: number | undefined): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const own = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(parent);
      return own && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('worker') ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

describe.runIf(mayMount)('what this user may not read', () => {
  it('is reported file by file and folder by folder, and what was indexed of it stays', async () => {
    const place = await mkdtemp(join(tmpdir(), 'curate-nobody-'));
    try {
      const library = join(place, 'photos');
      for (const name of ['open.jpg', 'locked.jpg', 'shut/in.jpg', 'dim/in.jpg'])
        await makePhoto(join(library, name), name.length + name.charCodeAt(0));
      // The environment that is kept between runs belongs to us alone.
      const python = join(repository, 'node_modules', '.cache', 'curate-python');
      await mkdir(python, { recursive: true });
      await cp(python, join(place, 'data', 'python'), { recursive: true, verbatimSymlinks: true });
      execFileSync('chown', ['-R', '--no-dereference', 'nobody', place]);
      const as = (args: readonly string[]): IndexJson & { exit: number | null } => {
        try {
          const stdout = execFileSync(
            'setpriv',
            [
              '--reuid=nobody',
              '--regid=nogroup',
              '--clear-groups',
              process.execPath,
              join(repository, 'bin/curate.js'),
              ...args,
              '--json',
            ],
            {
              cwd: place,
              env: { PATH: process.env.PATH, HOME: place, CURATE_HOME: place },
              stdio: ['ignore', 'pipe', 'ignore'],
            },
          );
          return { ...(JSON.parse(stdout.toString()) as IndexJson), exit: 0 };
        } catch (error) {
          const { status, stdout } = error as { status: number; stdout: Buffer };
          return { ...(JSON.parse(stdout.toString()) as IndexJson), exit: status };
        }
      };
      expect(as(['index', library])).toMatchObject({ exit: 0, libraries: [{ photos: 4 }] });
      await chmod(join(library, 'locked.jpg'), 0);
      await writeFile(join(library, 'locked too.jpg'), 'x', { mode: 0 });
      await chmod(join(library, 'shut'), 0);
      // Its names can be listed, its files not be looked at.
      await chmod(join(library, 'dim'), 0o444);
      const { exit, libraries } = as(['index', library]);
      expect({ exit, photos: libraries[0]?.photos }).toEqual({ exit: 3, photos: 4 });
      expect(libraries[0]?.failed.map(({ path, code }) => [path.slice(library.length + 1), code]).sort()).toEqual([
        ['dim/in.jpg', 'unreadable'],
        ['locked too.jpg', 'unreadable'],
        ['shut', 'unreadable'],
      ]);
      expect(as(['stop']).exit).toBe(0);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  });
});
