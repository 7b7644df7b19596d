import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { interruptedError, UserError } from '../errors.ts';
import type { Lease, Library, PhotoStore } from '../store/port.ts';

/** Milliseconds. */
export interface LeasePace {
  /** A lease that is not renewed runs out after so long. */
  readonly lastsMs: number;
  /** From claiming a library to looking whether another machine has claimed it at the same time. */
  readonly settleMs: number;
  /** Between two looks at a lease that is waited for. */
  readonly pollMs: number;
}

const PACE: LeasePace = { lastsMs: 60_000, settleMs: 500, pollMs: 1_000 };
/** A lease ended longer ago than clocks of two machines differ need not be watched. */
const CLOCKS_DIFFER_MS = 600_000;
/** Renewals while one lease lasts. */
const RENEWALS = 4;

/** Whose rows are changed, as the model was named and by what it is known. */
export interface ChangedModel {
  readonly name: string;
  readonly sha256: string;
}

export interface LeaseDeps {
  readonly store: PhotoStore;
  /** Id of this machine, and this process for people. */
  readonly machine: string;
  readonly holder: string;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment in the past; they never run backwards. */
  elapsed(): number;
  /** Ends the waiting for another machine. */
  readonly signal: AbortSignal;
  /** Called once for each library that another machine changes, which is waited for. */
  onWait(library: Library, lease: Lease): void;
  readonly pace?: LeasePace;
}

/**
 * The libraries that a run may change, one machine at a time. A store that cannot compare and swap gives no certainty:
 * two machines that claim a library within a moment see it after `settleMs`, and rows are such that the same photos
 * written twice are written once.
 */
