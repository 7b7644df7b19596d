import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { classifierOf } from '../../../embedding/classifier/classifier.ts';
import type { EmbeddingModel } from '../../../embedding/port.ts';
import { makeOwnFolders } from '../../../files/folders.ts';
import type { Library, PhotoStore, PhotoTable } from '../../../store/port.ts';
import { forgetOthers, nameOf, storeName } from '../../index/level.ts';
import type { Session } from '../../session.ts';
import { loadWords } from '../vocabulary.ts';
import { type ClassIndex, ClassIndexBuilder, type IndexedPhoto } from './class-index.ts';
import { readClassIndex, readOrigin, writeClassIndex } from './file.ts';

/** Rows whose vectors are read at a time, of 8 KB each. */
const PORTION = 500;

interface Refreshing {
  readonly table: Pick<PhotoTable, 'rows'>;
  /** The library's rows as they are, and stay until it is done. */
  rows(): AsyncIterable<IndexedPhoto>;
  /** Aborting leaves the rest to the next run. */
  readonly signal: AbortSignal;
  /** Told how many of the photos that have to be looked at were, unless they are few. */
  onProgress(done: number, total: number): void;
}

/**
 * The class indexes of a store's libraries, one file each in the cache folder, for one model. One is believed only while its
 * mark is that of the library's rows in the store, which every run that changes them draws anew before its first change.
 */
export class ClassIndexes {
  readonly #folder: string;
  readonly #model: EmbeddingModel;
  readonly #classifier: string;

  private constructor(folder: string, model: EmbeddingModel, classifier: string) {
    this.#folder = folder;
    this.#model = model;
    this.#classifier = classifier;
  }

  /**
   * Null for a model that knows no words.
   * @param cache the folder for what can be made again @param place of the store, as `Machine.place` names it
   */
  static async open(cache: string, place: string, model: EmbeddingModel): Promise<ClassIndexes | null> {
    const classifier = await classifierOf(model);
    if (classifier === null) return null;
    const folder = join(cache, 'words', storeName(place, model.sha256.slice(0, 12)));
    return new ClassIndexes(folder, model, classifier);
  }

