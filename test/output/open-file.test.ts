import { afterEach, describe, expect, it, vi } from 'vitest';
import { openFile } from '../../src/output/open-file.ts';
import { testWorld } from '../support/world.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('opening a file', () => {
  it('says so in one line where there is no display', async () => {
    const world = testWorld({ platform: 'linux', env: {} });
    await openFile(world, '/tmp/a\nb.html');
    expect(world.err()).toBe('Could not open /tmp/a\\nb.html: there is no display. Open it yourself.\n');
  });

  it.runIf(process.platform === 'linux')('says so when no program takes it, and does not fail', async () => {
    // An empty PATH: the launcher finds no program at all.
    vi.stubEnv('PATH', '/nonexistent');
    vi.stubEnv('DISPLAY', ':0');
    const world = testWorld({ env: { DISPLAY: ':0' } });
    await openFile(world, '/tmp/sheet.html');
    expect(world.err()).toMatch(/^Could not open \/tmp\/sheet\.html: .+\. Open it yourself\.\n$/);
  });
});
