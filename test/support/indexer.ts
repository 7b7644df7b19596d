import { join } from 'node:path';
import type { IndexDeps } from '../../src/library/index/index-photos.ts';
import { type Machine, openMachine } from '../../src/library/machine.ts';

/** A machine that keeps its notes below `home`. */
export function machineIn(
  home: string,
  roots: Readonly<Record<string, string>> = {},
  milvusUri?: string,
  identity?: () => Promise<string | null>,
): Machine {
  const paths = { config: home, data: join(home, 'data'), cache: join(home, 'cache') };
  return openMachine({ paths, roots, ...(milvusUri === undefined ? {} : { milvusUri }) }, identity);
}

/** Who indexes, for tests to which that does not matter: the only machine, whose store keeps the roots. */
export function onlyMachine(): Pick<IndexDeps, 'machine' | 'model' | 'holder' | 'now'> {
  const machine: Machine = {
    id: async () => 'the only one',
    roots: async () => new Map(),
    keep: async () => undefined,
    forget: async () => undefined,
    mapped: {},
    place: async () => 'the only one',
    bind: async () => undefined,
  };
  return {
    machine,
    model: { name: 'test', sha256: '0'.repeat(64) },
    holder: 'test (process 1)',
    now: () => Date.now(),
  };
}
