import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Library, ModelIdentity, PhotoRow, PhotoTable, StoredPhoto } from '../../store/port.ts';
import { forgetOthers, nameOf, openLevel, openMemory } from './level.ts';
import { type Content, Manifest, type StoredFolder } from './manifest.ts';

/** Rows that are noted at a time. */
const BATCH = 1000;

/** What is kept of a library on this machine cannot be read, and was given up; the store has it all. */
class ManifestDamaged extends Error {}

/** Reads rows once more, from the store, where those kept here turned out not to be whole. */
export async function unlessDamaged<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ManifestDamaged)) throw error;
    }
  }
}

interface Entry {
  /** As it was before anything was listed. */
  readonly library: Library;
  /** Null until it is asked for. */
  manifest: Manifest | null;
  /** Whether the manifest has every row that the store has. */
  complete: boolean;
  /** Whether something could not be noted: then it is read to the end of the run, and forgotten. */
  faulty: boolean;
  /** How often it was begun anew, as it could not be read or written. */
  failures: number;
}

/** From so many failures on what is known is kept in memory. */
const MOST_FAILURES = 2;

/**
 * A table whose rows of a library are listed by the store only when what is known of them here is not what the store has;
 * what is written to the table is noted as soon as the store has confirmed it.
 */
export class RememberedTable {
  readonly #table: Pick<PhotoTable, 'photos' | 'upsert' | 'remove' | 'count'>;
  readonly #folder: string | null;
  readonly #model: string;
  readonly #entries = new Map<string, Entry>();

  /** @param folder for this store's rows of the model; null keeps nothing */
  constructor(
    table: Pick<PhotoTable, 'photos' | 'upsert' | 'remove' | 'count'>,
    folder: string | null,
    { sha256 }: Pick<ModelIdentity, 'sha256'>,
  ) {
    this.#table = table;
    this.#folder = folder;
    this.#model = sha256;
  }

