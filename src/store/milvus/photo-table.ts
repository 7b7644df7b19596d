import { unsaid } from '../photo-matcher.ts';
import type {
  Hit,
  Listing,
  ModelIdentity,
  PhotoFilter,
  PhotoRecord,
  PhotoRow,
  PhotoTable,
  Reading,
  SearchOptions,
  SeenRows,
  StoredPhoto,
  UpgradeOptions,
  VectorHit,
} from '../port.ts';
import { METRIC, searchParams } from './capabilities.ts';
import type { MilvusLine } from './client.ts';
import type { Consistency } from './collection.ts';
import { type Block, blocksOf, type Scored, scoresOf } from './compare-all.ts';
import { expressionOf, idIn, inLibrary } from './filter.ts';
import { JointReads } from './joint-reads.ts';
import { JointSearch, type SearchTerms } from './joint-search.ts';
import { MAX_ROWS, pagesOf } from './pages.ts';
import { productsOf } from './products.ts';
import { fieldsOf, type MilvusRow, toMilvus, toRecord, toRow, toStored } from './rows.ts';
import { Generations } from './upgrade.ts';

/** Rows of one upsert. */
const UPSERT_ROWS = 1000;
/** Ids of one `in [...]` of which whole rows are read. */
const IDS = 1000;
/** Ids of one removal, of 67 bytes each. */
const REMOVED_IDS = 5000;
/** Rows of one page with vectors, of 8 KB each. */
const VECTOR_ROWS = 4000;
/** How many times `k` are asked for where a part of the filter is asked of the answers, and how that grows. */
const FIRST_ROUND = 4;
const LATER_ROUNDS = 8;
/** Scores are float32 sums of some 2048 products: what differs by less than a millionth is a tie. */
const SCORE_STEPS = 1e6;

/** Rows that are kept for a run's next searches, of 8 KB each; the oldest go first. */
const SEEN = 8_000;

/** Whether hits come with their vectors, and rows that need not be read for it. */
interface Vectors {
  readonly vectors?: boolean;
  readonly seen?: SeenRows | undefined;
}

interface AllOptions extends Listing {
  readonly vectors?: boolean;
}

/** The rows of one model, in a collection of their own. */
export class MilvusTable implements PhotoTable {
  readonly #generations: Generations;
  readonly #dim: number;
  /** By the rows that they keep for each other, or by this table where they keep none. */
  readonly #searches = new WeakMap<SeenRows | this, JointSearch<PhotoRow>>();
  readonly #reads = new WeakMap<SeenRows, Map<string, JointReads<PhotoRow>>>();

  constructor(line: MilvusLine, model: ModelIdentity) {
    this.#generations = new Generations(line, model);
    this.#dim = model.dim;
  }

  upgrade(options: UpgradeOptions): Promise<void> {
    return this.#generations.upgrade(options);
  }

  async *photos(library: string, page = MAX_ROWS): AsyncIterable<StoredPhoto> {
    const { collection, version } = await this.#generations.readable();
    const fields = fieldsOf(version, 'stored');
    const pages = pagesOf(collection, { filter: inLibrary(library), fields, pageRows: page });
    for await (const rows of pages) yield* rows.map(toStored);
  }

  all(options: Listing & { readonly vectors: true }): AsyncIterable<PhotoRow>;
  all(options?: Listing): AsyncIterable<PhotoRecord>;
  async *all({ filter = {}, after = '', page: rows, vectors = false }: AllOptions = {}): AsyncIterable<PhotoRecord> {
    const { collection, version } = await this.#generations.readable();
    const pages = pagesOf(collection, {
      filter: expressionOf(filter),
      fields: ['id', ...fieldsOf(version, vectors ? 'row' : 'record')],
      after,
      pageRows: rows ?? (vectors ? VECTOR_ROWS : MAX_ROWS),
    });
    const passes = unsaid(filter);
    for await (const page of pages) {
      const listed = page.map(vectors ? toRow : toRecord);
      yield* passes === null ? listed : listed.filter(passes);
    }
  }

