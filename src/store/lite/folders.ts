import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwritable } from '../../errors.ts';
import { makeOwnFolders } from '../../files/folders.ts';
import type { World } from '../../world.ts';

/** The shipped Python side, beside `src` and `dist`. */
export const RUNTIME = fileURLToPath(new URL('../../../runtime/', import.meta.url));

/** Where the embedded store lives in the data folder. */
export interface LiteFolders {
  /** Of the server: its files, its lock, its state, its log. */
  readonly server: string;
  readonly state: string;
  readonly lock: string;
  readonly log: string;
  /** Of the private Python environments. */
  readonly environments: string;
  readonly installLog: string;
}

/** @param name of another folder than that in use, while an index goes from one to the other */
export function liteFolders(data: string, name = 'lite'): LiteFolders {
  const server = join(data, name);
  return {
    server,
    state: join(server, 'server.json'),
    lock: join(server, 'server.lock'),
    log: join(server, 'server.log'),
    environments: join(data, 'python'),
    installLog: join(data, 'python', 'install.log'),
  };
}

/**
 * Makes a folder that only its owner can enter, unless it is there.
 * @throws UserError `data_unwritable` or `disk_full`.
 */
export async function makePrivate(folder: string): Promise<void> {
  await makeOwnFolders(folder).catch((error: unknown) => {
    throw unwritable(folder, error);
  });
}

/** Socket addresses hold 104 bytes on macOS and 108 on Linux, their ending zero included. */
const MAX_SOCKET_BYTES = 100;

/**
 * Paths for the server's Unix socket, the best first; empty on Windows, where gRPC has no Unix sockets.
 * Each stands in a folder of its own, which the server makes private or, if it is another's, passes over.
 */
export function socketPaths(world: World, serverFolder: string): string[] {
  if (world.platform === 'win32') return [];
  const id = createHash('sha256').update(serverFolder).digest('hex').slice(0, 12);
  const runtime = world.env.XDG_RUNTIME_DIR;
  return [
    ...(runtime ? [join(runtime, `curate-${id}`)] : []),
    ...[world.tmp, '/tmp'].map((folder) => join(folder, `curate-${world.uid ?? 0}-${id}`)),
  ]
    .map((folder) => join(folder, 's'))
    .filter((path, index, all) => all.indexOf(path) === index)
    .filter((path) => Buffer.byteLength(path) <= MAX_SOCKET_BYTES && /^\/[\w./@+-]+$/.test(path));
}
