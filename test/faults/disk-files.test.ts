import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultHome, type IndexJson, PYTHON, type SearchJson } from '../hostile/home.ts';
import { repository } from '../support/cli.ts';
import { makePhoto } from '../support/photo-maker.ts';

/** Only the superuser may become another user: elsewhere that test is reported as skipped. */
const mayBecomeNobody = process.platform === 'linux' && process.getuid?.() === 0;

let home: FaultHome;
beforeEach(async () => {
  home = await FaultHome.make();
});
afterEach(() => home.remove());

describe('files that do not keep still', () => {
  beforeEach(() => home.prepare());

  it('takes times in the future, before 1970 and set back as they are, and sees edits all the same', async () => {
    await home.addPhotos(0, 4);
    const years = [2099, 1960, 1970, 2026];
    for (const [seed, year] of years.entries())
      await utimes(join(home.photos, `${seed}.jpg`), new Date(Date.UTC(year, 0, 2)), new Date(Date.UTC(year, 0, 2)));
    expect((await home.json<IndexJson>(['index', home.photos])).libraries[0]).toMatchObject({ photos: 4, added: 4 });
    expect((await home.json<IndexJson>(['index', home.photos])).libraries[0]).toMatchObject({
      photos: 4,
      unchanged: 4,
    });
    await makePhoto(join(home.photos, '0.jpg'), 70);
    const earlier = new Date(Date.UTC(2001, 0, 1));
    await utimes(join(home.photos, '0.jpg'), earlier, earlier);
    expect((await home.json<IndexJson>(['index', home.photos])).libraries[0]).toMatchObject({
      updated: 1,
      unchanged: 3,
    });
  });

  it('goes on while files grow, shrink, vanish and come back, and is right once they rest', async () => {
    await home.addPhotos(0, 40);
    const bytes = await Promise.all(Array.from({ length: 20 }, (_, i) => readFile(join(home.photos, `${i}.jpg`))));
    let busy = true;
    const stirring = (async () => {
      for (let turn = 0; busy; turn += 1) {
        const file = join(home.photos, `${turn % 20}.jpg`);
        const whole = bytes[turn % 20] ?? Buffer.alloc(0);
        if (turn % 4 === 0) await rm(file, { force: true });
        else if (turn % 4 === 1) await writeFile(file, Buffer.concat([whole, whole]));
        else if (turn % 4 === 2) await writeFile(file, whole.subarray(0, whole.length >> 1));
        else await writeFile(file, whole);
        await sleep(1);
      }
    })();
    const restless = await home.json<IndexJson>(['index', home.photos]);
    busy = false;
    await stirring;
    expect([0, 3]).toContain(restless.exit);
    for (const { code } of restless.libraries[0]?.failed ?? [])
      expect(['corrupt', 'changing', 'empty', 'vanished']).toContain(code);
    for (const [i, whole] of bytes.entries()) await writeFile(join(home.photos, `${i}.jpg`), whole);
    const { exit, libraries } = await home.json<IndexJson>(['index', home.photos]);
    expect({ exit, photos: libraries[0]?.photos }).toEqual({ exit: 0, photos: 40 });
    for (const seed of [0, 7, 19, 30]) {
      const file = join(home.photos, `${seed}.jpg`);
      const { results } = await home.json<SearchJson>(['search', file, '--k', '1', '--include-self']);
      expect(results[0]).toMatchObject({ path: file });
      expect(results[0]?.score).toBeGreaterThan(0.999);
    }
  });

  it.runIf(process.platform === 'linux')('goes on when decoders are killed, and loses no photo for good', async () => {
    await home.addPhotos(0, 120);
    let kills = 0;
    let running = true;
    const finished = await home.run(['index', home.photos, '--json'], (child) => {
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
    expect((await home.json<IndexJson>(['index', home.photos])).libraries[0]).toMatchObject({
      photos: 120,
      failed: [],
    });
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

describe.runIf(mayBecomeNobody)('what this user may not read', () => {
  it('is reported file by file and folder by folder, and what was indexed of it stays', async () => {
    const place = await mkdtemp(join(tmpdir(), 'curate-nobody-'));
    try {
      const library = join(place, 'photos');
      for (const name of ['open.jpg', 'locked.jpg', 'shut/in.jpg', 'dim/in.jpg'])
        await makePhoto(join(library, name), name.length + name.charCodeAt(0));
      // The environment that is kept between runs belongs to us alone.
      await mkdir(PYTHON, { recursive: true });
      await cp(PYTHON, join(place, 'data', 'python'), { recursive: true, verbatimSymlinks: true });
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
