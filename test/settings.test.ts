import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadSettings, VARIABLES } from '../src/settings.ts';
import { testWorld } from './support/world.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'curate-settings-'));
  await mkdir(join(cwd, 'home'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const home = { CURATE_HOME: 'home' };

describe('settings', () => {
  it('come from flags, then the environment, then .env, then the config file', async () => {
    await writeFile(
      join(cwd, 'home', 'config.json'),
      '{"model": "from-config", "imageModel": "i", "milvusToken": "t", "maxCost": 1}',
    );
    await writeFile(join(cwd, '.env'), 'CURATE_MODEL=from-dotenv\nMILVUS_TOKEN=d\nCURATE_MAX_COST=2\n');
    const env = { ...home, CURATE_MODEL: 'from-env', CURATE_MAX_COST: '3' };
    const settings = loadSettings(testWorld({ cwd, env }), { model: 'from-flag' });
    expect(settings).toMatchObject({ model: 'from-flag', maxCost: 3, milvusToken: 'd', imageModel: 'i' });
  });

  it.each(['', '  ', '\t\n'])('take the blank %j for unset', (blank) => {
    const env = { ...home, CURATE_MAX_COST: blank, CURATE_IMAGE_MODEL: blank };
    const settings = loadSettings(testWorld({ cwd, env }));
    expect([settings.maxCost, settings.imageModel]).toEqual([undefined, undefined]);
  });

  it.each(['0x10', '1e3', 'Infinity', '-1', '1,5', 'one'])('refuse %s as an amount', (amount) => {
    const env = { ...home, CURATE_MAX_COST: amount };
    expect(() => loadSettings(testWorld({ cwd, env }))).toThrow(/maxCost/);
  });

  it.each([
    ['0', 0],
    [' .5', 0.5],
    ['2.50', 2.5],
  ])('take %s for an amount', (amount, value) => {
    expect(loadSettings(testWorld({ cwd, env: { ...home, CURATE_MAX_COST: amount } })).maxCost).toBe(value);
  });

  it('point out a name in .env that is none of theirs, which a slip of the finger would be', async () => {
    await writeFile(join(cwd, '.env'), 'CURATE_MAX_COTS=2\nCURATE_MODEL=resnet50\nOTHER=1\n');
    const unknown: string[] = [];
    loadSettings(testWorld({ cwd, env: home }), {}, (name) => unknown.push(name));
    expect(unknown).toEqual(['CURATE_MAX_COTS']);
  });

  it('count an empty value as unset, so that the next source speaks', async () => {
    await writeFile(join(cwd, '.env'), 'OPENAI_BASE_URL=http://127.0.0.1:9/v1\n');
    const env = { ...home, OPENAI_BASE_URL: '', MILVUS_URI: '' };
    const settings = loadSettings(testWorld({ cwd, env }));
    expect(settings.openaiBaseUrl).toBe('http://127.0.0.1:9/v1');
    expect(settings.milvusUri).toBeUndefined();
  });

  it.each([
    ['http://root:p%40ss@milvus.lan', 'http://milvus.lan', 'root:p@ss'],
    ['https://root:a@b/c#d:e@milvus.lan:443', 'https://milvus.lan:443', 'root:a@b/c#d:e'],
    ['root:100%@milvus.lan:19530', 'milvus.lan:19530', 'root:100%'],
    ['http://api%3Akey@milvus.lan', 'http://milvus.lan', 'api:key'],
    ['http://@milvus.lan', 'http://milvus.lan', undefined],
    ['http://milvus.lan', 'http://milvus.lan', undefined],
  ])('take the account out of MILVUS_URI %s', (uri, address, token) => {
    const settings = loadSettings(testWorld({ cwd, env: { ...home, MILVUS_URI: uri } }));
    expect(settings.milvusUri).toBe(address);
    expect(settings.milvusToken).toBe(token);
  });

  it('take the account of an address before the token of a lesser source, and none of an address that is not used', async () => {
    const config = join(cwd, 'config.json');
    const env = { CURATE_HOME: cwd, MILVUS_URI: 'http://guest:her@milvus.lan' };
    await writeFile(config, '{"milvusUri": "http://nas.lan", "milvusToken": "root:his"}');
    expect(loadSettings(testWorld({ cwd, env })).milvusToken).toBe('guest:her');
    expect(loadSettings(testWorld({ cwd, env: { ...env, MILVUS_TOKEN: 'key' } })).milvusToken).toBe('key');
    await writeFile(config, '{"milvusUri": "http://root:his@nas.lan"}');
    expect(loadSettings(testWorld({ cwd, env: { ...env, MILVUS_URI: 'milvus.lan' } })).milvusToken).toBeUndefined();
  });

  it('prefer MILVUS_TOKEN to an account in MILVUS_URI, and keep that out of sight all the same', () => {
    const env = { ...home, MILVUS_URI: 'http://root:secret@milvus.lan', MILVUS_TOKEN: 'key' };
    const settings = loadSettings(testWorld({ cwd, env }));
    expect(settings.milvusToken).toBe('key');
    expect(JSON.stringify(settings)).not.toContain('secret');
  });

  it.each(['.env', 'config.json'])('are not passed over where %s is there and cannot be read', async (name) => {
    await symlink(join(cwd, 'nowhere'), join(cwd, name));
    const world = testWorld({ cwd, env: { CURATE_HOME: cwd } });
    expect(() => loadSettings(world)).toThrow(
      `The settings in ${join(cwd, name)} cannot be read: it is a link that leads nowhere.`,
    );
    await rm(join(cwd, name));
    await mkdir(join(cwd, name));
    expect(loadSettings(world).maxCost).toBeUndefined();
  });

  it('find the home in .env too', async () => {
    await writeFile(join(cwd, '.env'), 'CURATE_HOME=elsewhere\n');
    expect(loadSettings(testWorld({ cwd })).paths.data).toBe(join(cwd, 'elsewhere', 'data'));
  });

  it.runIf(process.platform === 'linux')('lie at absolute places where the environment names relative ones', () => {
    vi.stubEnv('XDG_DATA_HOME', 'share');
    try {
      const data = (env: Record<string, string>): string =>
        loadSettings(testWorld({ cwd, home: '/ann', env })).paths.data;
      expect(data({ HOME: 'ann' })).toBe(join(cwd, 'share', 'curate'));
      expect(data({ HOME: '' })).toBe('/ann/share/curate');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('are found for a user without an account, whose home nobody knows', async () => {
    const unknown = (): never => {
      throw new Error('uv_os_homedir returned ENOENT');
    };
    vi.stubEnv('HOME', '');
    vi.resetModules();
    vi.doMock('node:os', async (original) => ({ ...(await original<object>()), homedir: unknown, userInfo: unknown }));
    try {
      const { realWorld } = await import('../src/world.ts');
      expect([realWorld().home, process.env.HOME]).toEqual(['/', '/']);
    } finally {
      vi.doUnmock('node:os');
      vi.unstubAllEnvs();
    }
  });

  it('name the value that is wrong and where to correct it', () => {
    const env = { ...home, CURATE_MAX_COST: 'a lot' };
    expect(() => loadSettings(testWorld({ cwd, env }))).toThrow(/"maxCost" is not valid/);
  });

  it('take only addresses of the web for servers', () => {
    for (const OPENAI_BASE_URL of ['ftp://x/v1', 'localhost:8080/v1', 'file:///x']) {
      expect(() => loadSettings(testWorld({ cwd, env: { ...home, OPENAI_BASE_URL } }))).toThrow(/https:\/\//);
    }
  });

  it('refuse a key of the config file that nothing reads', async () => {
    await writeFile(join(cwd, 'home', 'config.json'), '{"modle": "resnet50"}');
    expect(() => loadSettings(testWorld({ cwd, env: home }))).toThrow(/modle/);
  });

  it('say which config file is not JSON', async () => {
    await writeFile(join(cwd, 'home', 'config.json'), 'model: resnet50');
    expect(() => loadSettings(testWorld({ cwd, env: home }))).toThrow(/config\.json cannot be read/);
  });

  it('stand one and all in .env.example', async () => {
    const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8');
    const listed = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(Object.values(VARIABLES).sort());
  });
});
