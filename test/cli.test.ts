import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manual, run } from '../src/cli.ts';
import { testWorld } from './support/world.ts';

async function help(...verb: readonly string[]): Promise<string> {
  const world = testWorld();
  expect(await run([...verb, '--help'], world)).toBe(0);
  return world.out();
}

describe('--help', () => {
  it('is -h, too', async () => {
    const world = testWorld();
    expect(await run(['search', '-h'], world)).toBe(0);
    expect(world.out()).toBe(await help('search'));
  });

  it('lists every verb, and each explains itself with its options in words', async () => {
    const verbs = [...(await help()).matchAll(/^ {2}([a-z]+)[ |]/gm)].map(([, verb]) => verb ?? '');
    expect(verbs).toEqual(expect.arrayContaining(['index', 'search', 'comic', 'refine', 'replay', 'lineage', 'costs']));
    for (const verb of verbs.filter((name) => name !== 'help')) {
      const text = await help(verb);
      expect(text).toContain(`Usage: curate ${verb}`);
      expect(text, verb).not.toMatch(/\[\]|undefined/);
    }
  });
});

it('shows every verb on one screen of 80 x 40', async () => {
  const lines = (await help()).trimEnd().split('\n');
  expect(lines.length).toBeLessThan(40);
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  const headings = lines.filter((line) => /^\S.*:$/.test(line));
  expect(headings).toEqual(['Options:', 'Find:', 'Choose:', 'Make:', 'Keep:', 'Set up:']);
});

it('keeps to 80 columns in the help of every verb', async () => {
  const verbs = [...(await help()).matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, verb]) => verb ?? '');
  expect(verbs.length).toBeGreaterThan(20);
  for (const verb of verbs) {
    for (const line of (await help(verb)).split('\n')) expect(line.length, `${verb}: ${line}`).toBeLessThanOrEqual(80);
  }
});

it('has a manual page of all that help says, which man reads without a word', async () => {
  const page = await manual(testWorld(), '2026-11-28');
  for (const part of [
    '.SS "Set up"',
    '.SH "CURATE LIBRARY RELOCATE"',
    '\\-\\-min\\-score <s>',
    'curate search dog beach',
  ]) {
    expect(page).toContain(part);
  }
  // Those that man may not break stand seven columns in.
  const unbroken = [...page.matchAll(/^\.nf\n(.*?)^\.fi/gms)].flatMap(([, block = '']) => block.split('\n'));
  expect(unbroken.length).toBeGreaterThan(50);
  const shown = unbroken.map((line) => line.replace(/\\\(..|\\&|\\(?=-)/g, (sign) => (sign.length === 4 ? '"' : '')));
  expect(shown.filter((line) => line.length > 80 - 7)).toEqual([]);
  // Lines that begin so are macros.
  const macros = new Set([...page.matchAll(/^[.'](\w+)/gm)].map(([, macro]) => macro));
  expect([...macros].sort()).toEqual(['B', 'I', 'PP', 'SH', 'SS', 'TH', 'TP', 'fi', 'nf']);
  const man = spawnSync('mandoc', ['-Tlint', '-Wwarning'], { input: page, encoding: 'utf8' });
  if (man.error === undefined) expect(man.stdout).toBe('');
});

it('lists when image models end, and what follows them', async () => {
  const world = testWorld({ now: () => new Date('2026-11-28T00:00:00Z') });
  expect(await run(['model', 'list', '--image'], world)).toBe(0);
  expect(world.out()).toMatch(/^gpt-image-1\.5 .* ends 2026-12-01, then gpt-image-2\.6-sunburst$/m);
});

it('draws nothing into what is for programs', async () => {
  for (const format of ['--json', '--print0', '--as=json']) {
    expect(await run(['search', 'dog', '--show', format], testWorld()), format).toBe(2);
  }
});

it('lets a sheet of the answers to each query be no picture, and says so before anything is searched', async () => {
  const world = testWorld();
  expect(await run(['search', '--each', 'dog', '--sheet', 'dogs.jpg'], world)).toBe(2);
  expect(world.err()).toContain('.html');
});

describe('what was not meant so', () => {
  it.each(['-- make it blue', '--make it blue', '- a list\n- of things'])(
    'explains a prompt that begins as %j',
    async (prompt) => {
      const world = testWorld();
      expect(await run(['comic', 'a.jpg', prompt], world)).toBe(2);
      expect(world.err()).toContain('was taken for an option');
      expect(world.err()).toContain('curate comic PHOTO -- ');
    },
  );

  it('says how a file is named whose name begins with a dash', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'curate-dash-'));
    await writeFile(join(cwd, '-holiday.jpg'), '');
    const world = testWorld({ cwd });
    expect(await run(['search', '-holiday.jpg'], world)).toBe(2);
    expect(world.err()).toContain('A file whose name begins with a dash is named ./-holiday.jpg');
    await rm(cwd, { recursive: true });
  });

  it.each(['0x2', '1e0', 'Infinity', ' ', '１'])('takes only decimal numbers: not %j', async (n) => {
    const world = testWorld();
    expect(await run(['comic', 'a.jpg', 'x', '--n', n], world)).toBe(2);
  });

  it.each([['library'], ['model']])('%s alone shows its own help, and is wrong usage', async (verb) => {
    const world = testWorld();
    expect(await run([verb], world)).toBe(2);
    expect([world.out(), world.err()]).toEqual(['', expect.stringContaining(`Usage: curate ${verb}`)]);
  });

  it.each([
    [['search', '--kk', '3'], 'See "curate search --help".'],
    [['library', 'list', '--nonsense'], 'See "curate library list --help".'],
    [['generate', '--nonsense'], 'See "curate comic --help".'],
    [['serach'], 'See "curate --help".'],
  ])('%j is pointed to the help of the verb at hand', async (args, hint) => {
    const world = testWorld();
    expect(await run(args, world)).toBe(2);
    expect(world.err()).toContain(hint);
  });

  it('no line of the help of a verb is wider than a terminal', async () => {
    for (const verb of ['index', 'search', 'comic', 'refine', 'replay', 'embed', 'verify', 'library', 'model']) {
      const wide = (await help(verb)).split('\n').filter((line) => line.length > 80);
      expect(wide, verb).toEqual([]);
    }
  });
});

it('ends on Ctrl-C while it waits for a prompt on standard input', async () => {
  const controller = new AbortController();
  const world = testWorld({ interrupted: controller.signal });
  const ending = run(['comic', 'x.jpg', '-', '--dry-run'], world);
  setTimeout(() => controller.abort(), 50);
  expect(await ending).toBe(130);
  expect(world.err()).toContain('nothing was sent');
});
