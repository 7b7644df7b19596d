import { walkFolders } from '../../photos/walk.ts';
import type { Library, StoredPhoto } from '../../store/port.ts';
import { inside, isBelow } from '../paths.ts';
import type { Scope } from '../scopes.ts';
import { onePerPhoto } from './companions.ts';
import { compareFolders, type StoredFolder } from './manifest.ts';
import { type Candidate, isSameFile, type RowName, reconcile } from './reconcile.ts';
import type { RememberedTable } from './remembered-table.ts';
import type { Sightings } from './sightings.ts';
import type { Spool } from './spool.ts';

/** What the walk of a library found of it, or of one that it takes over. */
export interface Remains {
  /** Rows whose file was not found, in a place that was really looked at. */
  readonly gone: Spool<RowName>;
  /** Files that the walk found, and rows that there are of the whole library. */
  found: number;
  stored: number;
}

/** A library whose root the walk went through, too. */
export interface Absorbed extends Remains {
  readonly library: Library;
  /** Rows whose file the outer walk found: the outer library has them now. */
  readonly superseded: Spool<RowName>;
}

/** What a run has to do for one library. */
export interface Comparison extends Remains {
  unchanged: number;
  /** Files that are not as they were when their row was written. */
  changed: number;
  /** Files to be read, in the order of the walk. */
  readonly candidates: Spool<Candidate>;
  /** RAW files by the path of what stands for them. */
  readonly raws: Map<string, readonly Candidate[]>;
  readonly absorbed: readonly Absorbed[];
  readonly skipped: { readonly path: string; readonly reason: string }[];
  readonly failed: { readonly path: string; readonly code: string; readonly reason: string }[];
  /** Whether a path lies where nobody could look. */
  isUnseen(path: string): boolean;
}

interface CompareDeps {
  readonly remembered: Pick<RememberedTable, 'folders' | 'count'>;
  readonly sightings: Pick<Sightings, 'note'>;
  makeSpool<T>(): Spool<T>;
}

/**
 * Walks a scope and compares it with what is stored, a folder at a time: both are in the same order, and of neither more
 * than a folder is in memory. To be called within `unlessDamaged`.
 */
export async function compareScope(
  { remembered, sightings, makeSpool }: CompareDeps,
  { library, folder, absorbs }: Pick<Scope, 'library' | 'folder' | 'absorbs'>,
  ignore: readonly string[],
): Promise<Comparison> {
  const notes = { skipped: [], failed: [], unlisted: [] as string[] };
  // What lies in order before a folder that was walked could not be looked at by then, or not at all.
  const isUnseen = (path: string): boolean =>
    notes.unlisted.some((place) => isBelow(path, place)) ||
    comparison.failed.some((place) => isBelow(path, place.path));
  const comparison: Comparison = {
    isUnseen,
    ...{ found: 0, stored: 0, unchanged: 0, changed: 0 },
    ...{ gone: makeSpool<RowName>(), candidates: makeSpool<Candidate>(), raws: new Map() },
    absorbed: absorbs.map((inner) => {
      return { library: inner, gone: makeSpool(), superseded: makeSpool(), found: 0, stored: 0 };
    }),
    skipped: notes.skipped,
    failed: notes.failed,
  };
  const own = new StoredFolders(remembered.folders(library.id, folder));
  const inners = comparison.absorbed.map((absorbed) => {
    const prefix = inside(library.root, absorbed.library.root) ?? '';
    return { absorbed, prefix, stored: new StoredFolders(remembered.folders(absorbed.library.id, '')) };
  });
  const passOwn = async (rows: readonly StoredPhoto[]): Promise<void> => {
    for (const { id, path } of rows) if (!isUnseen(path)) await comparison.gone.push({ id, path });
  };
  const passInner = async ({ absorbed, prefix }: (typeof inners)[number], rows: readonly StoredPhoto[]) => {
    absorbed.stored += rows.length;
    for (const { id, path } of rows) if (!isUnseen(below(prefix, path))) await absorbed.gone.push({ id, path });
  };

  for await (const { folder: here, files } of walkFolders(library.root, { folder, ignore }, notes)) {
    await sightings.note(library, files);
    const paired = onePerPhoto(files);
    const watched = new Set([...paired.raws.values()].flat().map(({ path }) => path));
    for await (const rows of own.before(here)) await passOwn(rows);
    const rows = await own.at(here);
    const plan = reconcile(paired.files, watched, rows);
    comparison.found += paired.files.length;
    comparison.unchanged += plan.unchanged;
    await passOwn(plan.missing);
    for (const candidate of plan.candidates) {
      const { found, before } = candidate;
      if (before !== null && !isSameFile(found, before)) comparison.changed += 1;
      await comparison.candidates.push(candidate);
    }
    for (const [standing, raws] of paired.raws) {
      const jobs = raws.map((found) => ({ found, before: plan.watched.get(found.path) ?? null }));
      comparison.raws.set(standing, jobs);
    }
    for (const inner of inners) {
      const { absorbed, prefix, stored } = inner;
      if (!isBelow(here, prefix)) continue;
      const there = prefix === '' ? here : here.slice(prefix.length + 1);
      for await (const passed of stored.before(there)) await passInner(inner, passed);
      const found = new Set(paired.files.map(({ path }) => path));
      const [superseded, missing]: [StoredPhoto[], StoredPhoto[]] = [[], []];
      for (const row of await stored.at(there)) (found.has(below(prefix, row.path)) ? superseded : missing).push(row);
      absorbed.found += found.size;
      absorbed.stored += superseded.length;
      for (const { id, path } of superseded) await absorbed.superseded.push({ id, path });
      await passInner(inner, missing);
    }
  }
  for await (const rows of own.before(null)) await passOwn(rows);
  for (const inner of inners) for await (const rows of inner.stored.before(null)) await passInner(inner, rows);
  comparison.stored = await remembered.count(library.id);
  return comparison;
}

const below = (folder: string, path: string): string => (folder === '' ? path : `${folder}/${path}`);

/** Folders of rows, asked for in their order. */
class StoredFolders {
  readonly #folders: AsyncIterator<StoredFolder>;
  #next: StoredFolder | null | undefined;

  constructor(folders: AsyncIterable<StoredFolder>) {
    this.#folders = folders[Symbol.asyncIterator]();
  }

  /** The rows of all folders that come before this one and were not given yet; null means of all. */
  async *before(folder: string | null): AsyncGenerator<readonly StoredPhoto[]> {
    for (;;) {
      const next = await this.#peek();
      if (next === null || (folder !== null && compareFolders(next.folder, folder) >= 0)) return;
      this.#next = undefined;
      yield next.rows;
    }
  }

  /** The rows of this folder, once those before it were given. */
  async at(folder: string): Promise<readonly StoredPhoto[]> {
    const next = await this.#peek();
    if (next?.folder !== folder) return [];
    this.#next = undefined;
    return next.rows;
  }

  async #peek(): Promise<StoredFolder | null> {
    if (this.#next === undefined) {
      const { done, value } = await this.#folders.next();
      this.#next = done === true ? null : value;
    }
    return this.#next;
  }
}