export class Leases {
  readonly #deps: LeaseDeps;
  readonly #pace: LeasePace;
  readonly #held = new Map<string, Held>();

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
    this.#pace = deps.pace ?? { ...PACE, ...(deps.store.kind === 'lite' ? { settleMs: 0 } : {}) };
  }

  /** Claims a library, putting it into the store when it is new; waits while another machine has it. */
  async hold(library: Library): Promise<void> {
    if (this.#held.has(library.id)) return;
    const { store, holder, machine } = this.#deps;
    const lease = { token: randomUUID(), machine, holder, since: this.#deps.now() };
    for (;;) {
      const before = await this.untilFree(library);
      const renewed = this.#deps.elapsed();
      await store.putLibrary({ ...before, ...library, ...stateOf(before), lease: this.#lasting(lease) });
      await sleep(this.#pace.settleMs);
      const now = await find(store, library.id);
      if (now?.lease?.token !== lease.token) continue;
      const held = new Held(lease, renewed);
      held.timer = setInterval(() => void this.#renew(library.id, held), this.#pace.lastsMs / RENEWALS);
      this.#held.set(library.id, held);
      return;
    }
  }

  /**
   * To be called before every write to a library that is held: makes sure that it still is, and before the first one
   * of a model raises its generation.
   * @throws UserError `library_taken` or `library_removed`
   */
  async changing(id: string, model: ChangedModel): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) throw new Error(`the library ${id} is written to and not held`);
    if (held.lost !== null) throw held.lost;
    const raised = held.raised.get(model.sha256);
    if (raised === undefined) {
      const by = held.raised.size === 0 ? 1 : 0;
      const raising = this.#edit(id, held, (library) => raise(library, model, by));
      held.raised.set(model.sha256, raising);
      await raising;
    } else {
      await raised;
    }
    if (this.#deps.elapsed() - held.renewed > this.#pace.lastsMs / 2) {
      // This process stood still for long: another machine may have taken over.
      await this.#edit(id, held, (library) => library);
    }
  }

  /** Changes what the store keeps of a library that is held. @throws UserError `library_taken` or `library_removed` */
  async amend(id: string, change: (library: Library) => Library): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) throw new Error(`the library ${id} is changed and not held`);
    await this.#edit(id, held, change);
  }

  /** Takes a library that is held out of the store. */
  async drop({ id }: Library): Promise<void> {
    const held = this.#held.get(id);
    clearInterval(held?.timer);
    await held?.last;
    this.#held.delete(id);
    await this.#deps.store.removeLibrary(id);
  }

  /** Ids of those that are held, and so changed by this run alone. */
  held(): ReadonlySet<string> {
    return new Set([...this.#held].flatMap(([id, { lost }]) => (lost === null ? [id] : [])));
  }

  /** Those that were held and that another machine removed. */
  removed(): string[] {
    return [...this.#held].flatMap(([id, { lost }]) => (lost?.code === 'library_removed' ? [id] : []));
  }

  /** Makes sure that what was written belongs to a library that is there. @throws UserError `library_removed` */
  async confirm(): Promise<void> {
    for (const [id, held] of this.#held) if (held.raised.size > 0) await this.#edit(id, held, (library) => library);
  }

  /** Ends every claim; one that cannot be ended runs out. */
  async release(): Promise<void> {
    for (const [id, held] of this.#held) {
      clearInterval(held.timer);
      await this.#edit(id, held, ({ lease: _, ...library }) => library, false).catch(() => undefined);
    }
    this.#held.clear();
  }

  /** Waits while another machine has a library; as the store has it then, undefined when it has it not. */
  async untilFree(library: Library): Promise<Library | undefined> {
    const { store, machine, signal, now, elapsed } = this.#deps;
    let seen: Lease | null = null;
    let since = elapsed();
    for (;;) {
      const found = await find(store, library.id);
      const lease = found?.lease;
      // This machine lets one run at a time do this: what is left of another was killed.
      if (lease === undefined || lease.machine === machine) return found;
      if (lease.until + CLOCKS_DIFFER_MS < now()) return found;
      if (seen === null) this.#deps.onWait(library, lease);
      if (seen?.token !== lease.token || seen.until !== lease.until) since = elapsed();
      else if (elapsed() - since > this.#pace.lastsMs) return found;
      seen = lease;
      await sleep(this.#pace.pollMs, undefined, { signal }).catch(() => {
        throw interruptedError();
      });
    }
  }

  async #renew(id: string, held: Held): Promise<void> {
    // A store that is away for a moment: the next write finds out.
    await this.#edit(id, held, (library) => library).catch(() => undefined);
  }

  /** One after the other: each reads, changes and puts the whole library. */
  #edit(id: string, held: Held, change: (library: Library) => Library, renew = true): Promise<void> {
    const turn = held.last.then(async () => {
      if (held.lost !== null) throw held.lost;
      const library = await find(this.#deps.store, id);
      if (library?.lease?.token !== held.lease.token) {
        held.lost = lostTo(library);
        throw held.lost;
      }
      const renewed = this.#deps.elapsed();
      const changed = change(library);
      await this.#deps.store.putLibrary(renew ? { ...changed, lease: this.#lasting(held.lease) } : changed);
      held.renewed = renewed;
    });
    held.last = turn.catch(() => undefined);
    return turn;
  }

  #lasting(lease: Omit<Lease, 'until'>): Lease {
    return { ...lease, until: this.#deps.now() + this.#pace.lastsMs };
  }
}

class Held {
  readonly lease: Omit<Lease, 'until'>;
  /** `elapsed` when it was last known to last. */
  renewed: number;
  /** By sha256 of the model whose rows are changed. */
  readonly raised = new Map<string, Promise<void>>();
  lost: UserError | null = null;
  timer: NodeJS.Timeout | undefined;
  last: Promise<void> = Promise.resolve();

  constructor(lease: Omit<Lease, 'until'>, renewed: number) {
    this.lease = lease;
    this.renewed = renewed;
  }
}

async function find(store: PhotoStore, id: string): Promise<Library | undefined> {
  return (await store.libraries()).find((library) => library.id === id);
}

/** @param by how much its generation is: once for a run, however many models it changes */
function raise(library: Library, { name, sha256 }: ChangedModel, by: number): Library {
  const mark = randomUUID();
  const generation = (library.generation ?? 0) + by;
  return { ...library, model: name, generation, mark, marks: { ...library.marks, [sha256]: mark } };
}

/** What only the store knows of a library. */
function stateOf(library: Library | undefined): Pick<Library, 'model' | 'generation' | 'mark' | 'marks'> {
  const { model, generation, mark, marks } = library ?? {};
  return {
    ...(model === undefined ? {} : { model }),
    ...(generation === undefined ? {} : { generation }),
    ...(mark === undefined ? {} : { mark }),
    ...(marks === undefined ? {} : { marks }),
  };
}

function lostTo(library: Library | undefined): UserError {
  if (library === undefined) {
    return new UserError('library_removed', 'The library was removed while it was being indexed.', {
      hint: 'Index the folder again to have it back.',
    });
  }
  const by = library.lease === undefined ? 'Another machine' : library.lease.holder;
  return new UserError('library_taken', `${by} took over ${library.name}, which this run stood still with for long.`, {
    hint: 'What was written is kept: run the command again when that one is done.',
  });
}
