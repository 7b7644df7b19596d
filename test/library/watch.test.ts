import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { indexPhotos } from '../../src/library/index/index-photos.ts';
import { inside, isBelow } from '../../src/library/paths.ts';
import { Burst } from '../../src/library/watch/burst.ts';
import { changedFolders, commonFolder, unignored } from '../../src/library/watch/changes.ts';
import { WatchedRoots } from '../../src/library/watch/roots.ts';
import { type WatchEvent, watchFolders } from '../../src/library/watch/watch.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { onlyMachine } from '../support/indexer.ts';
import { MemoryStore } from '../support/memory-store.ts';

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-watch-')));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function put(path: string, content: string): Promise<void> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

/** A watch over `home/a`, with the real watcher and the real use case. */
class Watch {
  readonly store = new MemoryStore();
  readonly table = this.store.table(testModel);
  readonly events: WatchEvent[] = [];
  /** The folders of each run after the first. */
  readonly runs: (readonly string[])[] = [];
  readonly root = join(home, 'a');
  /** Thrown by the next run. */
  failure: Error | null = null;
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  async start(): Promise<void> {
    let ready = (): void => undefined;
    const first = new Promise<void>((resolve) => {
      ready = resolve;
    });
    this.#ended = watchFolders(
      {
        indexAll: async () => {
          await this.#index([this.root]);
          ready();
        },
        indexFolders: (folders) => {
          this.runs.push(folders);
          return this.#index(folders);
        },
        unignored: (changes) => unignored(changes, { roots: [this.root], libraries: [this.root], patterns: [] }),
        onEvent: (event) => this.events.push(event),
        stopped: this.#stop.signal,
        elapsed: () => performance.now(),
        pace: { quietMs: 100, maxMs: 1_000 },
      },
      [this.root],
    );
    await Promise.race([first, this.#ended]);
    // The watches below the root are set in the background; until then, only the next run would see a change.
    await sleep(300);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #index(roots: readonly string[]): Promise<string[]> {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
    const kept: string[] = [];
    await indexPhotos(
      {
        store: this.store,
        table: this.table,
        openEmbedder: async () => new HashEmbedder(),
        onEvent: (event) => {
          if (event.kind === 'kept') kept.push(event.library.root);
        },
        interrupted: new AbortController().signal,
        ...onlyMachine(),
        elapsed: () => performance.now(),
        confirmPrune: async () => false,
      },
      { roots, ignore: [] },
    );
    return kept;
  }

  paths(): string[] {
    return [...this.table.stored.values()].map(({ path }) => path).sort();
  }

  becomes(...paths: string[]): Promise<void> {
    return vi.waitFor(() => expect(this.paths()).toEqual(paths), { timeout: 10_000, interval: 50 });
  }
}

describe('watching folders', () => {
  let watch: Watch;
  beforeEach(async () => {
    await put('a/2024/1.jpg', 'one');
    await put('a/2025/2.jpg', 'two');
    // What is as young as the watch itself is compared a second time.
    for (const path of ['2024/1.jpg', '2025/2.jpg', '2024', '2025', '']) await utimes(join(home, 'a', path), 1e9, 1e9);
    watch = new Watch();
    await watch.start();
  });
  afterEach(() => watch.stop());

  it('begins with an ordinary run and then indexes the changed folder alone', async () => {
    await watch.becomes('2024/1.jpg', '2025/2.jpg');
    await put('a/2024/3.jpg', 'three');
    await watch.becomes('2024/1.jpg', '2024/3.jpg', '2025/2.jpg');
    expect(watch.runs).toEqual([[join(watch.root, '2024')]]);
  });

  it('notices an edit, a removal and a move between folders', async () => {
    const edited = createHash('sha256').update('one, edited').digest('hex');
    await put('a/2024/1.jpg', 'one, edited');
    const hashes = (): string[] => [...watch.table.stored.values()].map(({ sha256 }) => sha256);
    await vi.waitFor(() => expect(hashes()).toContain(edited), { timeout: 10_000, interval: 50 });
    await rename(join(watch.root, '2024/1.jpg'), join(watch.root, '2025/1.jpg'));
    await watch.becomes('2025/1.jpg', '2025/2.jpg');
    await rm(join(watch.root, '2025/2.jpg'));
    await watch.becomes('2025/1.jpg');
  });

  it('follows folders that are made, moved in and renamed, however deep', async () => {
    await put('a/2026/11/23/4.jpg', 'four');
    await watch.becomes('2024/1.jpg', '2025/2.jpg', '2026/11/23/4.jpg');
    await put('elsewhere/x/y/5.jpg', 'five');
    await rename(join(home, 'elsewhere'), join(watch.root, 'in'));
    await watch.becomes('2024/1.jpg', '2025/2.jpg', '2026/11/23/4.jpg', 'in/x/y/5.jpg');
    await put('a/in/x/y/6.jpg', 'six');
    await watch.becomes('2024/1.jpg', '2025/2.jpg', '2026/11/23/4.jpg', 'in/x/y/5.jpg', 'in/x/y/6.jpg');
    await rename(join(watch.root, 'in'), join(watch.root, 'out'));
    await put('a/out/x/y/7.jpg', 'seven');
    await watch.becomes(
      '2024/1.jpg',
      '2025/2.jpg',
      '2026/11/23/4.jpg',
      'out/x/y/5.jpg',
      'out/x/y/6.jpg',
      'out/x/y/7.jpg',
    );
  });

  it('takes the photos of an emptied folder out, since the rest of the library is there', async () => {
    await rm(join(watch.root, '2024/1.jpg'));
    await watch.becomes('2025/2.jpg');
    await rm(join(watch.root, '2024'), { recursive: true });
    await put('a/2025/3.jpg', 'three');
    await watch.becomes('2025/2.jpg', '2025/3.jpg');
  });

  it('does not run for files that are no photos, hidden or in the folders of other programs', async () => {
    await put('a/2024/1.xmp', 'x');
    await put('a/2024/.1.jpg.part', 'x');
    await put('a/@eaDir/1.jpg', 'x');
    await put('a/.cache/1.jpg', 'x');
    await sleep(1_000);
    expect(watch.runs).toEqual([]);
    await put('a/2024/.curateignore', '1.jpg\n');
    await watch.becomes('2025/2.jpg');
  });

  it('does not run for what is ignored, until it is no longer', async () => {
    await put('a/.curateignore', 'drafts/\n*.tmp.jpg\n!2025/*.tmp.jpg\n');
    await vi.waitFor(() => expect(watch.runs).toEqual([[watch.root]]), { timeout: 10_000 });
    await put('a/2024/3.tmp.jpg', 'three');
    await put('a/2024/drafts/4.jpg', 'four');
    await put('a/2024/drafts/.curateignore', 'x');
    await put('a/drafts/5.jpg', 'five');
    await rm(join(watch.root, '2024/3.tmp.jpg'));
    await sleep(1_000);
    expect(watch.runs).toHaveLength(1);
    await put('a/2025/6.tmp.jpg', 'six');
    await watch.becomes('2024/1.jpg', '2025/2.jpg', '2025/6.tmp.jpg');
    await rm(join(watch.root, '.curateignore'));
    await watch.becomes('2024/1.jpg', '2024/drafts/4.jpg', '2025/2.jpg', '2025/6.tmp.jpg', 'drafts/5.jpg');
  });

  it('gathers a burst into few runs', async () => {
    for (let i = 0; i < 40; i += 1) {
      await put(`a/2024/burst-${i}.jpg`, `burst ${i}`);
      await sleep(10);
    }
    await vi.waitFor(() => expect(watch.paths()).toHaveLength(42), { timeout: 10_000 });
    expect(watch.runs.length).toBeLessThanOrEqual(2);
  });

  it('keeps the photos of a folder that vanished and goes on when it is back', async () => {
    await rename(watch.root, join(home, 'unplugged'));
    await vi.waitFor(() => expect(watch.events).toEqual([{ kind: 'away', root: watch.root }]), { timeout: 10_000 });
    expect(watch.paths()).toEqual(['2024/1.jpg', '2025/2.jpg']);
    await writeFile(join(home, 'unplugged/2024/8.jpg'), 'eight');
    await rename(join(home, 'unplugged'), watch.root);
    await watch.becomes('2024/1.jpg', '2024/8.jpg', '2025/2.jpg');
    expect(watch.events.at(-1)).toEqual({ kind: 'back', root: watch.root });
    await sleep(300);
    await put('a/2024/9.jpg', 'nine');
    await watch.becomes('2024/1.jpg', '2024/8.jpg', '2024/9.jpg', '2025/2.jpg');
  });

  it('is not confused by a drive that comes and goes while folders are made on it', async () => {
    for (const pause of [0, 30, 120, 300, 5, 60]) {
      await put(`a/made/${pause}/1.jpg`, `made ${pause}`);
      await sleep(pause);
      await rename(watch.root, join(home, 'unplugged'));
      await sleep(pause);
      await rename(join(home, 'unplugged'), watch.root);
    }
    await vi.waitFor(() => expect(watch.paths()).toHaveLength(8), { timeout: 15_000 });
    await sleep(1_000);
    await put('a/made/300/2.jpg', 'last');
    await vi.waitFor(() => expect(watch.paths()).toHaveLength(9), { timeout: 15_000 });
  });

  it('reports a failed run and does not end', async () => {
    watch.failure = new UserError('store_unreachable', 'The store is away.');
    await put('a/2024/3.jpg', 'three');
    await vi.waitFor(() => expect(watch.events).toMatchObject([{ kind: 'failed', retryMs: 30_000 }]), {
      timeout: 10_000,
    });
  });
});

describe('watched folders', () => {
  it('are complete once renewed after a whole tree was copied in', async () => {
    const folders = ['new'];
    for (const depth of [1, 2, 3, 4]) {
      for (const folder of folders.filter((path) => path.split('/').length === depth)) {
        folders.push(...['x', 'y', 'z', 'a\u0308'].map((name) => `${folder}/${name}`));
      }
    }
    for (const folder of folders) await put(`tree/${folder}/1.jpg`, folder);
    const root = join(home, 'a');
    await mkdir(root);
    const changed = new Set<string>();
    const ignore = (): void => undefined;
    const roots = new WatchedRoots([root], {
      onChange: (path) => changed.add(path),
      onAway: ignore,
      onBack: ignore,
      onFailure: ignore,
    });
    await roots.start();
    try {
      // Several times, since which folder the watcher misses by itself is a matter of luck.
      const copies = ['1', '2', '3', '4'].map((copy) => join(root, copy));
      for (const copy of copies) await promisify(execFile)('cp', ['-r', join(home, 'tree/new'), copy]);
      await sleep(500);
      await roots.renew();
      const deepest = folders.filter((folder) => folder.split('/').length === 5).map((folder) => folder.slice(4));
      const later = copies.flatMap((copy) => deepest.map((folder) => join(copy, folder, '2.jpg')));
      for (const file of later) await writeFile(file, file);
      await sleep(500);
      expect(later.filter((file) => !changed.has(file))).toEqual([]);
    } finally {
      await roots.close();
    }
  });
});

describe('a burst of changes', () => {
  const never = new AbortController().signal;

  it('is over after a quiet period', async () => {
    const burst = new Burst({ quietMs: 80, maxMs: 5_000 }, () => performance.now());
    burst.add('a');
    setTimeout(() => burst.add('b'), 40);
    const started = performance.now();
    expect(await burst.next(never)).toEqual(new Set(['a', 'b']));
    expect(performance.now() - started).toBeGreaterThanOrEqual(115);
  });

  it('is over at the latest after its greatest length, and later changes make the next one', async () => {
    const burst = new Burst({ quietMs: 100, maxMs: 250 }, () => performance.now());
    let n = 0;
    const timer = setInterval(() => burst.add(String(n++)), 20);
    const first = await burst.next(never);
    const second = await burst.next(never);
    clearInterval(timer);
    expect(first?.has('0')).toBe(true);
    expect(second?.has('0')).toBe(false);
    expect(second?.size).toBeGreaterThan(0);
  });

  it('ends with null when stopped and with the error when failed', async () => {
    const stop = new AbortController();
    const waiting = new Burst({ quietMs: 10, maxMs: 20 }, () => performance.now()).next(stop.signal);
    stop.abort();
    expect(await waiting).toBeNull();
    const burst = new Burst({ quietMs: 10, maxMs: 20 }, () => performance.now());
    setTimeout(() => burst.fail(new Error('no watches left')), 10);
    await expect(burst.next(never)).rejects.toThrow('no watches left');
  });
});

describe('the folders of changed paths', () => {
  it('are the nearest ones that are there, none inside another, none outside the roots', async () => {
    await put('a/2024/1.jpg', 'one');
    await put('a/2025/deep/2.jpg', 'two');
    const a = join(home, 'a');
    const changed = (...paths: string[]): Promise<string[]> =>
      changedFolders(
        paths.map((path) => join(home, path)),
        [a],
      );
    expect(await changed('a/2024/1.jpg', 'a/2024/gone.jpg')).toEqual([join(a, '2024')]);
    expect(await changed('a/2024/gone/gone/1.jpg', 'a/2025/deep')).toEqual([join(a, '2024'), join(a, '2025/deep')]);
    expect(await changed('a/2025/deep/2.jpg', 'a/2025/x.jpg')).toEqual([join(a, '2025')]);
    expect(await changed('a/x.jpg', 'a/2024/1.jpg')).toEqual([a]);
    expect(await changed('b/1.jpg')).toEqual([]);
  });

  it('become the folder around them when they are many', async () => {
    const paths = Array.from({ length: 20 }, (_, i) => `a/2024/${i}/1.jpg`);
    for (const path of paths) await put(path, path);
    const folders = await changedFolders(
      paths.map((path) => join(home, path)),
      [join(home, 'a')],
    );
    expect(folders).toEqual([join(home, 'a/2024')]);
  });

  it('have the deepest folder that contains them all in common', () => {
    const path = fc.array(fc.constantFrom('x', 'y'), { maxLength: 4 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 6 }), (folders) => {
        const common =
          inside(
            '/r',
            commonFolder(
              '/r',
              folders.map((folder) => join('/r', folder)),
            ),
          ) ?? '?';
        const holds = (folder: string): boolean => folders.every((other) => isBelow(other, folder));
        expect(holds(common)).toBe(true);
        for (const folder of folders) {
          const next = folder
            .split('/')
            .slice(0, common === '' ? 1 : common.split('/').length + 1)
            .join('/');
          if (next !== common && next !== '') expect(holds(next)).toBe(false);
        }
      }),
    );
  });
});

