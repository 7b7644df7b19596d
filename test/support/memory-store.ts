import { randomUUID } from 'node:crypto';
import { unsaid } from '../../src/store/photo-matcher.ts';
import {
  type Hit,
  type IndexedModel,
  type Library,
  type Listing,
  MOST_HITS,
  type ModelIdentity,
  type PhotoFilter,
  type PhotoRecord,
  type PhotoRow,
  type PhotoStore,
  type PhotoTable,
  type Reading,
  type SearchOptions,
  type StoreAbout,
  type StoredPhoto,
  type VectorHit,
} from '../../src/store/port.ts';

/** Both ports over plain maps: for tests of what stands above them. The contract suite holds them to the same rules. */
export class MemoryStore implements PhotoStore {
  readonly kind: PhotoStore['kind'];
  readonly #libraries = new Map<string, Library>();
  readonly #identity = randomUUID();
  readonly #tables = new Map<string, { readonly model: ModelIdentity; readonly table: MemoryTable }>();

  constructor(kind: PhotoStore['kind'] = 'lite') {
    this.kind = kind;
  }

  tables(): MemoryTable[] {
    return [...this.#tables.values()].map(({ table }) => table);
  }
  async identity(): Promise<string | null> {
    return this.kind === 'lite' || this.#libraries.size === 0 ? null : this.#identity;
  }
  async libraries(): Promise<Library[]> {
    return [...this.#libraries.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  async putLibrary(library: Library): Promise<void> {
    this.#libraries.set(library.id, library);
  }
  async removeLibrary(id: string): Promise<void> {
    this.#libraries.delete(id);
  }
  async about(): Promise<StoreAbout> {
    return { version: null, index: null, server: null };
  }
  async models(): Promise<IndexedModel[]> {
    const used = [...this.#tables.values()].filter(({ table }) => table.written);
    const found = used.map(({ model: { id, sha256, dim }, table }) => ({
      model: { id, sha256, dim },
      photos: table.stored.size,
    }));
    return found.sort((a, b) => (a.model.id < b.model.id ? -1 : 1));
  }
  table(model: ModelIdentity): MemoryTable {
    const { table } = this.#tables.get(model.sha256) ?? { table: new MemoryTable() };
    this.#tables.set(model.sha256, { model, table });
    return table;
  }
  async close(): Promise<void> {}
}

export class MemoryTable implements PhotoTable {
  /** The rows by id. */
  readonly stored = new Map<string, PhotoRow>();
  /** Whether anything was ever put. */
  written = false;

  async upgrade(): Promise<void> {}
  async *photos(library: string): AsyncIterable<StoredPhoto> {
    for (const { id, path, sha256, size, mtimeMs, facts } of this.#sorted({ within: [{ library, folder: '' }] })) {
      yield { id, path, sha256, size, mtimeMs, facts };
    }
  }
  all(options: Listing & { readonly vectors: true }): AsyncIterable<PhotoRow>;
  all(options?: Listing): AsyncIterable<PhotoRecord>;
  async *all({
    filter,
    after = '',
    vectors = false,
  }: Listing & { readonly vectors?: boolean } = {}): AsyncIterable<PhotoRecord> {
    for (const row of this.#sorted(filter)) if (row.id > after) yield vectors ? row : recordOf(row);
  }
  async rows(ids: readonly string[], { filter }: Reading = {}): Promise<PhotoRow[]> {
    const passing = filter && new Set(this.#sorted(filter));
    const found = ids.flatMap((id) => this.stored.get(id) ?? []);
    return passing === undefined ? found : found.filter((row) => passing.has(row));
  }
  async upsert(rows: readonly PhotoRow[]): Promise<void> {
    this.written = true;
    for (const row of rows) this.stored.set(row.id, row);
  }
  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.stored.delete(id);
  }
  async removeLibrary(library: string): Promise<void> {
    for (const row of this.stored.values()) if (row.library === library) this.stored.delete(row.id);
  }
  search(vector: Float32Array, options: SearchOptions & { readonly vectors: true }): Promise<VectorHit[]>;
  search(vector: Float32Array, options: SearchOptions): Promise<Hit[]>;
  async search(
    vector: Float32Array,
    { k, filter, minScore = -1, vectors = false }: SearchOptions & { readonly vectors?: boolean },
  ): Promise<Hit[]> {
    return this.#sorted(filter)
      .map((row) => ({
        ...(vectors ? row : recordOf(row)),
        score: row.vector.reduce((sum, x, i) => sum + x * (vector[i] ?? 0), 0),
      }))
      .filter(({ score }) => score >= minScore)
      .sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1))
      .slice(0, Math.min(k, MOST_HITS));
  }
  async count(library?: string): Promise<number> {
    return library === undefined ? this.stored.size : this.#sorted({ within: [{ library, folder: '' }] }).length;
  }
  async flush(): Promise<void> {}

  #sorted(filter: PhotoFilter = {}): PhotoRow[] {
    const rows = [...this.stored.values()].filter((row) => passes(row, filter));
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function passes(photo: PhotoRecord, filter: PhotoFilter): boolean {
  const { library, path, width, height } = photo;
  const { within, shapes, minSide = 0 } = filter;
  const inside = within?.some(
    (part) => part.library === library && (part.folder === '' || path.startsWith(`${part.folder}/`)),
  );
  const shape = width > height ? 'landscape' : width < height ? 'portrait' : 'square';
  return (
    inside !== false &&
    passesByTime(photo, filter) &&
    shapes?.includes(shape) !== false &&
    Math.min(width, height) >= minSide &&
    unsaid(filter)?.(photo) !== false
  );
}

function passesByTime({ takenMs, mtimeMs }: PhotoRecord, filter: PhotoFilter): boolean {
  const { takenAfterMs, takenBeforeMs, undated } = filter;
  if (takenAfterMs === undefined && takenBeforeMs === undefined) return true;
  const within = (ms: number, after = -Infinity, before = Infinity): boolean => ms >= after && ms < before;
  if (takenMs !== null) return within(takenMs, takenAfterMs, takenBeforeMs);
  return undated !== undefined && within(mtimeMs, undated.afterMs, undated.beforeMs);
}

function recordOf({ vector: _, ...record }: PhotoRow): PhotoRecord {
  return record;
}
