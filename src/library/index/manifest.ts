import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { z } from 'zod';
import type { Library, ModelIdentity, PhotoRow, PhotoTable, StoredPhoto } from '../../store/port.ts';

/** Rows of one batch. */
const BATCH = 1000;
/** Of rows that are read at a time: LevelDB's own 16 KB take ten times as many calls. */
const PAGE_BYTES = 262_144;
/** Sorts before every id. */
const SEAL = '!';

const sealSchema = z.strictObject({ mark: z.string(), photos: z.int().nonnegative() });
/** Path, sha256, size, mtimeMs, facts. */
type Kept = readonly [string, string, number, number, number];

/** What is kept of a library on this machine cannot be read, and was given up; the store has it all. */
class ManifestDamaged extends Error {}

/** Lists rows once more, from the store, where those kept here turned out not to be whole. */
export async function unlessDamaged<T>(list: () => Promise<T>): Promise<T> {
  try {
    return await list();
  } catch (error) {
    if (error instanceof ManifestDamaged) return list();
    throw error;
  }
}

/**
 * What a store has of one model's rows of a library, without vectors, kept on this machine: an embedded database
 * (LevelDB) in a folder of its own. It is believed only while it is sealed with the mark that the model's rows of
 * the library have in the store, which every run that changes them draws anew before its first change. The seal is broken before anything
 * is changed here, and put last, so that a run killed at any moment leaves what is not believed.
 */
class Manifest {
  readonly #level: ClassicLevel<string, string>;
  #broken = false;

  constructor(level: ClassicLevel<string, string>) {
    this.#level = level;
  }

  /** How many rows there are, if they are those that the store has. */
  async sealedAt(mark: string): Promise<number | null> {
    const seal = await this.#level.get(SEAL);
    if (seal === undefined) return null;
    const read = sealSchema.safeParse(JSON.parse(seal));
    return read.success && read.data.mark === mark ? read.data.photos : null;
  }

  async breakSeal(): Promise<void> {
    if (this.#broken) return;
    await this.#level.del(SEAL, { sync: true });
    this.#broken = true;
  }

  async seal(mark: string): Promise<void> {
    const seal = JSON.stringify({ mark, photos: await this.count() } satisfies z.infer<typeof sealSchema>);
    await this.#level.put(SEAL, seal, { sync: true });
    this.#broken = false;
  }

  async *photos(): AsyncGenerator<StoredPhoto> {
    const rows = this.#level.iterator({ gt: SEAL, highWaterMarkBytes: PAGE_BYTES });
    try {
      for (let page = await rows.nextv(BATCH); page.length > 0; page = await rows.nextv(BATCH)) {
        for (const [id, value] of page) {
          const [path, sha256, size, mtimeMs, facts] = JSON.parse(value) as Kept;
          yield { id, path, sha256, size, mtimeMs, facts };
        }
      }
    } finally {
      await rows.close();
    }
  }

  async count(): Promise<number> {
    const ids = this.#level.keys({ gt: SEAL });
    let count = 0;
    try {
      for (let page = await ids.nextv(BATCH); page.length > 0; page = await ids.nextv(BATCH)) count += page.length;
    } finally {
      await ids.close();
    }
    return count;
  }

  async put(photos: readonly StoredPhoto[]): Promise<void> {
    await this.#level.batch(
      photos.map(({ id, path, sha256, size, mtimeMs, facts }) => {
        const kept: Kept = [path, sha256, size, mtimeMs, facts];
        return { type: 'put', key: id, value: JSON.stringify(kept) };
      }),
    );
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.#level.batch(ids.map((key) => ({ type: 'del', key })));
  }

  async clear(): Promise<void> {
    await this.breakSeal();
    await this.#level.clear();
  }

  close(): Promise<void> {
    return this.#level.close();
  }
}

interface Entry {
  /** Null where nothing can be kept: then the store is asked, as if there had never been a manifest. */
  manifest: Manifest | null;
  /** As it was before anything was listed. */
  readonly library: Library;
  /** Whether the manifest has every row that the store has. */
  complete: boolean;
  /** How many rows were listed, while nothing has been written since; else null. */
  listed: number | null;
}

/**
 * A table whose rows of a library are listed by the store only when what is known of them here is not what the store has;
 * what is written to the table is noted as soon as the store has confirmed it.
 */
export class RememberedTable implements Pick<PhotoTable, 'photos' | 'upsert' | 'remove' | 'count'> {
  readonly #table: PhotoTable;
  readonly #folder: string | null;
  readonly #model: string;
  readonly #entries = new Map<string, Entry>();

  /** @param folder for this store's rows of the model; null keeps nothing */
  constructor(table: PhotoTable, folder: string | null, { sha256 }: Pick<ModelIdentity, 'sha256'>) {
    this.#table = table;
    this.#folder = folder;
    this.#model = sha256;
  }