  /** To be called before rows are listed or written: the libraries as the store has them now. */
  async begin(libraries: readonly Library[]): Promise<void> {
    if (this.#folder !== null) await forgetOthers(this.#folder, libraries);
    const unread = { manifest: null, complete: false, faulty: false, failures: 0 };
    for (const library of libraries) this.#entries.set(library.id, { library, ...unread });
  }

  /**
   * A library's rows, in the order of `compareFolders`. To be read within `unlessDamaged`.
   * @param within a folder; "" for all of them, of which it is known how many there should be
   */
  async *folders(library: string, within: string): AsyncGenerator<StoredFolder> {
    const entry = this.#entries.get(library);
    if (entry === undefined) return;
    const manifest = await this.#load(entry);
    let [read, isWhole] = [0, true];
    const folders = manifest.folders(within);
    const next = () =>
      folders.next().catch(() => {
        isWhole = false;
        return { done: true, value: undefined } as const;
      });
    try {
      for (;;) {
        const { done, value } = await next();
        if (done) break;
        read += value.rows.length;
        yield value;
      }
    } finally {
      await folders.return(undefined);
    }
    if (within === '' && read !== manifest.count) isWhole = false;
    // In memory nothing is lost: the store itself counted otherwise.
    if (isWhole || entry.failures >= MOST_FAILURES) return;
    await this.#give(entry);
    throw new ManifestDamaged(`${read} of ${manifest.count} rows could be read`);
  }

  /** Makes rows of these libraries known by content, as they are before this run changes any. */
  async loadContents(libraries: readonly Library[]): Promise<void> {
    for (const { id } of libraries) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) await this.#load(entry);
    }
  }

  /** Whether a library has a photo of this size; what cannot be read is not known. */
  async hasSize(library: string, size: number): Promise<boolean> {
    const { manifest = null } = this.#entries.get(library) ?? {};
    if (manifest === null || manifest.count === 0) return false;
    return manifest.hasSize(size).catch(() => false);
  }

  /** A library's photos with this content, as far as they can be read. */
  async *withContent(library: string, content: Content): AsyncGenerator<StoredPhoto> {
    const { manifest = null } = this.#entries.get(library) ?? {};
    if (manifest === null) return;
    const photos = manifest.withContent(content);
    try {
      for (;;) {
        const { done, value } = await photos.next().catch(() => ({ done: true, value: undefined }) as const);
        if (done) return;
        yield value;
      }
    } finally {
      await photos.return(undefined);
    }
  }

  async upsert(rows: readonly PhotoRow[]): Promise<void> {
    const byLibrary = groups(rows);
    for (const library of byLibrary.keys()) await this.#note(library, (manifest) => manifest.breakSeal());
    await this.#table.upsert(rows);
    for (const [library, some] of byLibrary) await this.#note(library, (manifest) => manifest.put(some));
  }

  /** @param photos of the library */
  async remove(library: string, photos: readonly Pick<StoredPhoto, 'id' | 'path'>[]): Promise<void> {
    await this.#note(library, (manifest) => manifest.breakSeal());
    await this.#table.remove(photos.map(({ id }) => id));
    await this.#note(library, (manifest) => manifest.remove(photos));
  }

  async count(library: string): Promise<number> {
    const { complete = false, manifest = null } = this.#entries.get(library) ?? {};
    return complete && manifest !== null ? manifest.count : this.#table.count(library);
  }

  /**
   * Seals what is known. @param now the libraries as the store has them now
   * @param held ids of those that this run alone has changed, if anybody has
   * @returns those of them whose rows are all known as they are
   */
  async settle(now: readonly Library[], held: ReadonlySet<string>): Promise<Library[]> {
    const settled: Library[] = [];
    for (const library of now) {
      const entry = this.#entries.get(library.id);
      const mark = this.#markOf(library);
      if (!entry?.complete || mark === undefined) continue;
      const alone =
        held.has(library.id) ||
        (this.#markOf(entry.library) === mark && entry.library.lease === undefined && library.lease === undefined);
      if (!alone) continue;
      await this.#note(library.id, async (manifest) => {
        if (await manifest.isSealedAt(mark)) return;
        await manifest.indexContents();
        await manifest.seal(mark);
      });
      if (entry.complete) settled.push(library);
    }
    return settled;
  }

  async close(): Promise<void> {
    for (const { manifest, faulty, library } of this.#entries.values()) {
      await manifest?.close().catch(() => undefined);
      if (faulty) await this.#clean(library);
    }
    this.#entries.clear();
  }

  async #load(entry: Entry): Promise<Manifest> {
    entry.manifest ??= await this.#open(entry);
    if (entry.complete) return entry.manifest;
    const mark = this.#markOf(entry.library);
    const isSealed = mark !== undefined && (await entry.manifest.isSealedAt(mark).catch(() => false));
    const manifest = isSealed ? entry.manifest : await this.#list(entry);
    entry.complete = true;
    return manifest;
  }

  /** What the store has of a library. */
  async #list(entry: Entry): Promise<Manifest> {
    for (;;) {
      entry.manifest ??= await this.#open(entry);
      const { manifest } = entry;
      if (await this.#fill(manifest, entry.library)) return manifest;
      entry.failures = MOST_FAILURES;
      await this.#give(entry);
    }
  }

  /** False where it cannot be written. @throws what the store threw */
  async #fill(manifest: Manifest, { id }: Library): Promise<boolean> {
    const isDone = (change: Promise<void>): Promise<boolean> =>
      change.then(
        () => true,
        () => false,
      );
    if (!(await isDone(manifest.clear()))) return false;
    let page: StoredPhoto[] = [];
    for await (const photo of this.#table.photos(id)) {
      if (page.push(photo) < BATCH) continue;
      if (!(await isDone(manifest.fill(page)))) return false;
      page = [];
    }
    return isDone(manifest.fill(page));
  }

  async #note(library: string, change: (manifest: Manifest) => Promise<void>): Promise<void> {
    const entry = this.#entries.get(library);
    if (!entry?.manifest || entry.faulty) return;
    await change(entry.manifest).catch(() => {
      entry.faulty = true;
      entry.complete = false;
    });
  }

  /** Gives a manifest up, for one that is begun anew. */
  async #give(entry: Entry): Promise<void> {
    await entry.manifest?.close().catch(() => undefined);
    entry.manifest = null;
    entry.complete = false;
    entry.failures += 1;
    await this.#clean(entry.library);
  }

  async #clean(library: Library): Promise<void> {
    const folder = this.#folderOf(library);
    if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }

  async #open({ library, failures }: Entry): Promise<Manifest> {
    const folder = this.#folderOf(library);
    // Damaged, it is begun anew; without a binary for this platform, or where nothing can be written, it is in memory.
    const level =
      folder === null || failures >= MOST_FAILURES
        ? await openMemory()
        : await openLevel(folder)
            .catch(async () => {
              await rm(folder, { recursive: true, force: true });
              return openLevel(folder);
            })
            .catch(openMemory);
    return new Manifest(level, library.id);
  }

  #markOf({ marks }: Library): string | undefined {
    return marks?.[this.#model];
  }

  #folderOf({ id }: Library): string | null {
    return this.#folder === null ? null : join(this.#folder, nameOf(id));
  }
}

function groups(rows: readonly PhotoRow[]): Map<string, PhotoRow[]> {
  const found = new Map<string, PhotoRow[]>();
  for (const row of rows) {
    const some = found.get(row.library);
    if (some === undefined) found.set(row.library, [row]);
    else some.push(row);
  }
  return found;
}
