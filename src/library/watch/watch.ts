import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../errors.ts';
import { outermost } from '../paths.ts';
import { Burst, type Pace } from './burst.ts';
import { changedFolders } from './changes.ts';
import { WatchedRoots } from './roots.ts';

export type WatchEvent =
  /** The folder went; its photos stay in the index, and it is followed again when it is back. */
  | { readonly kind: 'away'; readonly root: string }
  | { readonly kind: 'back'; readonly root: string }
  /** A run failed, on a store that is away for example; the same is tried again. */
  | { readonly kind: 'failed'; readonly error: UserError; readonly retryMs: number };

export interface WatchDeps {
  /** The ordinary run that the watching begins with. */
  indexAll(): Promise<void>;
  /**
   * Indexes these absolute folders alone. Returns the roots of libraries of which photos were kept although they are
   * gone, because it looked as if a drive were away.
   */
  indexFolders(folders: readonly string[]): Promise<readonly string[]>;
  /** Of these changed paths the ones that are not ignored. */
  unignored(changes: Iterable<string>): Promise<readonly string[]>;
  onEvent(event: WatchEvent): void;
  /** Ends the watching; a run that is under way ends by itself. */
  readonly stopped: AbortSignal;
  /** A clock in milliseconds. */
  elapsed(): number;
  readonly pace?: Pace;
}

const PACE: Pace = { quietMs: 2_000, maxMs: 30_000 };
const RETRY_MS = { first: 30_000, most: 600_000 };

/**
 * Keeps the index up to date with the folders (absolute, links resolved) until it is stopped: an ordinary run, then
 * one over the folders that changed after each burst of changes.
 * @throws UserError `watch_limit` when the system does not allow enough watches, and what the first run throws.
 */
export async function watchFolders(deps: WatchDeps, folders: readonly string[]): Promise<void> {
  const { onEvent, stopped } = deps;
  const burst = new Burst(deps.pace ?? PACE, deps.elapsed);
  const roots = new WatchedRoots(outermost(folders), {
    onChange: (path) => burst.add(path),
    onAway: (root) => onEvent({ kind: 'away', root }),
    onBack: (root) => onEvent({ kind: 'back', root }),
    onFailure: (error) => burst.fail(error),
  });
  // Watching begins before the first run, so that nothing falls between the two.
  await roots.start();
  try {
    await deps.indexAll();
    let retryMs = RETRY_MS.first;
    for (let changes = await burst.next(stopped); changes !== null; changes = await burst.next(stopped)) {
      await roots.renew();
      const changed = await changedFolders(await deps.unignored(changes), roots.present());
      const error = await indexChanged(deps, changed);
      if (error === null) {
        retryMs = RETRY_MS.first;
        continue;
      }
      onEvent({ kind: 'failed', error, retryMs });
      await sleep(retryMs, undefined, { signal: stopped }).catch(() => undefined);
      for (const folder of changed) burst.add(folder);
      retryMs = Math.min(retryMs * 2, RETRY_MS.most);
    }
  } finally {
    await roots.close();
  }
}

/** Returns what the person should know of and time may heal. */
async function indexChanged(deps: WatchDeps, folders: readonly string[]): Promise<UserError | null> {
  if (folders.length === 0) return null;
  try {
    const kept = await deps.indexFolders(folders);
    // A folder that was emptied looks like a drive that is away; its whole library tells which it is.
    const doubtful = kept.filter((root) => !folders.includes(root));
    if (doubtful.length > 0) await deps.indexFolders(doubtful);
    return null;
  } catch (error) {
    if (!(error instanceof UserError) || error.kind === 'interrupted') throw error;
    // It went while the run began: that is a change of its own, already on its way.
    return error.code === 'folder_missing' ? null : error;
  }
}
