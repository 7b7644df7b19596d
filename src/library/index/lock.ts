import { join } from 'node:path';
import { isLocked, withLock } from '../../files/lock.ts';
import type { Settings } from '../../settings.ts';
import type { World } from '../../world.ts';

interface HoldOptions {
  /** Called once when another process holds the index; its process id, where it can be read. */
  onWait(holder: number | null): void;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

const lockOf = ({ paths }: Pick<Settings, 'paths'>): string => join(paths.data, 'index.lock');

/**
 * Runs `work` while no other process changes what is indexed.
 * @throws UserError `data_unwritable` or `disk_full` when there can be no lock, and `interrupted` while waiting.
 */
export function holdIndex<T>(
  world: Pick<World, 'pid'>,
  settings: Pick<Settings, 'paths'>,
  options: HoldOptions,
  work: () => Promise<T>,
): Promise<T> {
  return withLock(lockOf(settings), world.pid, options, work);
}

/** Whether another process is changing what is indexed. */
export function isIndexing(settings: Pick<Settings, 'paths'>): Promise<boolean> {
  return isLocked(lockOf(settings));
}
