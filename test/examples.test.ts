import { readdir, readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { run } from '../src/cli.ts';
import type { Act } from '../src/commands/command.ts';
import { testWorld } from './support/world.ts';

const at = (path: string): URL => new URL(`../${path}`, import.meta.url);

const makers: ((act: Act) => Command)[] = [];
for (const file of await readdir(at('src/commands/'))) {
  if (!file.endsWith('.ts')) continue;
  const module: Record<string, unknown> = await import(`../src/commands/${file.slice(0, -3)}.ts`);
  for (const [name, make] of Object.entries(module)) {
    if (/^[a-z]+Command$/.test(name)) makers.push(make as (act: Act) => Command);
  }
}

/** The program with verbs that do nothing but call `onCall`. */
function parser(onCall: () => void = () => undefined): Command {
  const program = new Command('curate').option('--database <name>').exitOverride();
  for (const make of makers) program.addCommand(silent(make(() => async () => onCall())));
  return program;
}

function silent(command: Command): Command {
  for (const sub of command.commands) silent(sub);
  return command.exitOverride().configureOutput({ writeErr: () => undefined });
}

/** The calls of curate in a line of shell, as arguments. */
function callsIn(line: string): string[][] {
  return line
    .split(/\s#\s.*|\s+(?:[|>]|&&)\s+|<\(|\)/)
    .map((part) => /^(?:[A-Z_]+=\S+ )*curate (.*)/.exec(part.trim())?.[1])
    .filter((rest) => rest !== undefined)
    .map((rest) => [...rest.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? ''));
}

async function expectParsed(lines: readonly string[]): Promise<void> {
  const calls = lines.flatMap((line) => callsIn(line).map((args) => ({ line, args })));
  expect(calls.length).toBeGreaterThan(0);
  for (const { line, args } of calls) {
    let called = 0;
    // Anew for each: commander keeps what it has parsed.
    const program = parser(() => {
      called += 1;
    });
    const parsed = program.parseAsync(args, { from: 'user' });
    await expect(parsed, line).resolves.toBeDefined();
    expect(called, line).toBe(1);
  }
}

describe('every example', () => {
  it('of --help can be parsed as it is written', async () => {
    const verbs = parser().commands.map((command) => command.name());
    expect(verbs.length).toBeGreaterThan(20);
    for (const verb of verbs) {
      const world = testWorld();
      expect(await run([verb, '--help'], world)).toBe(0);
      const [, examples] = world.out().split('\nExamples:\n');
      if (examples !== undefined) await expectParsed(examples.split('\n\n', 1)[0]?.split('\n') ?? []);
    }
  });

  it('of the README and the documentation, too', async () => {
    const files = ['README.md', ...(await readdir(at('docs/'))).map((name) => `docs/${name}`)];
    const lines: string[] = [];
    for (const file of files.filter((name) => name.endsWith('.md'))) {
      const blocks = (await readFile(at(file), 'utf8')).matchAll(/^```(?:sh|bash|console)?\n(.*?)^```/gms);
      for (const [, block = ''] of blocks) lines.push(...block.replaceAll('\\\n', ' ').split('\n'));
    }
    await expectParsed(lines);
  });
});
