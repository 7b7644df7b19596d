/** When a burst of changes counts as over. */
export interface Pace {
  /** After this long without a change. */
  readonly quietMs: number;
  /** At the latest this long after its first change. */
  readonly maxMs: number;
}

/** Gathers changes, so that copying a folder of photos leads to one run instead of hundreds. */
export class Burst {
  readonly #pace: Pace;
  readonly #elapsed: () => number;
  #paths = new Set<string>();
  #firstAt = 0;
  #lastAt = 0;
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  /** @param elapsed a clock in milliseconds */
  constructor(pace: Pace, elapsed: () => number) {
    this.#pace = pace;
    this.#elapsed = elapsed;
  }

  add(path: string): void {
    this.#lastAt = this.#elapsed();
    if (this.#paths.size === 0) this.#firstAt = this.#lastAt;
    this.#paths.add(path);
    if (this.#paths.size === 1) this.#wake();
  }

  /** Ends the waiting with `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** The changes of the next burst, once it is over; null when `stopped` comes first. @throws what `fail` was given. */
  async next(stopped: AbortSignal): Promise<ReadonlySet<string> | null> {
    while (!stopped.aborted) {
      if (this.#failure !== null) throw this.#failure;
      const left = this.#msLeft();
      if (left !== null && left <= 0) {
        const paths = this.#paths;
        this.#paths = new Set();
        return paths;
      }
      await this.#pause(left, stopped);
    }
    return null;
  }

  #msLeft(): number | null {
    if (this.#paths.size === 0) return null;
    const { quietMs, maxMs } = this.#pace;
    return Math.min(this.#lastAt + quietMs, this.#firstAt + maxMs) - this.#elapsed();
  }

  /** Until `ms` have passed, the first change comes, or there is nothing more to wait for. */
  #pause(ms: number | null, stopped: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        stopped.removeEventListener('abort', this.#wake);
        this.#wake = () => undefined;
        resolve();
      };
      stopped.addEventListener('abort', this.#wake);
    });
  }
}