  /**
   * Those of all the store's photos, in which none is missing; null where one of them is not at hand.
   * @param listed the store's libraries; one put in the last seconds may be missing @param recent for all of them
   */
  async whole(
    table: Pick<PhotoTable, 'count'>,
    listed: readonly Library[],
    recent: () => Promise<readonly Library[]>,
  ): Promise<readonly ClassIndex[] | null> {
    const libraries = (await this.#knowsMoreThan(listed)) ? await recent() : listed;
    const read = await Promise.all(libraries.map((library) => this.#read(library, table)));
    const there = read.filter((indexes) => indexes !== null);
    return there.length === read.length ? there.flat() : null;
  }

  /** That of a library, none where it has no photos; null where it is not at hand. */
  async #read(library: Library, table: Pick<PhotoTable, 'count'>): Promise<readonly ClassIndex[] | null> {
    if (library.arriving !== undefined) return null;
    const mark = this.#markOf(library);
    // Of an empty folder, or one that was indexed with other models alone; but curate 0.1.0 drew none for its rows.
    if (mark === undefined) return (await table.count(library.id)) === 0 ? [] : null;
    const found = await readClassIndex(this.#fileOf(library), this.#classifier);
    return found?.mark === mark ? [found.index] : null;
  }

  async #knowsMoreThan(libraries: readonly Library[]): Promise<boolean> {
    const names = new Set(libraries.map(({ id }) => nameOf(id)));
    const kept = await readdir(this.#folder).catch(() => []);
    return kept.some((name) => !names.has(name));
  }

  /** Drops what is kept of libraries that the store has no more. */
  forgetOthers(libraries: readonly Library[]): Promise<void> {
    return forgetOthers(this.#folder, libraries);
  }

  /**
   * Brings a library's index up to its rows: what is new is read from the store. Where nothing can be written, nothing is
   * kept.
   * @param library as the store has it now @throws what the store throws, and `rows`
   */
  async refresh(library: Library, { table, rows, signal, onProgress }: Refreshing): Promise<void> {
    const mark = this.#markOf(library);
    const file = this.#fileOf(library);
    const origin = await readOrigin(file);
    if (mark === undefined || (origin?.mark === mark && origin.classifier === this.#classifier)) return;
    if (!(await isWritable(this.#folder))) return;
    const words = await loadWords(this.#model).catch(() => null);
    // Whoever searches for a word is told that a file of the model is damaged; the photos are indexed.
    if (words === null) return;
    const { classifier } = words;
    const builder = new ClassIndexBuilder(classifier.classes);
    const missing = await this.#keep(file, builder, rows());
    let isWhole = true;
    for (let from = 0; from < missing.length; from += PORTION) {
      if (signal.aborted) {
        isWhole = false;
        break;
      }
      if (from > 0) onProgress(from, missing.length);
      const wanted = new Map(missing.slice(from, from + PORTION).map(({ id, sha256 }) => [id, sha256]));
      const found = (await table.rows([...wanted.keys()])).filter(({ id, sha256 }) => wanted.get(id) === sha256);
      if (found.length < wanted.size) isWhole = false;
      builder.add(found, classifier.probabilities(found.map(({ vector }) => vector)));
    }
    const made = { classifier: this.#classifier, mark: isWhole ? mark : null };
    await writeClassIndex(file, builder.finish(), made).catch(() => undefined);
  }

  /** Takes over what a file has of some rows, and lets go of the rest. @returns the rows that it lacks */
  async #keep(
    file: string,
    builder: ClassIndexBuilder,
    rows: AsyncIterable<IndexedPhoto>,
  ): Promise<readonly IndexedPhoto[]> {
    const before = (await readClassIndex(file, this.#classifier))?.index ?? null;
    const { kept, missing } = await compare(before, rows);
    if (before !== null) builder.keep(before, kept);
    return missing;
  }

  #markOf({ marks }: Library): string | undefined {
    return marks?.[this.#model.sha256];
  }

  #fileOf({ id }: Library): string {
    return join(this.#folder, nameOf(id));
  }
}

/**
 * Those of all photos of a session's model; null where they are not at hand, and for a model that knows no words.
 * @param listed its libraries; one put in the last seconds may be missing
 */
export async function classIndexesOf(
  session: Pick<Session, 'settings' | 'machine' | 'model'>,
  { store, table }: { readonly store: Pick<PhotoStore, 'libraries'>; readonly table: Pick<PhotoTable, 'count'> },
  listed: () => Promise<readonly Library[]> = () => store.libraries({ recent: false }),
): Promise<readonly ClassIndex[] | null> {
  const [model, place] = await Promise.all([session.model(), session.machine.place()]);
  const indexes = await ClassIndexes.open(session.settings.paths.cache, place, model);
  if (indexes === null) return null;
  return indexes.whole(table, await listed(), () => store.libraries());
}

/** Makes the folder where it is not there. */
async function isWritable(folder: string): Promise<boolean> {
  try {
    await makeOwnFolders(folder);
    await access(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Places of what an index has already, and what it lacks. */
async function compare(
  index: ClassIndex | null,
  rows: AsyncIterable<IndexedPhoto>,
): Promise<{ readonly kept: readonly number[]; readonly missing: readonly IndexedPhoto[] }> {
  const places = new Map<string, number>();
  index?.rest.forEach((_, place) => {
    places.set(index.photo(place).id, place);
  });
  const kept: number[] = [];
  const missing: IndexedPhoto[] = [];
  for await (const { id, sha256 } of rows) {
    const place = places.get(id);
    if (place !== undefined && index?.photo(place).sha256 === sha256) kept.push(place);
    else missing.push({ id, sha256 });
  }
  return { kept, missing };
}
