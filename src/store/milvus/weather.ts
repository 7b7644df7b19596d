import { setTimeout as sleep } from 'node:timers/promises';
import { interruptedError } from '../../errors.ts';
import type { World } from '../../world.ts';
import type { MilvusFailure } from './failure.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** While nobody hears of the tries, so that a network that is back is not waited for half a minute longer. */
const LONGEST_UNHEARD_MS = 5_000;
/** How long a call is tried in all. */
const PATIENCE_MS = 300_000;
/** Shorter waits go unsaid, and several calls that wait at once speak as one. */
const QUIET_MS = 1_000;

export interface WeatherOptions {
  readonly world: Pick<World, 'elapsed' | 'interrupted'>;
  onWaiting(seconds: number): void;
  readonly patienceMs?: number;
  /** Whether the server is known to be there at other times, so that one that does not answer is away. */
  readonly expected?: boolean;
}

/** What passes between this machine and a server: a restart, a network that is cut, a limit on requests. */
export class Weather {
  readonly #options: WeatherOptions;
  readonly #patienceMs: number;
  #saidAt = Number.NEGATIVE_INFINITY;
  /** Whether the server has answered before. */
  #met = false;

  constructor(options: WeatherOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  /** Called whenever the server has answered, be it with a refusal. */
  met(): void {
    this.#met = true;
  }

  /** Whether it ever did. */
  get known(): boolean {
    return this.#met;
  }

  /**
   * For one call, which must be idempotent: asked after each of its failures, it waits and tells whether to try again.
   * @throws UserError `interrupted`
   */
  forCall(): (failure: MilvusFailure) => Promise<boolean> {
    const { elapsed, interrupted } = this.#options.world;
    let since: number | null = null;
    let tries = 0;
    return async (failure) => {
      if (!passes(failure, this.#met || this.#options.expected === true)) return false;
      since ??= elapsed();
      const waited = elapsed() - since;
      const pause = pauseAfter(tries, failure);
      tries += 1;
      if (waited + pause > this.#patienceMs) return false;
      if (waited >= QUIET_MS) this.#say(waited);
      await sleep(pause, undefined, { signal: interrupted }).catch(() => {
        throw interruptedError();
      });
      return true;
    };
  }

  #say(waited: number): void {
    const now = this.#options.world.elapsed();
    if (now - this.#saidAt < QUIET_MS) return;
    this.#saidAt = now;
    this.#options.onWaiting(Math.round(waited / 1000));
  }
}

/** Milliseconds until the next try, after so many. */
export function pauseAfter(tries: number, { kind }: Pick<MilvusFailure, 'kind'>): number {
  const longest = kind === 'unreachable' || kind === 'silent' ? LONGEST_UNHEARD_MS : LONGEST_PAUSE_MS;
  return Math.min(FIRST_PAUSE_MS * 2 ** tries, longest);
}

/** A cut connection, in the words of Node and of HTTP/2. */
const CUT = /ECONNRESET|EPIPE|dropped|RST_STREAM/;

/** Whether waiting may help. A host that has never answered is more likely a wrong address than one that restarts. */
function passes({ kind, reason }: MilvusFailure, met: boolean): boolean {
  if (kind === 'busy' || kind === 'unready') return true;
  if (kind !== 'unreachable' && kind !== 'silent') return false;
  return met || CUT.test(reason);
}
