import type {
  Hit,
  Library,
  ModelCollection,
  PhotoRow,
  PhotoStore,
  SearchOptions,
  StoredPhoto,
} from '../../src/store/port.ts';

/** The port over plain maps: for tests of what stands above it. The contract suite holds it to the same rules. */
export class MemoryStore implements PhotoStore {
  readonly kind = 'lite';
  readonly table = new Map<string, PhotoRow>();
  readonly #libraries = new Map<string, Library>();

  async libraries(): Promise<Library[]> {
    return [...this.#libraries.values()];
  }
  async putLibrary(library: Library): Promise<void> {
    this.#libraries.set(library.id, library);
  }
  async removeLibrary(id: string): Promise<void> {
    this.#libraries.delete(id);
  }
  async *photos(library: string): AsyncIterable<StoredPhoto> {
    const rows = [...this.table.values()].filter((row) => row.library === library);
    rows.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const { id, path, sha256, size, mtimeMs } of rows) yield { id, path, sha256, size, mtimeMs };
  }
  async rows(ids: readonly string[]): Promise<PhotoRow[]> {
    return ids.flatMap((id) => this.table.get(id) ?? []);
  }
  async upsert(rows: readonly PhotoRow[]): Promise<void> {
    for (const row of rows) this.table.set(row.id, row);
  }
  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.table.delete(id);
  }
  async search(vector: Float32Array, { k, filter = {}, minScore = -1 }: SearchOptions): Promise<Hit[]> {
    const { within, takenAfterMs = -Infinity, takenBeforeMs = Infinity } = filter;
    const bounded = filter.takenAfterMs !== undefined || filter.takenBeforeMs !== undefined;
    return [...this.table.values()]
      .filter(
        (row) =>
          within?.some(
            ({ library, folder }) => row.library === library && (folder === '' || row.path.startsWith(`${folder}/`)),
          ) ?? true,
      )
      .filter(({ takenMs }) => !bounded || (takenMs !== null && takenMs >= takenAfterMs && takenMs < takenBeforeMs))
      .map(({ vector: own, ...record }) => ({
        ...record,
        score: own.reduce((sum, x, i) => sum + x * (vector[i] ?? 0), 0),
      }))
      .filter(({ score }) => score >= minScore)
      .sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1))
      .slice(0, k);
  }
  async count(library?: string): Promise<number> {
    return [...this.table.values()].filter((row) => library === undefined || row.library === library).length;
  }
  async collections(): Promise<ModelCollection[]> {
    return [];
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}
