import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopLite } from '../../src/store/lite/sidecar.ts';
import type { World } from '../../src/world.ts';
import { repository } from './cli.ts';
import { testWorld } from './world.ts';

/** Kept between runs: the Python environment takes seconds to make, and most tests are not about that. */
const SHARED = join(repository, 'node_modules', '.cache', 'curate-python');

/** A data folder of its own with the embedded store in it, which is set up but not started. */
export interface LiteHome {
  readonly world: World;
  readonly paths: { readonly data: string };
  /** Ends the server and removes the folder. */
  remove(): Promise<void>;
}

/** @param shared False for a Python environment of its own, which is not made yet. */
export async function liteHome({ shared = true } = {}): Promise<LiteHome> {
  const data = await mkdtemp(join(tmpdir(), 'curate-lite-'));
  if (shared) {
    await mkdir(SHARED, { recursive: true });
    await symlink(SHARED, join(data, 'python'));
  }
  const world = testWorld({ env: process.env });
  const paths = { data };
  return {
    world,
    paths,
    remove: async () => {
      await stopLite(world, paths);
      await rm(data, { recursive: true, force: true });
    },
  };
}
