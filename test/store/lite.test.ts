import { type SpawnOptions, spawn } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rename, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LiteEvent } from '../../src/store/events.ts';
import { connectLite, isOlder, type LiteServer } from '../../src/store/lite/connect.ts';
import { liteFolders, RUNTIME, socketPaths } from '../../src/store/lite/folders.ts';
import { startServer, stopLite } from '../../src/store/lite/server.ts';
import type { World } from '../../src/world.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';

/** gRPC's status code. */
const UNAUTHENTICATED = 16;

/** Looks at /proc. */
const onLinux = it.runIf(process.platform === 'linux');

let home: LiteHome;
let events: LiteEvent[];

// One home for all: whichever server a test leaves running, the next one connects to.
beforeAll(async () => {
  home = await liteHome({ env: { OPENAI_API_KEY: 'sk-secret', MILVUS_TOKEN: 'secret' } });
});
beforeEach(() => {
  events = [];
});
afterAll(() => home.remove());

function connect(options: { idleSeconds?: number } = {}): Promise<LiteServer> {
  return connectLite(home.world, home.paths, (event) => events.push(event), options);
}

function alive({ pid }: LiteServer): boolean {
  return home.world.signal(pid, 0);
}

async function gone(server: LiteServer, withinMs = 10_000): Promise<boolean> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await sleep(20)) {
    if (!alive(server)) return true;
  }
  return false;
}

/** One real call; the code of gRPC's error, or the server's name for itself. */
async function greet({ address, token }: { address: string; token: string }): Promise<string | number> {
  const client = new MilvusClient({
    address,
    token,
    timeout: 10_000,
    maxRetries: 0,
    logLevel: 'error',
    telemetry: { enabled: false },
  });
  try {
    await client.connectPromise;
    return (await client.getVersion()).version ?? '';
  } catch (error) {
    return (error as { code: number }).code;
  } finally {
    await client.closeConnection();
  }
}

