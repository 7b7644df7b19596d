import { stat } from 'node:fs/promises';
import { WatchedTree } from './tree.ts';

interface Handlers {
  onChange(path: string): void;
  /** The folder is not there any more: its drive was unplugged, or it was renamed. */
  onAway(root: string): void;
  onBack(root: string): void;
  onFailure(error: Error): void;
}

/** Milliseconds between two looks at the roots themselves: no event tells of a drive that is mounted over a folder. */
const LOOK_MS = 3_000;

/** Watches folders that may go and come back, as drives do. */
export class WatchedRoots {
  readonly #roots: readonly WatchedRoot[];
  readonly #handlers: Handlers;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;

  constructor(roots: readonly string[], handlers: Handlers) {
    this.#handlers = handlers;
    const { onFailure } = handlers;
    // A drive pulled and plugged in again between two looks is the same folder as before, but no longer watched.
    const onChange = (path: string): void => {
      handlers.onChange(path);
      this.#lookSoon();
    };
    this.#roots = roots.map((path) => new WatchedRoot(path, { onChange, onFailure }));
  }

  /** Watches the folders that are there; the others from when they come. */
  async start(): Promise<void> {
    for (const root of this.#roots) await root.look();
    this.#timer = setInterval(() => this.#lookSoon(), LOOK_MS);
  }

  /** Makes sure that folders which have appeared are watched, and the folders in them. */
  async renew(): Promise<void> {
    for (const root of this.#roots) await root.renew();
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#looking;
    for (const root of this.#roots) await root.close();
  }

  present(): string[] {
    return this.#roots.filter((root) => root.isThere).map(({ path }) => path);
  }

  #lookSoon(): void {
    if (this.#timer === null) return;
    this.#looking ??= this.#look()
      .catch((error: Error) => this.#handlers.onFailure(error))
      .finally(() => {
        this.#looking = null;
      });
  }

  async #look(): Promise<void> {
    for (const root of this.#roots) {
      const wasThere = root.isThere;
      if (!(await root.look())) continue;
      if (!root.isThere) {
        this.#handlers.onAway(root.path);
        continue;
      }
      if (!wasThere) this.#handlers.onBack(root.path);
      // Whatever happened there unseen: all of it is compared.
      this.#handlers.onChange(root.path);
    }
  }
}

class WatchedRoot {
  readonly path: string;
  readonly #tree: WatchedTree;
  #identity: string | null = null;
  #isStale = false;
  #isBlind = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, handlers: Pick<Handlers, 'onChange' | 'onFailure'>) {
    this.path = path;
    this.#tree = new WatchedTree(path, {
      ...handlers,
      onNewFolder: () => {
        this.#isStale = true;
      },
      onRootGone: () => {
        this.#isBlind = true;
      },
    });
  }

  get isThere(): boolean {
    return this.#identity !== null;
  }

  /** Whether another folder, or none, is under this path now; if so, that one is watched. */
  look(): Promise<boolean> {
    return this.#inTurn(async () => {
      const identity = await identityOf(this.path);
      if (identity === this.#identity && !this.#isBlind) return false;
      this.#isBlind = false;
      await this.#tree.close();
      if (identity !== null) await this.#tree.renew();
      this.#identity = identity;
      return true;
    });
  }

  renew(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isStale || !this.isThere) return;
      this.#isStale = false;
      await this.#tree.renew();
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#tree.close());
  }

  /** A tree that is closed while it is being renewed would never be ready. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** Which folder a path is at the moment: another drive, or none, can be under the same name. */
async function identityOf(path: string): Promise<string | null> {
  return stat(path, { bigint: true }).then(
    (found) => (found.isDirectory() ? `${found.dev}:${found.ino}` : null),
    () => null,
  );
}