  async rows(ids: readonly string[], { recent = true, seen, filter = {} }: Reading = {}): Promise<PhotoRow[]> {
    if (seen === undefined) return this.#readRows(ids, recent ? 'Strong' : 'Bounded', filter);
    const known = await this.#seenOrRead(ids, seen, filter);
    return ids.flatMap((id) => known.get(id) ?? []);
  }

  async #seenOrRead(
    ids: readonly string[],
    seen: SeenRows,
    filter: PhotoFilter = {},
  ): Promise<ReadonlyMap<string, PhotoRow>> {
    const known = new Map<string, PhotoRow>();
    const missing: string[] = [];
    for (const id of new Set(ids)) {
      const row = seen.get(id);
      if (row === undefined) missing.push(id);
      else known.set(id, row);
    }
    if (missing.length === 0) return known;
    for (const row of await this.#readsOf(seen, filter).read(missing)) known.set(row.id, row);
    return known;
  }

  #readsOf(seen: SeenRows, filter: PhotoFilter): JointReads<PhotoRow> {
    const byFilter = this.#reads.get(seen) ?? new Map<string, JointReads<PhotoRow>>();
    this.#reads.set(seen, byFilter);
    const key = JSON.stringify(filter);
    const known = byFilter.get(key);
    if (known !== undefined) return known;
    const reads = new JointReads<PhotoRow>(async (ids) => {
      const rows = await this.#readRows(ids, 'Bounded', filter);
      keep(rows, seen);
      return rows;
    });
    byFilter.set(key, reads);
    return reads;
  }

  async #readRows(ids: readonly string[], consistency: Consistency, filter: PhotoFilter): Promise<PhotoRow[]> {
    const rows = (await this.#read(ids, 'row', consistency, expressionOf(filter))).map(toRow);
    return rows.filter(unsaid(filter) ?? (() => true));
  }

  /** @param expression what else rows have to be, if anything */
  async #read(
    ids: readonly string[],
    wanted: 'record' | 'row',
    consistency: Consistency,
    expression = '',
  ): Promise<MilvusRow[]> {
    const { collection, version } = await this.#generations.readable();
    const fields = fieldsOf(version, wanted);
    const rows: MilvusRow[] = [];
    for (const some of chunks([...new Set(ids)], IDS)) {
      const filter = expression === '' ? idIn(some) : `${idIn(some)} and (${expression})`;
      rows.push(...(await collection.query({ filter, fields, limit: IDS, sorted: false, consistency })));
    }
    return rows;
  }

  async upsert(rows: readonly PhotoRow[]): Promise<void> {
    // Two rows of one id within a batch would both stay: the last one wins here.
    const distinct = new Map(rows.map((row) => [row.id, row]));
    const checked = [...distinct.values()].map((row) => toMilvus(row, this.#dim));
    const collection = await this.#generations.writable();
    for (const batch of chunks(checked, UPSERT_ROWS)) await collection.upsert(batch);
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const collection of await this.#generations.all()) {
      for (const some of chunks(ids, REMOVED_IDS)) await collection.remove(idIn(some));
    }
  }

  async removeLibrary(library: string): Promise<void> {
    for (const collection of await this.#generations.all()) await collection.remove(inLibrary(library));
  }

  search(
    vector: Float32Array,
    options: SearchOptions & { readonly vectors: true; readonly seen?: SeenRows | undefined },
  ): Promise<VectorHit[]>;
  search(vector: Float32Array, options: SearchOptions): Promise<Hit[]>;
  async search(vector: Float32Array, options: SearchOptions & Vectors): Promise<Hit[]> {
    const { filter = {}, vectors = false, exact = false } = options;
    if (exact && (await this.#generations.readable()).collection.kind !== 'lite') {
      return this.#nearestOfAll(vector, options);
    }
    if (unsaid(filter) === null) return this.#nearest(vector, options, expressionOf(filter));
    const found = await this.#nearestThatPass(vector, options);
    if (!vectors) return found;
    const whole = await this.rows(
      found.map(({ id }) => id),
      { recent: false },
    );
    return rankedBy(vector, whole);
  }

  async #nearestOfAll(
    vector: Float32Array,
    { k, minScore = -1, filter = {}, vectors = false }: SearchOptions & Vectors,
  ): Promise<Hit[]> {
    const { collection } = await this.#generations.readable();
    const blocks = unsaid(filter) === null ? blocksOf(collection, expressionOf(filter)) : this.#passing(filter);
    let best: Scored[] = [];
    for await (const block of blocks) {
      const scored = (await scoresOf(collection, vector, block)).map(({ id, score }) => ({
        id,
        score: rounded(score),
      }));
      best = [...best, ...scored].filter(({ score }) => score >= minScore).sort((a, b) => b.score - a.score);
      // The whole of a tie at the edge, which the paths will break.
      const least = best[k - 1]?.score;
      if (least !== undefined) best = best.filter(({ score }) => score >= least);
    }
    const scores = new Map(best.map(({ id, score }) => [id, score]));
    const found = await this.#read([...scores.keys()], vectors ? 'row' : 'record', 'Bounded');
    if (vectors) return rankedBy(vector, found.map(toRow)).slice(0, k);
    const hits = found.map(toRecord).map((row) => Object.assign(row, { score: scores.get(row.id) ?? -1 }));
    return hits.sort(byScore).slice(0, k);
  }

  /** What passes a filter of which Milvus can say only a part. */
  async *#passing(filter: PhotoFilter): AsyncGenerator<Block> {
    let ids: string[] = [];
    for await (const { id } of this.all({ filter })) {
      if (ids.push(id) < IDS) continue;
      yield { filter: idIn(ids), rows: ids.length };
      ids = [];
    }
    if (ids.length > 0) yield { filter: idIn(ids), rows: ids.length };
  }

  /** What Milvus cannot say is asked of its answers, of more of them in each round until enough pass. */
  async #nearestThatPass(vector: Float32Array, { k, minScore = -1, filter = {} }: SearchOptions): Promise<Hit[]> {
    const passes = unsaid(filter) ?? (() => true);
    const expression = expressionOf(filter);
    for (let asked = Math.min(k * FIRST_ROUND, MAX_ROWS); ; asked = Math.min(asked * LATER_ROUNDS, MAX_ROWS)) {
      const found = await this.#nearest(vector, { k: asked, minScore }, expression);
      const passing = found.filter(passes);
      if (passing.length >= k || found.length < asked) return passing.slice(0, k);
      if (asked === MAX_ROWS) break;
    }
    // What is so rare among the nearest is looked for among all rows, and only those that pass are searched.
    let best: Hit[] = [];
    for await (const { filter: some } of this.#passing(filter)) {
      const found = await this.#nearest(vector, { k, minScore }, some);
      best = [...best, ...found].sort(byScore).slice(0, k);
    }
    return best;
  }

  async #nearest(
    vector: Float32Array,
    { k: wanted, minScore = -1, vectors = false, seen }: Omit<SearchOptions, 'filter'> & Vectors,
    expression: string,
  ): Promise<Hit[]> {
    const k = Math.min(wanted, MAX_ROWS);
    const { collection, version } = await this.#generations.readable();
    // One more than asked shows whether a tie crosses the edge; then all of the tie must be seen to break it by path.
    for (let limit = Math.min(k + 1, MAX_ROWS); ; limit = Math.min(limit * 2, MAX_ROWS)) {
      const terms = {
        filter: expression,
        limit,
        metric_type: METRIC,
        params: searchParams(collection.kind, limit, expression === '' ? 'all' : 'filtered'),
      };
      const hits = vectors
        ? rankedBy(vector, await this.#rowsNear(vector, terms, seen))
        : ranked(await collection.search(vector, { ...terms, output_fields: fieldsOf(version, 'record') }));
      const tied = hits.length === limit && hits[k - 1]?.score === hits.at(-1)?.score;
      if (tied && limit < MAX_ROWS) continue;
      return hits.slice(0, k).filter(({ score }) => score >= minScore);
    }
  }

  #rowsNear(vector: Float32Array, terms: SearchTerms, seen?: SeenRows): Promise<PhotoRow[]> {
    const key = seen ?? this;
    let searches = this.#searches.get(key);
    if (searches === undefined) {
      searches = new JointSearch((vectors, asked) => this.#rowsNearEach(vectors, asked, seen ?? new Map()));
      this.#searches.set(key, searches);
    }
    return searches.search(vector, terms);
  }

  /**
   * The rows nearest to each of some vectors. Several find some of the same rows: those are told by their ids, and each is
   * read once. A server that is asked for vectors with a search reads them by itself afterwards, and waits for what is
   * recent then, so that this is the way there for one search, too.
   */
  async #rowsNearEach(vectors: readonly Float32Array[], terms: SearchTerms, seen: SeenRows): Promise<PhotoRow[][]> {
    const { collection, version } = await this.#generations.readable();
    if (vectors.length === 1 && collection.kind === 'lite') {
      const [found = []] = await collection.searchTogether(vectors, {
        ...terms,
        output_fields: fieldsOf(version, 'row'),
      });
      const rows = found.map(toRow);
      keep(rows, seen);
      return [rows];
    }
    const answers = await collection.searchTogether(vectors, { ...terms, output_fields: ['photo_id'] });
    const ids = answers.map((found) => found.map(({ photo_id }) => String(photo_id)));
    const known = await this.#seenOrRead(ids.flat(), seen);
    return ids.map((some) => some.flatMap((id) => known.get(id) ?? []));
  }

  async count(library?: string): Promise<number> {
    const { collection } = await this.#generations.readable();
    return collection.count(library === undefined ? '' : inLibrary(library));
  }

  /** The count, or what a server last noted of it, rather than load a collection for this; null when it is gone. */
  async roughCount(): Promise<number | null> {
    return (await this.#generations.readable()).collection.roughCount();
  }

  /** What it is indexed by, field by field; empty where nothing is. */
  async indexes(): Promise<ReadonlyMap<string, string>> {
    return (await this.#generations.readable()).collection.indexes();
  }

  async flush(): Promise<void> {
    for (const collection of await this.#generations.all()) await collection.flush();
  }
}

/** Best first, ties by path and then by library. */
function ranked(found: readonly MilvusRow[]): Hit[] {
  return found.map((row) => Object.assign(toRecord(row), { score: rounded(Number(row.score)) })).sort(byScore);
}

/** The same by products of our own: the last digit of a store's depends on what it searches for at the same time. */
function rankedBy(vector: Float32Array, found: readonly PhotoRow[]): VectorHit[] {
  const products = productsOf(
    vector,
    found.map((row) => row.vector),
  );
  return found.map((row, i) => withScore(row, rounded(products[i] as number))).sort(byScore);
}

/** A copy, as other searches may find the same row. Field by field: to take an object apart is slower than to rank it. */
function withScore(row: PhotoRow, score: number): VectorHit {
  const { id, path, sha256, size, mtimeMs, facts, library, takenMs, takenOffsetMinutes, takenFrom } = row;
  const { camera, width, height, quality, vector } = row;
  const stored = { id, path, sha256, size, mtimeMs, facts, library, takenMs, takenOffsetMinutes, takenFrom };
  return Object.assign(stored, { camera, width, height, quality, vector, score });
}

function keep(rows: readonly PhotoRow[], seen: SeenRows): void {
  for (const row of rows) seen.set(row.id, row);
  for (const id of seen.keys()) if (seen.size > SEEN) seen.delete(id);
}

function byScore(a: Hit, b: Hit): number {
  return b.score - a.score || order(a.path, b.path) || order(a.library, b.library);
}

/** Rounding errors may carry the inner product of unit vectors past 1 and make equal photos differ in the last digit. */
function rounded(score: number): number {
  return Math.max(-1, Math.min(1, Math.round(score * SCORE_STEPS) / SCORE_STEPS));
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