  /** To be called before rows are listed or written: the libraries as the store has them now. */
  async begin(libraries: readonly Library[]): Promise<void> {
    if (this.#folder !== null) await forgetOthers(this.#folder, libraries);
    for (const library of libraries)
      this.#entries.set(library.id, { manifest: null, library, complete: false, listed: null });
  }

  /** To be read within `unlessDamaged`. */
  async *photos(library: string): AsyncGenerator<StoredPhoto> {
    const entry = await this.#open(library);
    if (!entry?.manifest) return yield* this.#table.photos(library);
    const mark = this.#markOf(entry.library);
    const sealed = mark === undefined ? null : await entry.manifest.sealedAt(mark).catch(() => null);
    const count = (entry.complete ? entry.listed : null) ?? sealed;
    if (count === null) return yield* this.#listing(library, entry);
    let read = 0;
    try {
      for await (const photo of entry.manifest.photos()) {
        read += 1;
        yield photo;
      }
    } catch {
      read = -1;
    }
    if (read !== count) {
      await this.#give(entry);
      throw new ManifestDamaged(`${read} of ${count} rows could be read`);
    }
    entry.complete = true;
    entry.listed = count;
  }

  async upsert(rows: readonly PhotoRow[]): Promise<void> {
    const byLibrary = groups(rows);
    for (const [library] of byLibrary) await this.#changing(library);
    await this.#table.upsert(rows);
    for (const [library, some] of byLibrary) await this.#note(library, (manifest) => manifest.put(some));
  }

  /** @param ids of rows of any library */
  async remove(ids: readonly string[]): Promise<void> {
    for (const library of this.#entries.keys()) await this.#changing(library);
    await this.#table.remove(ids);
    for (const library of this.#entries.keys()) await this.#note(library, (manifest) => manifest.remove(ids));
  }

  async count(library: string): Promise<number> {
    const entry = this.#entries.get(library);
    if (!entry?.complete) return this.#table.count(library);
    const count = entry.listed ?? (await entry.manifest?.count().catch(() => null));
    return count ?? this.#table.count(library);
  }

  /**
   * Seals what is known. @param now the libraries as the store has them now
   * @param held ids of those that this run alone has changed, if anybody has
   */
  async settle(now: readonly Library[], held: ReadonlySet<string>): Promise<void> {
    for (const library of now) {
      const entry = this.#entries.get(library.id);
      const mark = this.#markOf(library);
      if (!entry?.complete || entry.manifest === null || mark === undefined) continue;
      const alone =
        held.has(library.id) ||
        (this.#markOf(entry.library) === mark && entry.library.lease === undefined && library.lease === undefined);
      if (!alone) continue;
      const sealed = await entry.manifest.sealedAt(mark).catch(() => null);
      if (sealed === null) await this.#note(library.id, (manifest) => manifest.seal(mark));
    }
  }

  async close(): Promise<void> {
    for (const { manifest } of this.#entries.values()) await manifest?.close().catch(() => undefined);
    this.#entries.clear();
  }

  async *#listing(library: string, entry: Entry): AsyncGenerator<StoredPhoto> {
    await this.#note(library, (manifest) => manifest.clear());
    let listed = 0;
    let page: StoredPhoto[] = [];
    for await (const photo of this.#table.photos(library)) {
      yield photo;
      listed += 1;
      if (page.push(photo) < BATCH) continue;
      const full = page;
      page = [];
      await this.#note(library, (manifest) => manifest.put(full));
    }
    await this.#note(library, (manifest) => manifest.put(page));
    entry.complete = true;
    entry.listed = listed;
  }

  async #changing(library: string): Promise<void> {
    const entry = this.#entries.get(library);
    if (entry !== undefined) entry.listed = null;
    await this.#note(library, (manifest) => manifest.breakSeal());
  }

  /** A manifest that cannot be written is done without: the store has everything. */
  async #note(library: string, change: (manifest: Manifest) => Promise<void>): Promise<void> {
    const entry = this.#entries.get(library);
    if (!entry?.manifest) return;
    await change(entry.manifest).catch(() => this.#give(entry));
  }

  /** Gives a manifest up. */
  async #give(entry: Entry): Promise<void> {
    await entry.manifest?.close().catch(() => undefined);
    entry.manifest = null;
    entry.complete = false;
    const folder = this.#folderOf(entry.library.id);
    if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }

  async #open(library: string): Promise<Entry | undefined> {
    const entry = this.#entries.get(library);
    const folder = this.#folderOf(library);
    if (entry === undefined || entry.manifest !== null || folder === null) return entry;
    // Damaged, it is begun anew; without a binary for this platform, or where nothing can be written, it is done without.
    entry.manifest = await open(folder)
      .catch(async () => {
        await rm(folder, { recursive: true, force: true });
        return open(folder);
      })
      .catch(() => null);
    return entry;
  }

  #markOf({ marks }: Library): string | undefined {
    return marks?.[this.#model];
  }

  #folderOf(library: string): string | null {
    return this.#folder === null ? null : join(this.#folder, nameOf(library));
  }
}

/** Removes what is kept of libraries that are not there any more. */
export async function forgetOthers(folder: string, libraries: readonly Library[]): Promise<void> {
  const known = new Set(libraries.map(({ id }) => nameOf(id)));
  for (const name of await readdir(folder).catch(() => [])) {
    if (!known.has(name)) await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function open(folder: string): Promise<Manifest> {
  return new Manifest(await openLevel(folder));
}

/** A database in a folder of its own, which is made when it is not there. */
export async function openLevel(folder: string): Promise<ClassicLevel<string, string>> {
  const { ClassicLevel } = await import('classic-level');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const level = new ClassicLevel<string, string>(folder);
  await level.open();
  return level;
}

/** A library's id may be any text. */
export function nameOf(library: string): string {
  return createHash('sha256').update(library).digest('hex').slice(0, 32);
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

/** Where this machine keeps what it knows of a store's rows of a model. */
export function manifestsIn(data: string, place: string, { sha256 }: ModelIdentity): string {
  return storeFolder(data, place, sha256.slice(0, 12));
}

/**
 * A folder for one purpose, of one store.
 * @param place of the store, as `Machine.place` names it
 */
export function storeFolder(data: string, place: string, purpose: string): string {
  const store = createHash('sha256').update(place).digest('hex').slice(0, 16);
  return join(data, 'manifests', `${store}-${purpose}`);
}