describe('changes of what is ignored', () => {
  it('are left out by the same rules as in a walk', async () => {
    const paths = ['a/1.jpg', 'a/x/1.jpg', 'a/x/2.jpg', 'a/x/y/1.jpg', 'a/x/y/z/3.jpg', 'a/x/gone.jpg'];
    for (const path of paths) await put(path, path);
    await put('a/.curateignore', 'z\n');
    await put('a/x/.curateignore', '!2.jpg\n');
    await rm(join(home, 'a/x/gone.jpg'));
    const patterns = ['/x/y/1.jpg', '2.jpg', 'gone.jpg', '.*'];
    const changes = [...paths, 'a', 'a/x', 'a/x/y/z', 'a/x/.curateignore', 'elsewhere.jpg'].map((path) =>
      join(home, path),
    );
    const left = async (root: string): Promise<string[]> => {
      const places = { roots: [join(home, root)], libraries: [join(home, 'a')], patterns };
      return (await unignored(changes, places)).map((path) => path.slice(home.length + 1));
    };
    expect(await left('a')).toEqual(['a/1.jpg', 'a/x/1.jpg', 'a/x/2.jpg', 'a', 'a/x', 'a/x/.curateignore']);
    expect(await left('a/x')).toEqual(['a/x/1.jpg', 'a/x/2.jpg', 'a/x', 'a/x/.curateignore']);
    // Whether a folder is followed at all is not for its own changes to say.
    expect(await left('a/x/y/z')).toEqual(['a/x/y/z']);
  });
});
