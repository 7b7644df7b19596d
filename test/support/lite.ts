import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopLite } from '../../src/store/lite/server.ts';
import type { World } from '../../src/world.ts';
import { SHARED_PYTHON } from './cli.ts';
import { testWorld } from './world.ts';

/** A data folder of its own with the embedded store in it, which is set up but not started. */
export interface LiteHome {
  readonly world: World;
  readonly paths: { readonly data: string };
  /** Ends the server and removes the folder. */
  remove(): Promise<void>;
}

interface LiteHomeOptions {
  /** False for a Python environment of its own, which is not made yet. */
  readonly shared?: boolean;
  /** Beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function liteHome({ shared = true, env = {} }: LiteHomeOptions = {}): Promise<LiteHome> {
  const data = await mkdtemp(join(tmpdir(), 'curate-lite-'));
  if (shared) {
    await mkdir(SHARED_PYTHON, { recursive: true });
    await symlink(SHARED_PYTHON, join(data, 'python'));
  }
  const world = testWorld({ env: { ...process.env, ...env } });
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
