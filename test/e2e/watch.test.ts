import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Finished, Home, repository } from '../support/cli.ts';

const fixtures = join(repository, 'fixtures', 'photos');
let home: Home;
let photos: string;

beforeAll(async () => {
  home = await Home.make();
  photos = join(home.path, 'photos');
  await mkdir(join(photos, '2024'), { recursive: true });
  await mkdir(join(photos, '2025'));
  await copyFile(join(fixtures, 'crab.jpg'), join(photos, '2024', 'crab.jpg'));
});
afterAll(() => home.remove());

/** `curate index --watch` at work: what it has printed so far, and a way to end it. */
class Watching {
  stdout = '';
  stderr = '';
  #child: ChildProcess | null = null;
  readonly #ended: Promise<Finished>;

  constructor(args: readonly string[]) {
    this.#ended = home.curate(['index', '--watch', ...args], {
      during: (child) => {
        this.#child = child;
        child.stdout?.on('data', (chunk) => {
          this.stdout += chunk;
        });
        child.stderr?.on('data', (chunk) => {
          this.stderr += chunk;
        });
      },
    });
  }

  /** Waits until a line was printed. */
  async says(text: string | RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.stdout + this.stderr).toMatch(text), { timeout: 60_000, interval: 100 });
  }

  interrupt(): Promise<Finished> {
    this.#child?.kill('SIGINT');
    return this.#ended;
  }
}

describe('curate index --watch', () => {
  it('indexes what changes, survives the folder going away, and ends at Ctrl-C', async () => {
    const watching = new Watching([photos]);
    await watching.says(/^photos: 1 photo \(1 added\)/m);
    await watching.says('Watching 1 folder for changes');
    await copyFile(join(fixtures, 'brushes.jpg'), join(photos, '2025', 'brushes.jpg'));
    await watching.says(/^photos: 2 photos \(1 added\)/m);
    await rename(join(photos, '2024'), join(photos, '2023'));
    await watching.says(/^photos: 2 photos \(1 moved\)/m);

    await rename(photos, join(home.path, 'unplugged'));
    await watching.says('is not there now');
    await copyFile(join(fixtures, 'crab-crop.webp'), join(home.path, 'unplugged', 'crop.webp'));
    await rename(join(home.path, 'unplugged'), photos);
    await watching.says('is back');
    await watching.says(/^photos: 3 photos \(1 added\)/m);

    await rm(join(photos, 'crop.webp'));
    await watching.says(/^photos: 2 photos \(1 removed\)/m);
    expect(await watching.interrupt()).toMatchObject({ code: 0 });
  });

  it('follows every library when none is named', async () => {
    const watching = new Watching([]);
    await watching.says('Watching 1 folder for changes');
    await copyFile(join(fixtures, 'crab-crop.webp'), join(photos, '2025', 'crop.webp'));
    await watching.says(/^photos: 3 photos \(1 added\)/m);
    expect(await watching.interrupt()).toMatchObject({ code: 0 });
  });

  it.each(['--json', '--dry-run', '--prune'])('is wrong usage together with %s', async (other) => {
    const { code, stderr } = await home.curate(['index', photos, '--watch', other]);
    expect(code).toBe(2);
    expect(stderr).toContain(`--watch and ${other} exclude each other`);
  });

  it('says that there is no such folder', async () => {
    const { code, stderr } = await home.curate(['index', '--watch', join(home.path, 'nowhere')]);
    expect(code).toBe(1);
    expect(stderr).toContain('There is no folder');
  });

  it.runIf(canLimitWatches())("names the setting to raise when the system's watches are used up", async () => {
    const limited = spawn(
      'unshare',
      ['-Ur', 'sh', '-c', `echo 2 > /proc/sys/user/max_inotify_watches; exec "$@"`, 'sh'].concat(
        process.execPath,
        join(repository, 'bin', 'curate.js'),
        ...['index', '--watch', photos],
      ),
      { env: { PATH: process.env.PATH ?? '', HOME: home.path }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let stderr = '';
    limited.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(limited, 'close');
    expect(stderr).toContain('sudo sysctl fs.inotify.max_user_watches=1048576');
    expect(code).toBe(1);
  });
});

/** Whether this system lets us try a low limit in a namespace of our own (Linux, where not forbidden). */
function canLimitWatches(): boolean {
  try {
    execFileSync('unshare', ['-Ur', 'sh', '-c', 'echo 2 > /proc/sys/user/max_inotify_watches'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
