import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { exists } from '../files/exists.ts';
import { withLock } from '../files/lock.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import type { OnStoreEvent } from './events.ts';
import { connectLite, isOlder } from './lite/connect.ts';
import { type Engine, engineOf, ownEngine } from './lite/engine.ts';
import { type LiteFolders, liteFolders } from './lite/folders.ts';
import { removeRuntime } from './lite/provision.ts';
import { endServer } from './lite/server.ts';
import type { MilvusLine } from './milvus/client.ts';
import type { PhotoStore } from './port.ts';

/** Written into the new folder when the whole index is in it and was compared. */
const WHOLE = 'whole';

/** Folders of the embedded store: the one in use, the one that is being filled, and the one that was in use. */
interface Places {
  readonly used: LiteFolders;
  readonly next: LiteFolders;
  readonly old: LiteFolders;
}

/** Copies all that one store has into another, which may have a part of it, and makes sure that both give the same. */
export type CopyStore = (source: PhotoStore, target: PhotoStore, onProgress: OnProgress) => Promise<void>;
type OnProgress = (done: number, total: number) => void;

/**
 * Moves the embedded index to the Milvus Lite that this curate has, if an older one made it: everything is copied from
 * the old engine, which is kept beside the index (of curate 0.1.0's it comes with curate), to the new one in another
 * folder; then the folders change names, and the old one goes. Cut off at any moment, the next call continues. Where there
 * is nothing to move it costs a look at three folders.
 * @throws UserError as opening the embedded store does, and what `copy` throws: then the index is as it was
 */
export async function moveToOwnEngine(
  world: World,
  { paths }: Pick<Settings, 'paths'>,
  onEvent: OnStoreEvent,
  copy: CopyStore,
): Promise<void> {
  const places: Places = {
    used: liteFolders(paths.data),
    next: liteFolders(paths.data, 'lite-next'),
    old: liteFolders(paths.data, 'lite-old'),
  };
  if (!(await isDue(places))) return;
  const onWait = (): void => onEvent({ kind: 'server', step: 'waiting' });
  await withLock(join(paths.data, 'lite-move.lock'), world.pid, { signal: world.interrupted, onWait }, async () => {
    await finishSwap(places);
    const from = await olderEngine(places);
    if (from !== null) await move(world, paths, places, { from, copy, onEvent });
    for (const { server } of [places.next, places.old]) await rm(server, { recursive: true, force: true });
  });
}

async function isDue({ used, next, old }: Places): Promise<boolean> {
  return (await exists(next.server)) || (await exists(old.server)) || (await olderEngine({ used })) !== null;
}

/** The one that made the index, if it is older than this curate's own. */
async function olderEngine({ used }: Pick<Places, 'used'>): Promise<Engine | null> {
  const wrote = await engineOf(used.server);
  return wrote !== null && isOlder(wrote.version, (await ownEngine()).version) ? wrote : null;
}

/** Of a run that was killed between the two renames. */
async function finishSwap({ used, next, old }: Places): Promise<void> {
  if (await exists(used.server)) return;
  if (await exists(join(next.server, WHOLE))) await rename(next.server, used.server);
  else if (await exists(old.server)) await rename(old.server, used.server);
}

interface Move {
  readonly from: Engine;
  readonly copy: CopyStore;
  readonly onEvent: OnStoreEvent;
}

async function move(
  world: World,
  paths: Settings['paths'],
  { used, next, old }: Places,
  { from, copy, onEvent }: Move,
): Promise<void> {
  const [{ milvusStore, prefixesIn }, own] = await Promise.all([import('./milvus/store.ts'), ownEngine()]);
  // A run that was cut off behind it may have been long ago.
  await rm(join(next.server, WHOLE), { force: true });
  const lines: MilvusLine[] = [];
  const lineTo = async (options: LiteOptions, prefix: string): Promise<MilvusLine> => {
    const line = await openLite(world, paths, onEvent, options, prefix);
    lines.push(line);
    return line;
  };
  const [before, after] = [
    { engine: from, beside: own },
    { folders: next, beside: from },
  ];
  try {
    // Of an index with nothing in it, too.
    await lineTo(after, '');
    for (const prefix of await prefixesIn(await lineTo(before, ''))) {
      const [source, target] = [await lineTo(before, prefix), await lineTo(after, prefix)];
      await copy(milvusStore(source), milvusStore(target), (done, total) =>
        onEvent({ kind: 'engine', step: 'moving', version: own.version, done, total }),
      );
    }
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
  await writeFile(join(next.server, WHOLE), '');
  await endServer(world, next);
  await endServer(world, used);
  await rename(used.server, old.server);
  await rename(next.server, used.server);
  const keptBeside = dirname(from.folder) === used.server;
  await removeRuntime(world, used, keptBeside ? join(old.server, basename(from.folder)) : from.folder);
  await rm(join(used.server, WHOLE));
  onEvent({ kind: 'engine', step: 'moved', version: own.version });
}

type LiteOptions = NonNullable<Parameters<typeof connectLite>[3]>;

async function openLite(
  world: World,
  paths: Settings['paths'],
  onEvent: OnStoreEvent,
  options: LiteOptions,
  prefix: string,
): Promise<MilvusLine> {
  const [{ openLine }, { liteEndpoint }] = await Promise.all([
    import('./milvus/client.ts'),
    import('./milvus/endpoint.ts'),
  ]);
  const reconnect = async () => {
    const { address, token } = await connectLite(world, paths, onEvent, options);
    return { ...liteEndpoint(address, token), prefix };
  };
  return openLine(await reconnect(), { world, reconnect });
}
