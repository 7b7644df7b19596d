import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../src/cli.ts';
import { testWorld } from './support/world.ts';

const exec = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-completion-'));
  for (const shell of ['bash', 'zsh', 'fish']) await writeFile(join(folder, shell), await printed(shell));
  // Stands for curate: what its answer becomes is up to the shell and the script.
  const answer = '#!/bin/sh\nprintf \'%s\\n\' "$@" > asked\ncat answer\n';
  await writeFile(join(folder, 'curate'), answer);
  await chmod(join(folder, 'curate'), 0o755);
  await writeFile(join(folder, 'border.jpg'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function printed(...args: string[]): Promise<string> {
  const world = testWorld({ env: { CURATE_HOME: folder } });
  expect(await run(['completion', ...args], world)).toBe(0);
  return world.out();
}

/** What curate offers for the last of the words. */
async function offered(...typed: string[]): Promise<string[]> {
  return (await printed('bash', '--', ...typed)).split('\n').slice(0, -1);
}

describe('what completion offers', () => {
  it('is verbs, options of the verb, and the only values there are', async () => {
    expect(await offered('ind')).toEqual(['index']);
    expect(await offered('search', '--min')).toEqual(['--min-score', '--min-size']);
    expect(await offered('search', 'a.jpg', '--as', '')).toEqual(['table', 'paths', 'tsv', 'csv', 'json']);
    expect(await offered('library', 're')).toEqual(['relocate', 'remove']);
    expect(await offered('library', 'list', '--j')).toEqual(['--json']);
    expect(await offered('completion', 'z')).toEqual(['zsh']);
  });

  it('is words and files where a query stands, words only from a first letter on', async () => {
    expect(await offered('search', 'border c')).toEqual(['border collie', ':files']);
    expect(await offered('search', '"Border C')).toEqual(['border collie', ':files']);
    expect(await offered('search', '--k', '3', 'a.jpg', '--not', 'dalma')).toEqual(['dalmatian', ':files']);
    expect(await offered('search', 'word:dalma')).toEqual(['word:dalmatian', ':files']);
    expect(await offered('comic', 'dalma')).toEqual(['dalmatian', ':files']);
    expect(await offered('search', '')).toEqual([':files']);
    expect(await offered('comic', 'dalmatian', 'dalma')).toEqual([]);
  });

  it('is models, of words none that the chosen model does not know', async () => {
    expect(await offered('index', '--model', 'resnet50-')).toEqual(['resnet50-int8']);
    expect(await offered('model', 'path', 'timm')).toEqual(['timm-resnet50']);
    const world = testWorld({ env: { CURATE_HOME: folder, CURATE_MODEL: 'timm-resnet50' } });
    await run(['completion', 'bash', '--', 'search', 'dalma'], world);
    expect(world.out()).toBe(':files\n');
  });

  it('is the runs that can be undone, the latest first, and what they moved', async () => {
    expect(await offered('undo', '')).toEqual([':files']);
    const journals = join(folder, 'data', 'undo');
    await mkdir(journals, { recursive: true });
    for (const id of ['20261127-210455', '20261128-090000']) await writeFile(join(journals, `${id}.jsonl`), '');
    expect(await offered('undo', '')).toEqual(['20261128-090000', '20261127-210455', ':files']);
    expect(await offered('undo', '20261127-210455', '')).toEqual([':files']);
  });

  it('is folders where a folder stands, and nothing where anything may stand', async () => {
    expect(await offered('index', '')).toEqual([':folders']);
    expect(await offered('search', '--copy-to', '')).toEqual([':folders']);
    expect(await offered('library', 'relocate', 'Photos', '')).toEqual([':folders']);
    expect(await offered('search', '--k', '')).toEqual([]);
    expect(await offered('nonsense', '')).toEqual([]);
  });

  it('sets up no store to know the libraries of none', async () => {
    expect(await offered('library', 'remove', '')).toEqual([]);
  });
});

const missing = new Set<string>();
for (const shell of ['bash', 'zsh', 'fish']) {
  await exec(shell, ['-c', 'exit 0']).catch(() => missing.add(shell));
}

/** What a shell makes of curate's answer, and what it asked curate. */
async function shown(shell: string, answer: string, script: string): Promise<{ shown: string[]; asked: string[] }> {
  await writeFile(join(folder, 'answer'), answer);
  const env = { HOME: folder, PATH: `${folder}:${process.env.PATH}` };
  const { stdout } = await exec(shell, ['-c', script], { cwd: folder, env });
  const { stdout: asked } = await exec('cat', ['asked'], { cwd: folder });
  return { shown: stdout.split('\n').slice(0, -1), asked: asked.split('\n').slice(0, -1) };
}

describe('the scripts', () => {
  it.skipIf(missing.has('bash'))('of bash asks and shows offers and files', async () => {
    const script = `source ./bash; COMP_WORDS=(curate search '"border c'); COMP_CWORD=2; _curate; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(await shown('bash', 'border collie\n', script)).toEqual({
      shown: ['border collie'],
      asked: ['completion', 'bash', '--', 'search', 'border c'],
    });
    const files = `source ./bash; COMP_WORDS=(curate show bord); COMP_CWORD=2; _curate; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect((await shown('bash', ':files\n', files)).shown).toEqual(['border.jpg']);
  });

  it.skipIf(missing.has('zsh'))('of zsh asks and shows offers and files', async () => {
    const stubs = `compdef() { }; _describe() { print -l -- \${(P)2} }; _files() { print FILES $@ }`;
    const script = `${stubs}; source ./zsh; words=(curate search border\\ c); CURRENT=3; _curate`;
    expect(await shown('zsh', 'border collie:a dog\n:files\n', script)).toEqual({
      shown: ['border collie:a dog', 'FILES'],
      asked: ['completion', 'zsh', '--', 'search', 'border c'],
    });
    expect((await shown('zsh', ':folders\n', script)).shown).toEqual(['FILES -/']);
  });

  it.skipIf(missing.has('fish'))('of fish asks and shows offers and files', async () => {
    const script = "source ./fish; complete -C 'curate search bord'";
    expect(await shown('fish', 'border collie\ta dog\n:files\n', script)).toEqual({
      shown: ['border collie\ta dog', 'border.jpg'],
      asked: ['completion', 'fish', '--', 'search', 'bord'],
    });
    for (const typed of ['border\\\\ c', '"border c', '"border c"']) {
      const { asked } = await shown('fish', 'border collie\n', `source ./fish; complete -C 'curate search ${typed}'`);
      expect(asked.at(-1), typed).toBe('border c');
    }
  });

  it('say what each offer is about where the shell shows it', async () => {
    expect(await printed('fish', '--', 'undo')).toMatch(/^undo\tput moved photos back/);
    expect(await printed('zsh', '--', 'undo')).toMatch(/^undo:put moved photos back/);
    expect(await printed('bash', '--', 'undo')).toBe('undo\n');
  });

  it('exist for no other shell', async () => {
    const world = testWorld();
    expect(await run(['completion', 'tcsh'], world)).toBe(2);
    expect(world.err()).toContain('bash, zsh, fish');
  });
});
