import { describe, expect, it } from 'vitest';
import { run } from '../src/cli.ts';
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

it('ends on Ctrl-C while it waits for a prompt on standard input', async () => {
  const controller = new AbortController();
  const world = testWorld({ interrupted: controller.signal });
  const ending = run(['comic', 'x.jpg', '-', '--dry-run'], world);
  setTimeout(() => controller.abort(), 50);
  expect(await ending).toBe(130);
  expect(world.err()).toContain('nothing was sent');
});
