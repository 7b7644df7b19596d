import type {
  Hit,
  Library,
  ModelCollection,
  ModelIdentity,
  PhotoRow,
  PhotoStore,
  SearchOptions,
  StoredPhoto,
} from '../port.ts';
import type { MilvusLine } from './client.ts';
import { Collection, describe } from './collection.ts';
import { expressionOf, idIn, inLibrary, libraryAfter, quote } from './filter.ts';
import {
  libraryToMilvus,
  RECORD_FIELDS,
  ROW_FIELDS,
  STORED_FIELDS,
  toLibrary,
  toMilvus,
  toRecord,
  toRow,
  toStored,
} from './rows.ts';
import { isPhotosName, librariesSpec, METRIC, modelOf, photosSpec } from './schema.ts';

/** The most rows Milvus gives to one query or search. */
const PAGE = 16_384;
/** Rows of one upsert. */
const UPSERT_ROWS = 1000;
/** Ids of one `in [...]`. */
const IDS = 1000;
/** The graph search of HNSW looks at no fewer candidates than this. */
const MIN_EF = 64;
/** Scores are float32 sums of some 2048 products: what differs by less than a millionth is a tie. */
const SCORE_STEPS = 1e6;

/** A PhotoStore on any Milvus: the embedded Lite 3.2, a server from 2.3 on, Zilliz Cloud. */
export function milvusStore(line: MilvusLine, model: ModelIdentity): PhotoStore {
  const photos = new Collection(line, photosSpec(model));
  const libraries = new Collection(line, librariesSpec());

  return {
    get kind() {
      return line.endpoint.kind;
    },

    async libraries() {
      const rows = await libraries.query({
        filter: 'id > ""',
        fields: ['id', 'name', 'root'],
        limit: PAGE,
        sorted: true,
      });
      return rows.map(toLibrary);
    },

    async putLibrary(library: Library) {
      await libraries.upsert([libraryToMilvus(library)]);
    },

    async removeLibrary(id) {
      await libraries.remove(`id == ${quote(id)}`);
    },

    async *photos(library): AsyncIterable<StoredPhoto> {
      for (let last = ''; ; ) {
        const filter = libraryAfter(library, last);
        const rows = await photos.query({ filter, fields: STORED_FIELDS, limit: PAGE, sorted: true });
        const page = rows.map(toStored);
        yield* page;
        last = page.at(-1)?.id ?? '';
        if (page.length < PAGE) return;
      }
    },

    async rows(ids) {
      const rows: PhotoRow[] = [];
      for (const some of chunks([...new Set(ids)], IDS)) {
        const found = await photos.query({ filter: idIn(some), fields: ROW_FIELDS, limit: IDS, sorted: false });
        for (const row of found) rows.push(toRow(row));
      }
      return rows;
    },

    async upsert(rows) {
      // Two rows of one id within a batch would both stay: the last one wins here.
      const distinct = new Map(rows.map((row) => [row.id, row]));
      const checked = [...distinct.values()].map((row) => toMilvus(row, model.dim));
      for (const batch of chunks(checked, UPSERT_ROWS)) await photos.upsert(batch);
    },

    async remove(ids) {
      for (const some of chunks(ids, IDS)) await photos.remove(idIn(some));
    },

    async search(vector, options) {
      const k = Math.min(options.k, PAGE);
      // One more than asked shows whether a tie crosses the edge; then all of the tie must be seen to break it by path.
      for (let limit = Math.min(k + 1, PAGE); ; limit = Math.min(limit * 2, PAGE)) {
        const hits = await searchOnce(photos, vector, limit, options);
        const tied = hits.length === limit && hits[k - 1]?.score === hits.at(-1)?.score;
        if (tied && limit < PAGE) continue;
        const { minScore = -1 } = options;
        return hits.slice(0, k).filter(({ score }) => score >= minScore);
      }
    },

    async count(library) {
      return photos.count(library === undefined ? '' : inLibrary(library));
    },

    collections: () => modelCollections(line),

    async flush() {
      await photos.flush();
    },

    async close() {
      await line.close();
    },
  };
}

/** Best first, ties by path and then by library. */
async function searchOnce(
  photos: Collection,
  vector: Float32Array,
  limit: number,
  { filter }: SearchOptions,
): Promise<Hit[]> {
  const expression = filter === undefined ? '' : expressionOf(filter);
  const found = await photos.search({
    data: [...vector],
    filter: expression,
    limit,
    output_fields: [...RECORD_FIELDS],
    metric_type: METRIC,
    params: photos.kind === 'server' ? { ef: Math.max(MIN_EF, limit) } : {},
  });
  const hits = found.map((row) => ({ ...toRecord(row), score: cosine(Number(row.score)) }));
  return hits.sort((a, b) => b.score - a.score || order(a.path, b.path) || order(a.library, b.library));
}

/** Rounding errors may carry the inner product of unit vectors past 1 and make equal photos differ in the last digit. */
function cosine(score: number): number {
  return Math.max(-1, Math.min(1, Math.round(score * SCORE_STEPS) / SCORE_STEPS));
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

async function modelCollections(line: MilvusLine): Promise<ModelCollection[]> {
  const { data } = await line.call((client) => client.showCollections());
  const found: ModelCollection[] = [];
  for (const { name } of data.filter(({ name }) => isPhotosName(name))) {
    const description = await describe(line, name);
    const model = description === null ? null : modelOf(description);
    if (model === null) continue;
    found.push({ model, photos: await new Collection(line, photosSpec(model)).roughCount() });
  }
  return found.sort((a, b) => order(a.model.id, b.model.id));
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
