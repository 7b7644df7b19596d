import type { Hit, Library, ModelIdentity, PhotoStore, PhotoTable, SearchOptions, VectorHit } from '../store/port.ts';
import type { Leases } from './lease.ts';
import { isMounted, photoId } from './paths.ts';

/** Rows of one model that should not be there. */
export interface Strays {
  readonly model: ModelIdentity;
  /** How many rows there are of libraries that are not there any more, by the library. */
  readonly orphans: ReadonlyMap<string, number>;
  /** Ids of rows of files that have another row, by the library they are in. */
  readonly doubled: ReadonlyMap<string, readonly string[]>;
}

/**
 * A table whose searches find no row of a library that was removed while another machine was indexing it.
 * @param libraries of the store; unless they are to be recent, one put in the last seconds may be missing
 */
export function knownOnly(
  table: PhotoTable,
  libraries: (options: { readonly recent: boolean }) => Promise<readonly Library[]>,
): PhotoTable {
  let known: ReadonlySet<string> = new Set();
  /** Searches that are answered together look at the same. */
  const looking = new Map<boolean, Promise<void>>();
  const look = (recent: boolean): Promise<void> => {
    const underWay =
      looking.get(recent) ??
      libraries({ recent })
        .then((found) => {
          known = new Set(found.map(({ id }) => id));
        })
        .finally(() => looking.delete(recent));
    looking.set(recent, underWay);
    return underWay;
  };
  const isKnown = ({ library }: Hit): boolean => known.has(library);
  function search(vector: Float32Array, options: SearchOptions & { readonly vectors: true }): Promise<VectorHit[]>;
  function search(vector: Float32Array, options: SearchOptions): Promise<Hit[]>;
  async function search(vector: Float32Array, options: SearchOptions): Promise<Hit[]> {
    const asksWhere = options.filter?.within !== undefined;
    // Beside the first search: none waits for this, as it would for what is recent.
    const [hits] = await Promise.all([table.search(vector, options), known.size > 0 || asksWhere ? null : look(false)]);
    if (asksWhere || hits.every(isKnown)) return hits;
    await look(true);
    if (hits.every(isKnown)) return hits;
    const within = [...known].map((library) => ({ library, folder: '' }));
    return table.search(vector, { ...options, filter: { ...options.filter, within } });
  }
  return {
    search,
    upgrade: (options) => table.upgrade(options),
    photos: (library, page) => table.photos(library, page),
    all: table.all.bind(table),
    rows: (ids, options) => table.rows(ids, options),
    upsert: (rows) => table.upsert(rows),
    remove: (ids) => table.remove(ids),
    removeLibrary: (library) => table.removeLibrary(library),
    count: (library) => table.count(library),
    flush: () => table.flush(),
  };
}

export function countStrays(strays: readonly Strays[]): { readonly orphans: number; readonly doubled: number } {
  const doubled = strays.flatMap((each) => [...each.doubled.values()].map((ids) => ids.length));
  const orphans = strays.flatMap((each) => [...each.orphans.values()]);
  const sum = (counts: readonly number[]): number => counts.reduce((total, some) => total + some, 0);
  return { orphans: sum(orphans), doubled: sum(doubled) };
}

/** Looks through every row of every model. */
export async function findStrays(store: PhotoStore): Promise<Strays[]> {
  const found: Strays[] = [];
  for (const { model } of await store.models()) {
    const table = store.table(model);
    const before = new Set((await store.libraries()).map(({ id }) => id));
    const orphans = new Map<string, number>();
    const doubled = new Map<string, string[]>();
    const misnamed = new Map<string, { readonly id: string; readonly library: string }>();
    for await (const { id, library, path } of table.all()) {
      if (!before.has(library)) orphans.set(library, (orphans.get(library) ?? 0) + 1);
      else if (id !== photoId(library, path)) misnamed.set(photoId(library, path), { id, library });
    }
    const add = (library: string, id: string): void => {
      doubled.set(library, [...(doubled.get(library) ?? []), id]);
    };
    for (const { id: rightful } of await table.rows([...misnamed.keys()])) {
      const stray = misnamed.get(rightful);
      if (stray !== undefined) add(stray.library, stray.id);
    }
    // A library is there before its rows are, so one that came meanwhile is known now.
    const libraries = await store.libraries();
    for (const [one, other] of twins(libraries)) for (const id of await sameRows(table, one, other)) add(other.id, id);
    for (const { id } of libraries) orphans.delete(id);
    found.push({ model, orphans, doubled });
  }
  return found;
}

/** Libraries of one folder of this machine, of which the first is to have its photos. */
function twins(libraries: readonly Library[]): [Library, Library][] {
  const first = new Map<string, Library>();
  const pairs: [Library, Library][] = [];
  for (const library of libraries.filter(isMounted)) {
    const before = first.get(library.root);
    if (before === undefined) first.set(library.root, library);
    else pairs.push([before, library]);
  }
  return pairs;
}

/** Ids of rows of `other` whose file has a row of `one`, too. */
async function sameRows(table: PhotoTable, one: Library, other: Library): Promise<string[]> {
  const paths = new Set<string>();
  for await (const { path } of table.photos(one.id)) paths.add(path);
  const same: string[] = [];
  for await (const { id, path } of table.photos(other.id)) if (paths.has(path)) same.push(id);
  return same;
}

/** Removes them. @param leases by which the libraries of doubled rows are held meanwhile */
export async function removeStrays(store: PhotoStore, strays: readonly Strays[], leases: Leases): Promise<void> {
  const libraries = await store.libraries();
  for (const { model, orphans, doubled } of strays) {
    const table = store.table(model);
    for (const library of orphans.keys()) {
      if (!libraries.some(({ id }) => id === library)) await table.removeLibrary(library);
    }
    for (const library of libraries) {
      const ids = doubled.get(library.id) ?? [];
      if (ids.length === 0) continue;
      await leases.hold(library);
      await leases.changing(library.id, { name: library.model ?? model.id, sha256: model.sha256 });
      await table.remove(ids);
    }
  }
  for (const [, other] of twins(libraries)) {
    await leases.hold(other);
    if (await isEmpty(store, other)) await leases.drop(other);
  }
}

async function isEmpty(store: PhotoStore, { id }: Library): Promise<boolean> {
  for (const { model } of await store.models()) if ((await store.table(model).count(id)) > 0) return false;
  return true;
}
