import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../src/cli.ts';
import { holdIndex } from '../src/library/index/lock.ts';
import { loadSettings } from '../src/settings.ts';
import { testWorld } from './support/world.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'curate-uninstall-'));
  for (const folder of ['data/undo', 'data/models', 'cache/models'])
    await mkdir(join(home, folder), { recursive: true });
  for (const file of ['data/models/big.onnx', 'data/last-search.json', 'cache/checksums.json', 'config.json']) {
    await writeFile(join(home, file), '{}');
  }
});
afterEach(() => rm(home, { recursive: true, force: true }));

const world = () => testWorld({ cwd: home, env: { CURATE_HOME: home } });

it('removes what is curate\u2019s, and nothing else that lies in its folders', async () => {
  await writeFile(join(home, 'data', 'holiday.jpg'), 'a photo');
  const here = world();
  expect(await run(['uninstall', '--yes', '--json'], here)).toBe(0);
  const { schema, removed, left } = JSON.parse(here.out());
  expect(schema).toBe('curate.uninstall/1');
  expect(removed).toContainEqual({ what: 'downloaded models', path: join(home, 'data', 'models'), bytes: 2 });
  expect(left).toEqual([join(home, 'data', 'holiday.jpg'), join(home, 'data')]);
  expect(existsSync(join(home, 'data', 'holiday.jpg'))).toBe(true);
  expect(existsSync(join(home, 'cache'))).toBe(false);
  expect(existsSync(join(home, 'config.json'))).toBe(false);
});

it('leaves no empty folder', async () => {
  expect(await run(['uninstall', '--yes'], world())).toBe(0);
  expect(existsSync(home)).toBe(false);
});

it('removes nothing where nobody can be asked', async () => {
  const here = world();
  expect(await run(['uninstall'], here)).toBe(4);
  expect(here.err()).toContain(join(home, 'data', 'models'));
  expect(existsSync(join(home, 'data', 'models', 'big.onnx'))).toBe(true);
});

it('removes nothing under a run that is indexing', async () => {
  const deps = { onWait: () => undefined, signal: new AbortController().signal };
  const { paths } = loadSettings(world());
  const here = world();
  const code = await holdIndex(here, { paths }, deps, () => run(['uninstall', '--yes'], here));
  expect(code).toBe(4);
  expect(here.err()).toContain('being indexed; nothing was removed.');
  expect(existsSync(join(home, 'data', 'models', 'big.onnx'))).toBe(true);
});
