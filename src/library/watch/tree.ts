import { basename, join } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { systemErrorCode, UserError } from '../../errors.ts';
import { IGNORE_FILE, systemReason } from '../../photos/ignore.ts';
import { kindByName } from '../../photos/kinds.ts';

interface Handlers {
  onChange(path: string): void;
  /** A folder appeared: what is made in it meanwhile can escape the watcher, so the tree must be renewed. */
  onNewFolder(): void;
  /** The root was found missing, if only for a moment: nothing is watched any more. */
  onRootGone(): void;
  onFailure(error: Error): void;
}

/** Tells of whatever appears, changes or goes below a folder. It watches folders alone: a library has few of those. */
export class WatchedTree {
  readonly #root: string;
  readonly #handlers: Handlers;
  #watcher: FSWatcher | null = null;

  constructor(root: string, handlers: Handlers) {
    this.#root = root;
    this.#handlers = handlers;
  }

  /** Watches all folders that are there now; resolves once none of their changes can be missed. */
  async renew(): Promise<void> {
    const before = this.#watcher;
    this.#watcher = this.#open();
    await new Promise<void>((resolve) => {
      this.#watcher?.on('ready', resolve).on('error', () => resolve());
    });
    await before?.close();
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
    this.#watcher = null;
  }

  #open(): FSWatcher {
    const { onChange, onNewFolder, onRootGone, onFailure } = this.#handlers;
    return (
      watch(this.#root, {
        ignoreInitial: true,
        followSymlinks: false,
        ignorePermissionErrors: true,
        ignored: (path, stats) => stats?.isDirectory() === false || (path !== this.#root && isForeign(basename(path))),
      })
        // chokidar's own events for files would need a watch per file; these come with the watch on their folder.
        .on('raw', (_, name: string | null, details) => {
          if (name !== null && isOfConcern(name)) onChange(join((details as RawDetails).watchedPath, name));
        })
        .on('addDir', (path) => {
          onNewFolder();
          onChange(path);
        })
        .on('unlinkDir', (path) => {
          if (path === this.#root) onRootGone();
          onChange(path);
        })
        .on('error', (error) => {
          const failure = limitReached(error);
          // A folder that cannot be watched for another reason cannot be read either, and a run says so.
          if (failure !== null) onFailure(failure);
        })
    );
  }
}

/** What chokidar passes along with an event as the system gave it; its types leave it open. */
interface RawDetails {
  /** The folder that `name` is in. */
  readonly watchedPath: string;
}

/** Hidden, or a folder in which systems and other programs keep their own. */
function isForeign(name: string): boolean {
  return systemReason(name, true) !== null;
}

/** Whether a change of this name can make a difference to the index. */
function isOfConcern(name: string): boolean {
  return name === IGNORE_FILE || (!isForeign(name) && kindByName(name) !== 'other');
}

const LIMITS: Readonly<Record<string, { readonly name: string; readonly enough: number }>> = {
  ENOSPC: { name: 'fs.inotify.max_user_watches', enough: 1_048_576 },
  EMFILE: { name: 'fs.inotify.max_user_instances', enough: 1_024 },
};

/** Linux allows each user a number of watches, and Node's messages speak of disk space and open files instead. */
function limitReached(error: unknown): UserError | null {
  const limit = LIMITS[systemErrorCode(error) ?? ''];
  if (limit === undefined) return null;
  const setting = `${limit.name}=${limit.enough}`;
  return new UserError('watch_limit', `The system allows too few watches to follow every folder (${limit.name}).`, {
    hint: `Allow more: sudo sysctl ${setting} (to keep it: echo ${setting} | sudo tee /etc/sysctl.d/60-curate.conf).`,
    cause: error,
  });
}
