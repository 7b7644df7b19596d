import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../src/cli.ts';
import { testWorld } from './support/world.ts';

const exec = promisify(execFile);

async function script(shell: string): Promise<string> {
  const world = testWorld();
  expect(await run(['completion', shell], world)).toBe(0);
  return world.out();
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-completion-'));
  for (const shell of ['bash', 'zsh', 'fish']) await writeFile(join(folder, shell), await script(shell));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const missing = new Set<string>();
for (const shell of ['bash', 'zsh', 'fish']) {
  await exec(shell, ['-c', 'exit 0']).catch(() => missing.add(shell));
}

/** What bash offers for the last of the words. */
async function offered(...words: string[]): Promise<string[]> {
  const line = words.map((word) => `'${word}'`).join(' ');
  const ask = `source ${folder}/bash; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _curate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await exec('bash', ['-c', ask]);
  return stdout.split('\n').filter((one) => one !== '');
}

describe.skipIf(missing.has('bash'))('completion in bash', () => {
  it('offers verbs, options of the verb, their choices, models, and else leaves it to file names', async () => {
    expect(await offered('curate', 'ind')).toEqual(['index']);
    expect(await offered('curate', 'search', '--min')).toEqual(['--min-score', '--min-size']);
    expect(await offered('curate', 'search', 'a.jpg', '--as', '')).toEqual(['table', 'paths', 'tsv', 'csv', 'json']);
    expect(await offered('curate', 'index', '--model', 'resnet50-')).toContain('resnet50-int8');
    expect(await offered('curate', 'library', 're')).toEqual(expect.arrayContaining(['relocate', 'remove']));
    expect(await offered('curate', 'search', 'holi')).toEqual([]);
  });
});

it.each(['bash', 'zsh', 'fish'])('the script for %s is one that it can read', async (shell) => {
  if (missing.has(shell)) return;
  await exec(shell, [shell === 'fish' ? '--no-execute' : '-n', join(folder, shell)]);
});

it('names every verb and long option in each script', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(shell);
    for (const verb of ['search', 'comic', 'library']) expect(text).toContain(verb);
    expect(text).toContain(shell === 'fish' ? '-l copy-to' : '--copy-to');
  }
});

it('knows no other shell', async () => {
  const world = testWorld();
  expect(await run(['completion', 'tcsh'], world)).toBe(2);
  expect(world.err()).toContain('bash, zsh, fish');
});
