import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledCode } from '../src/commands/compiled-code.ts';
import { openSession } from '../src/commands/session.ts';
import { belongings } from '../src/library/uninstall.ts';
import { loadSettings } from '../src/settings.ts';
import { testWorld } from './support/world.ts';

/** What is loaded before the first line of `entry` runs: packages by the chain of modules that imports each, and modules. */
async function loadedAtOnce(entry: string): Promise<{ packages: Map<string, string>; modules: Map<string, string> }> {
  const modules = new Map<string, string>();
  const packages = new Map<string, string>();
  const chains = new Map([[entry, entry]]);
  for (const [file, chain] of chains) {
    const text = await readFile(file, 'utf8');
    modules.set(relative('src', file), text);
    for (const [, from = ''] of text.matchAll(/^(?:import(?! type)|export(?! type))\s[^;]*?from '([^']+)';/gm)) {
      if (!from.startsWith('.')) packages.set(from, chain);
      else {
        const module = join(dirname(file), from);
        if (!chains.has(module)) chains.set(module, `${chain} > ${relative('src', module)}`);
      }
    }
  }
  return { packages, modules };
}

describe('starting', () => {
  // zod alone takes as long to load as an empty Node does; what a verb needs it loads when it runs.
  it('loads no package but the one that reads the command line', async () => {
    const { packages } = await loadedAtOnce(join('src', 'cli.ts'));
    const heavy = [...packages].filter(([name]) => !name.startsWith('node:') && name !== 'commander');
    expect(packages.has('commander')).toBe(true);
    expect(heavy).toEqual([]);
  });

  // The first formatter of a process has Node read the data of all languages, a third of an empty Node's time.
  it('makes no formatter of languages before a verb runs', async () => {
    const { modules } = await loadedAtOnce(join('src', 'cli.ts'));
    expect(modules.size).toBeGreaterThan(20);
    const making = [...modules].filter(([, text]) => /^(?:export )?const [^\n]*(?:\bIntl\.|\.toLocale)/m.test(text));
    expect(making.map(([module]) => module)).toEqual([]);
  });

  it('keeps compiled code of what a library needs in the cache, as far as Node can, and uninstall removes it', async () => {
    const home = await mkdtemp(join(tmpdir(), 'curate-start-'));
    const folders: string[] = [];
    const world = testWorld({ env: { CURATE_HOME: home }, keepCompiled: (folder) => folders.push(folder) });
    const settings = loadSettings(world);
    await (await openSession(world, settings)).close();
    const [folder = ''] = folders;
    expect(dirname(folder)).toBe(join(settings.paths.cache, 'code'));
    await mkdir(folder, { recursive: true });
    expect((await belongings(settings.paths)).map(({ path }) => path)).toContain(dirname(folder));
    await rm(home, { recursive: true });
  });

  it('removes the compiled code of other builds at the first start of one, and nothing else', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'curate-start-'));
    const code = join(cache, 'code');
    expect(await compiledCode(cache, 'curate-start-a')).toBe(join(code, 'curate-start-a'));
    const left = ['curate-start-a', 'curate-start-b', 'notes', 'v22.1.0-x64-9ac5647c-0'];
    for (const name of left) await mkdir(join(code, name, 'deep'), { recursive: true });
    expect(await compiledCode(cache, 'curate-start-a')).toBe(join(code, 'curate-start-a'));
    expect((await readdir(code)).sort()).toEqual(left);
    expect(await compiledCode(cache, 'curate-start-c')).toBe(join(code, 'curate-start-c'));
    expect((await readdir(code)).sort()).toEqual(['curate-start-c', 'notes']);
    await rm(cache, { recursive: true });
  });

  it('keeps no compiled code where no folder can be, or Node cannot', async () => {
    const home = await mkdtemp(join(tmpdir(), 'curate-start-'));
    await writeFile(join(home, 'cache'), 'no folder');
    const folders: string[] = [];
    const env = { CURATE_HOME: home };
    for (const keepCompiled of [(folder: string) => folders.push(folder), null]) {
      const world = testWorld({ env, keepCompiled });
      await (await openSession(world, loadSettings(world))).close();
      await rm(join(home, 'cache'), { force: true });
    }
    expect(folders).toEqual([]);
    expect(await readdir(home)).toEqual([]);
    await rm(home, { recursive: true });
  });
});
