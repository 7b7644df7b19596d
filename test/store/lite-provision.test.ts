import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LiteEvent } from '../../src/store/events.ts';
import { connectLite } from '../../src/store/lite/connect.ts';
import { liteFolders } from '../../src/store/lite/folders.ts';
import { ensureRuntime } from '../../src/store/lite/provision.ts';
import { binFolder } from '../support/fake-python.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';

let home: LiteHome;
let events: LiteEvent[];

beforeEach(() => {
  events = [];
});

const onEvent = (event: LiteEvent): void => void events.push(event);
const folders = () => liteFolders(home.paths.data);
const steps = () => events.flatMap((event) => (event.kind === 'provisioning' ? [event.step] : []));

async function environments(): Promise<string[]> {
  const entries = await readdir(folders().environments, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** The file of the engine, in the one environment that there is. */
async function engineFile(): Promise<string> {
  const [name = ''] = await environments();
  const lib = join(folders().environments, name, 'lib');
  const [python = ''] = await readdir(lib);
  return join(lib, python, 'site-packages', 'milvus_lite', 'db.py');
}

/** In this order, on one data folder: each making takes seconds and 60 MB of downloads. */
describe('setting up the Python environment', () => {
  beforeAll(async () => {
    home = await liteHome({ shared: false });
  });
  afterAll(() => home.remove());

  it('makes one environment when two first runs start at once, clearing what others left', async () => {
    const { environments: root } = folders();
    const machine = `${home.world.platform}-${home.world.arch}_`;
    const killed = `${machine}0123456789ab-cpython-311.building`;
    const outdated = `${machine}0123456789ab-cpython-311`;
    const otherMachine = 'plan9-mips_0123456789ab-cpython-311';
    for (const name of [killed, outdated, otherMachine]) await mkdir(join(root, name, 'bin'), { recursive: true });

    const runtimes = await Promise.all([1, 2].map(() => ensureRuntime(home.world, folders(), onEvent)));
    expect(runtimes[0]).toEqual(runtimes[1]);
    for (const step of ['waiting', 'creating', 'testing']) {
      expect(steps().filter((one) => one === step)).toHaveLength(1);
    }
    const left = await environments();
    expect(left).toHaveLength(2);
    expect(left).toContain(otherMachine);
    expect(left).not.toContain(outdated);
    await rm(join(root, otherMachine), { recursive: true });
  });

  it('makes an environment again that lost a file, once, and then starts the server', async () => {
    const before = await ensureRuntime(home.world, folders(), onEvent);
    await rm(await engineFile());
    const server = await connectLite(home.world, home.paths, onEvent);
    expect(home.world.signal(server.pid, 0)).toBe(true);
    expect(steps().filter((step) => step === 'creating')).toHaveLength(1);
    const after = await ensureRuntime(home.world, folders(), onEvent);
    expect(after.python).toBe(before.python);
    expect(after.id).not.toBe(before.id);
  });

  it('makes an environment again whose Python is gone', async () => {
    const { python } = await ensureRuntime(home.world, folders(), onEvent);
    await rm(python);
    await symlink('/nowhere/python3', python);
    await ensureRuntime(home.world, folders(), onEvent);
    expect(steps()).toContain('creating');
  });
});

describe('setting up, when it cannot be done', () => {
  beforeEach(async () => {
    home = await liteHome({ shared: false });
  });
  afterEach(() => home.remove());

  /** A package index that nobody can reach, whatever the person's own settings are. */
  const unreachable = {
    PIP_CONFIG_FILE: '/dev/null',
    PIP_INDEX_URL: 'http://127.0.0.1:9/simple',
    PIP_RETRIES: '0',
    PIP_NO_CACHE_DIR: '1',
  };

  function attempt(env: Record<string, string | undefined>): Promise<unknown> {
    const mine = Object.entries(home.world.env).filter(([name]) => !name.startsWith('PIP_'));
    return ensureRuntime({ ...home.world, env: { ...Object.fromEntries(mine), ...env } }, folders(), onEvent);
  }

  it('says so when the network is away, keeps the log, and leaves nothing half made', async () => {
    await expect(attempt(unreachable)).rejects.toMatchObject({
      code: 'runtime_network',
      hint: expect.stringMatching(new RegExp(`MILVUS_URI.*${folders().installLog}`)),
    });
    expect(await readFile(folders().installLog, 'utf8')).toContain('127.0.0.1');
    expect(await environments()).toEqual([]);
  });

  it('refuses a package that is not the pinned one', async () => {
    const wheels = join(home.paths.data, 'wheels');
    await mkdir(wheels);
    for (const line of (await readFile('runtime/requirements.txt', 'utf8')).split('\n')) {
      const [, name, version] = /^([a-z-]+)==([\d.]+)/.exec(line) ?? [];
      if (name !== undefined)
        await writeFile(join(wheels, `${name.replace('-', '_')}-${version}-py3-none-any.whl`), 'x');
    }
    await expect(attempt({ ...unreachable, PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels })).rejects.toMatchObject({
      code: 'runtime_checksum',
    });
    expect(await environments()).toEqual([]);
  });

  it('leaves nothing half made when it is interrupted', async () => {
    const interrupt = new AbortController();
    const setup = ensureRuntime({ ...home.world, interrupted: interrupt.signal }, folders(), (event) => {
      if (event.kind === 'provisioning' && event.step === 'installing') interrupt.abort();
    });
    await expect(setup).rejects.toMatchObject({ code: 'interrupted', kind: 'interrupted' });
    expect(await environments()).toEqual([]);
  });

  it('says so when the data folder cannot be written to', async () => {
    const file = join(home.paths.data, 'a file');
    await writeFile(file, '');
    await expect(ensureRuntime(home.world, liteFolders(file), onEvent)).rejects.toMatchObject({
      code: 'data_unwritable',
    });
  });

  it.each([
    ['python', 'python_incomplete'],
    ['platform', 'runtime_platform'],
    ['disk', 'disk_full'],
    ['broken', 'runtime_broken'],
  ])('explains a setup that ended for the reason "%s"', async (error, code) => {
    const report = JSON.stringify({ error, message: 'why' });
    const python3 = `case "$*" in *--version*) echo Python 3.11.2;; *) echo '${report}'; exit 1;; esac`;
    await expect(attempt({ PATH: await binFolder({ python3 }) })).rejects.toMatchObject({ code });
  });

  it('explains a setup that ended without a word', async () => {
    const python3 = 'case "$*" in *--version*) echo Python 3.11.2;; *) kill -9 $$;; esac';
    await expect(attempt({ PATH: await binFolder({ python3 }) })).rejects.toMatchObject({
      code: 'runtime_broken',
      message: expect.stringContaining('SIGKILL'),
    });
  });
});