const serverPids = async (): Promise<string[]> => {
  const ps = spawn('ps', ['-eo', 'pid=,args='], { stdio: ['ignore', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  ps.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(ps, 'close');
  const { server } = liteFolders(home.paths.data);
  return Buffer.concat(chunks)
    .toString()
    .split('\n')
    .filter((line) => line.includes(`serve ${server} `));
};

describe('the embedded server', () => {
  it('starts on the first call, is found by the next, and ends when told to; then there is nothing to end', async () => {
    expect(await stopLite(home.world, home.paths)).toBe(false);
    const server = await connect();
    expect(await greet(server)).toMatch(/^milvus_lite-3\.2\.2$/);
    expect(events.filter(({ kind }) => kind === 'server')).toEqual([{ kind: 'server', step: 'starting' }]);
    events = [];
    expect(await connect()).toEqual(server);
    expect(events).toEqual([]);
    expect(await stopLite(home.world, home.paths)).toBe(true);
    expect(alive(server)).toBe(false);
    expect(await stopLite(home.world, home.paths)).toBe(false);
  });

  it('is one server, however many start it at once', async () => {
    await stopLite(home.world, home.paths);
    const servers = await Promise.all(Array.from({ length: 5 }, () => connect()));
    expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1);
    expect(await serverPids()).toHaveLength(1);
  });

  it('is found again after kill -9', async () => {
    const first = await connect();
    home.world.signal(first.pid, 'SIGKILL');
    expect(await gone(first)).toBe(true);
    const second = await connect();
    expect(second.pid).not.toBe(first.pid);
    expect(await greet(second)).toMatch(/^milvus_lite/);
  });

  it('is replaced when its socket was deleted under it', async () => {
    const first = await connect();
    await unlink(first.address.slice('unix:'.length));
    const second = await connect();
    expect(second.pid).not.toBe(first.pid);
    expect(alive(first)).toBe(false);
    expect(await greet(second)).toMatch(/^milvus_lite/);
  });

  it('is heard though it ends before this busy process has a moment for its files', async () => {
    const world = {
      ...home.world,
      spawn: ((_command: string, _args: readonly string[], options: SpawnOptions) => {
        // What Node does with files waits behind these, on its four threads.
        for (let i = 0; i < 8; i += 1) pbkdf2('', '', 200_000, 64, 'sha512', () => undefined);
        return spawn('echo', ['{"error":"locked"}'], options);
      }) as World['spawn'],
    };
    const options = { scripts: RUNTIME, version: '0.1.0', idleSeconds: 60, onEvent: () => undefined };
    expect(await startServer(world, liteFolders(home.paths.data), 'python3', options)).toEqual({ kind: 'locked' });
  });

  it.each(['state', 'lock'] as const)(
    'is replaced within seconds when its %s file was damaged under it',
    async (file) => {
      const first = await connect();
      await writeFile(liteFolders(home.paths.data)[file], '\0garbage\xff');
      const started = performance.now();
      expect(await gone(first)).toBe(true);
      const second = await connect();
      expect(performance.now() - started).toBeLessThan(15_000);
      expect(second.pid).not.toBe(first.pid);
      expect(await greet(second)).toMatch(/^milvus_lite/);
      expect(await stopLite(home.world, home.paths)).toBe(true);
    },
  );

  it('leaves the place to another server when its folder was moved away and a new one made there', async () => {
    const { server } = liteFolders(home.paths.data);
    const first = await connect();
    await rename(server, `${server}-aside`);
    const second = await connect();
    expect(await gone(first)).toBe(true);
    expect(await greet(second)).toMatch(/^milvus_lite/);
    expect(await connect()).toEqual(second);
  });

  onLinux('outlives the terminal that started it: it leads a session of its own', async () => {
    const { pid } = await connect();
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [, , group, session] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    expect([group, session]).toEqual([String(pid), String(pid)]);
  });

  onLinux('gets none of the keys and tokens of its environment', async () => {
    const { pid } = await connect();
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('secret');
  });

  it('ends by itself when nobody has called it for a while', async () => {
    await stopLite(home.world, home.paths);
    const server = await connect({ idleSeconds: 1 });
    await greet(server);
    expect(await gone(server)).toBe(true);
    await expect(stat(liteFolders(home.paths.data).state)).rejects.toThrow('ENOENT');
  });

  it("gives way to a newer curate's, and a newer one serves an older curate", async () => {
    const { state } = liteFolders(home.paths.data);
    const first = await connect();
    await writeFile(state, JSON.stringify({ ...first, version: '0.0.9' }));
    const second = await connect();
    expect(second.pid).not.toBe(first.pid);
    expect(alive(first)).toBe(false);
    expect(events).toContainEqual({ kind: 'server', step: 'replacing' });
    await writeFile(state, JSON.stringify({ ...second, version: '99.0.0' }));
    expect((await connect()).pid).toBe(second.pid);
    // A server whose state was written over soon ends by itself.
    await stopLite(home.world, home.paths);
  });
});

describe('privacy', () => {
  it('refuses a wrong token', async () => {
    const { address } = await connect();
    expect(await greet({ address, token: 'guess' })).toBe(UNAUTHENTICATED);
  });

  it('keeps the socket, the token and the data from other users', async () => {
    const { address } = await connect();
    const folders = liteFolders(home.paths.data);
    const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
    expect(address).toMatch(/^unix:\//);
    expect(await mode(dirname(address.slice('unix:'.length)))).toBe('700');
    expect(await mode(folders.state)).toBe('600');
    expect(await mode(folders.log)).toBe('600');
    expect(await mode(folders.server)).toBe('700');
    expect(await mode(join(folders.server, 'db'))).toBe('700');
  });

  it('passes over a folder that is open to others, and then listens on loopback, with the token', async () => {
    await stopLite(home.world, home.paths);
    const { XDG_RUNTIME_DIR: _, ...env } = home.world.env;
    const world = { ...home.world, env, tmp: '/tmp' };
    const folders = socketPaths(world, liteFolders(home.paths.data).server).map(dirname);
    for (const folder of folders) await mkdir(folder, { mode: 0o755 });
    try {
      const server = await connectLite(world, home.paths, () => undefined);
      expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(await greet(server)).toMatch(/^milvus_lite/);
      expect(await greet({ ...server, token: '' })).toBe(UNAUTHENTICATED);
    } finally {
      for (const folder of folders) await rmdir(folder);
    }
  });
});

describe('versions', () => {
  it.each([
    ['0.1.0', '0.1.1', true],
    ['0.9.0', '0.10.0', true],
    ['1.0.0', '1.0.0', false],
    ['2.0.0', '1.9.9', false],
    ['0.2.0', '0.1.9', false],
  ])('%s is older than %s: %s', (version, than, expected) => {
    expect(isOlder(version, than)).toBe(expected);
  });
});
