import { UserError } from '../../errors.ts';
import type { Lease, Library, ModelIdentity, PhotoStore } from '../../store/port.ts';
import type { World } from '../../world.ts';
import { storeKey } from '../active-model.ts';
import { holdIndex } from '../index/lock.ts';
import { type LeasePace, Leases } from '../lease.ts';
import { findLibrary } from '../libraries.ts';
import { inside } from '../paths.ts';
import { demandWhole } from '../scopes.ts';
import type { Session } from '../session.ts';
import { countEqual, queries, SAME_SCORE, SEARCHES } from './compare.ts';
import { CopiedTable, copyInterrupted } from './copied-table.ts';
import { bringNotes } from './notes.ts';

/** Photos that two machines embedded, each by itself, have vectors that differ a little. */
const SAME_PHOTO = 0.02;

export type CopyEvent =
  /** Another process changes the index; the copy begins when it is done. */
  | { readonly kind: 'waiting'; readonly holder: number | null }
  /** Another machine changes the library, there or here; the copy goes on when it is done. */
  | { readonly kind: 'leased'; readonly library: Library; readonly lease: Lease }
  | { readonly kind: 'copying'; readonly done: number; readonly total: number }
  | { readonly kind: 'comparing'; readonly done: number; readonly total: number };

export interface CopyDeps {
  readonly world: Pick<World, 'pid' | 'hostname' | 'now' | 'elapsed'>;
  readonly from: Session;
  readonly to: Session;
  readonly signal: AbortSignal;
  onEvent(event: CopyEvent): void;
  /** Whether to keep a library under another name, because the target has one of its name that is another. */
  confirmName(library: Library, name: string): Promise<boolean>;
  readonly pace?: LeasePace;
}

export interface CopyReport {
  readonly libraries: readonly { readonly name: string; readonly photos: number }[];
  /** Of these libraries, of every model: they are in both places now. */
  readonly rows: number;
  /** Written by this run. */
  readonly copied: number;
  readonly verified: { readonly searches: number; readonly equal: number };
}

/** A library, and what it is in the place that it is copied to. */
interface Arrival {
  readonly source: Library;
  readonly target: Library;
  /** The target had it before: what it alone has stays. */
  readonly joined: boolean;
}

/**
 * Copies libraries, with the rows of every model, from one store to another; nothing is embedded. Rows go in order of
 * id, so a run that was cut off at any moment is continued by the next one; then what both have is compared row by row,
 * which also brings along what has changed meanwhile, and by searches. Until all that is done, the library is marked
 * as arriving in the target. Only the target is written to.
 * @param names of libraries; none means all
 * @throws UserError `copy_unverified`, `copy_same`, `nothing_indexed`, `library_unknown`, `library_overlap`,
 * `not_confirmed` and `interrupted`
 */
export async function copyIndex(deps: CopyDeps, names: readonly string[]): Promise<CopyReport> {
  const { world, from, to, signal, onEvent } = deps;
  const same = () =>
    new UserError('copy_same', `The index is in ${homeName(to)} already.`, {
      hint: 'Name another place after --to or --from: the address of a Milvus server, or lite for the embedded store.',
      kind: 'usage',
    });
  if (storeKey(from.settings) === storeKey(to.settings)) throw same();
  const onWait = (holder: number | null): void => onEvent({ kind: 'waiting', holder });
  return holdIndex(world, from.settings, { onWait, signal }, async () => {
    const [source, target] = await Promise.all([from.store(), to.store()]);
    const identity = await target.identity();
    if (identity !== null && identity === (await source.identity())) throw same();
    const held = {
      machine: await to.machine.id(),
      holder: `${world.hostname} (process ${world.pid})`,
      now: () => world.now().getTime(),
      elapsed: world.elapsed,
      signal,
      onWait: (library: Library, lease: Lease) => onEvent({ kind: 'leased', library, lease }),
      ...(deps.pace === undefined ? {} : { pace: deps.pace }),
    };
    const leases = new Leases({ ...held, store: target });
    const [there, libraries] = await Promise.all([target.libraries(), chosen(source, names)]);
    const arrivals: Arrival[] = [];
    for (const library of libraries) arrivals.push(await arrivalOf(deps, library, there));
    const models = (await source.models()).flatMap(({ model, photos }) => (photos > 0 ? [model] : []));
    const copy = new Copy(deps, source, target, new Leases({ ...held, store: source }), leases);
    try {
      for (const { target: library } of arrivals) await leases.hold(library);
      const report = await copy.run(arrivals, models);
      await bringNotes(from, to, arrivals);
      for (const { target: library } of arrivals) {
        await leases.amend(library.id, ({ arriving: _, ...whole }) => whole);
      }
      return report;
    } finally {
      await leases.release();
    }
  });
}

class Copy {
  readonly #deps: CopyDeps;
  readonly #source: PhotoStore;
  readonly #target: PhotoStore;
  /** Of the source, where nothing is claimed: they tell when others are done. */
  readonly #others: Leases;
  readonly #leases: Leases;
  #done = 0;
  #total = 0;
  #copied = 0;

  constructor(deps: CopyDeps, source: PhotoStore, target: PhotoStore, others: Leases, leases: Leases) {
    this.#deps = deps;
    this.#source = source;
    this.#target = target;
    this.#others = others;
    this.#leases = leases;
  }

