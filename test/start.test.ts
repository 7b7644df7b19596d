import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** What is loaded before the first line of `entry` runs: packages, by the chain of modules that imports each. */
async function loadedAtOnce(entry: string): Promise<Map<string, string>> {
  const packages = new Map<string, string>();
  const chains = new Map([[entry, entry]]);
  for (const [file, chain] of chains) {
    const text = await readFile(file, 'utf8');
    for (const [, from = ''] of text.matchAll(/^(?:import(?! type)|export(?! type))\s[^;]*?from '([^']+)';/gm)) {
      if (!from.startsWith('.')) packages.set(from, chain);
      else {
        const module = join(dirname(file), from);
        if (!chains.has(module)) chains.set(module, `${chain} > ${relative('src', module)}`);
      }
    }
  }
  return packages;
}

describe('starting', () => {
  // zod alone takes as long to load as an empty Node does; what a verb needs it loads when it runs.
  it('loads no package but the one that reads the command line', async () => {
    const packages = await loadedAtOnce(join('src', 'cli.ts'));
    const heavy = [...packages].filter(([name]) => !name.startsWith('node:') && name !== 'commander');
    expect(packages.has('commander')).toBe(true);
    expect(heavy).toEqual([]);
  });
});