  async run(arrivals: readonly Arrival[], models: readonly ModelIdentity[]): Promise<CopyReport> {
    const parts = models.flatMap((model) => arrivals.map((arrival) => ({ model, arrival })));
    const counts = await Promise.all(
      parts.map(({ model, arrival }) => this.#source.table(model).count(arrival.source.id)),
    );
    this.#total = counts.reduce((sum, count) => sum + count, 0);
    const photos = new Map<string, number>();
    const samples = new Map<ModelIdentity, string[]>();
    const wanted = Math.max(1, Math.floor(this.#total / SEARCHES));
    for (const { model, arrival } of parts) {
      const { id } = arrival.source;
      const { rows, sample } = await this.#copyPart(model, arrival, wanted);
      photos.set(id, (photos.get(id) ?? 0) + rows);
      samples.set(model, [...(samples.get(model) ?? []), ...sample]);
    }
    for (const model of models) await this.#target.table(model).flush();
    await this.#leases.confirm();
    const verified = await this.#compare(arrivals, samples);
    const libraries = arrivals.map(({ target: { name }, source: { id } }) => ({ name, photos: photos.get(id) ?? 0 }));
    const rows = libraries.reduce((sum, library) => sum + library.photos, 0);
    return { libraries, rows, copied: this.#copied, verified };
  }

  /** One model's rows of one library, until both places have the same and nobody is changing the source. */
  async #copyPart(model: ModelIdentity, { source, target, joined }: Arrival, every: number) {
    const { signal, onEvent } = this.#deps;
    const part = new CopiedTable({
      library: source.id,
      source: this.#source.table(model),
      target: this.#target.table(model),
      joined,
      signal,
      changing: () => this.#leases.changing(target.id, { name: source.model ?? model.id, sha256: model.sha256 }),
      onRows: (rows, copied) => {
        this.#done += rows;
        this.#copied += copied;
        onEvent({ kind: 'copying', done: Math.min(this.#done, this.#total), total: this.#total });
      },
    });
    await part.fill();
    for (;;) {
      const before = await this.#others.untilFree(source);
      const state = await part.settle(every);
      const after = (await this.#source.libraries()).find(({ id }) => id === source.id);
      if (after === undefined) throw removedMeanwhile(source);
      if (after.mark === before?.mark && after.lease === undefined) return state;
      if (after.mark === before?.mark && after.lease?.machine === (await this.#deps.to.machine.id())) return state;
    }
  }

  async #compare(arrivals: readonly Arrival[], samples: ReadonlyMap<ModelIdentity, readonly string[]>) {
    const libraries = arrivals.map(({ source }) => source.id);
    const tolerance = arrivals.some(({ joined }) => joined) ? SAME_PHOTO : SAME_SCORE;
    const used = [...samples].filter(([, ids]) => ids.length > 0);
    const total = used.length === 0 ? 0 : SEARCHES;
    let [searches, equal] = [0, 0];
    if (total > 0) this.#deps.onEvent({ kind: 'comparing', done: 0, total });
    for (const [n, [model, ids]] of used.entries()) {
      const tables = { source: this.#source.table(model), target: this.#target.table(model) };
      const share = Math.floor((SEARCHES * (n + 1)) / used.length) - searches;
      const asked = queries(
        (await tables.source.rows(ids)).map((row) => row.vector),
        share,
      );
      const base = searches;
      equal += await countEqual({ ...tables, libraries, tolerance }, asked, (done) => {
        if (this.#deps.signal.aborted) throw copyInterrupted();
        searches = base + done;
        this.#deps.onEvent({ kind: 'comparing', done: searches, total });
      });
    }
    if (equal < searches) {
      throw new UserError(
        'copy_unverified',
        `${searches - equal} of ${searches} searches do not find the same photos in ${homeName(this.#deps.to)}.`,
        {
          hint: 'Nothing was changed where the index was. Run the command again: it continues, and compares once more.',
        },
      );
    }
    return { searches, equal };
  }
}

/** @throws UserError `nothing_indexed` or `library_unknown` */
async function chosen(source: PhotoStore, names: readonly string[]): Promise<Library[]> {
  const libraries = await source.libraries();
  if (libraries.length === 0) {
    throw new UserError('nothing_indexed', 'Nothing is indexed there: there is nothing to copy.', {
      hint: 'See what is where: curate status',
    });
  }
  const found = names.length === 0 ? libraries : names.map((name) => findLibrary(libraries, name, name));
  found.forEach(demandWhole);
  // In order of id, as every run takes hold of them, so that two never wait for each other.
  return [...new Set(found)].sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function arrivalOf(
  { world, from, to, confirmName }: CopyDeps,
  source: Library,
  there: readonly Library[],
): Promise<Arrival> {
  const same = there.find(({ id }) => id === source.id);
  if (same !== undefined) return { source, target: same, joined: same.arriving === undefined };
  const around = there.find(({ root }) => inside(root, source.root) !== null || inside(source.root, root) !== null);
  if (around !== undefined) {
    throw new UserError(
      'library_overlap',
      `Another library of this folder is in ${homeName(to)} already: ${around.name} (${around.root}).`,
      {
        hint: `Forget that one first (curate library remove "${around.name}", with that place set), or leave out this one.`,
      },
    );
  }
  let name = source.name;
  for (let n = 2; there.some((other) => other.name === name); n += 1) name = `${source.name}-${n}`;
  if (name !== source.name && !(await confirmName(source, name))) {
    throw new UserError('not_confirmed', `Another library in ${homeName(to)} is called ${source.name}.`, {
      hint: `Say --yes to call this one ${name} there; nothing was copied.`,
      kind: 'refused',
    });
  }
  const arriving = from.settings.milvusUri === undefined ? world.hostname : storeKey(from.settings);
  return { source, target: { id: source.id, name, root: '', arriving }, joined: false };
}

/** For people: where an index is. */
export function homeName({ settings }: Session): string {
  return settings.milvusUri === undefined ? 'the embedded store' : storeKey(settings);
}

function removedMeanwhile({ name }: Library): UserError {
  return new UserError('library_removed', `${name} was removed while it was being copied.`, {
    hint: 'What has arrived is marked as not whole; forget it there: curate library remove',
  });
}
