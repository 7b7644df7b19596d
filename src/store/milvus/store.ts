import type { IndexedModel, Library, PhotoStore } from '../port.ts';
import type { MilvusLine } from './client.ts';
import { Collection, describe } from './collection.ts';
import { quote } from './filter.ts';
import { pagesOf } from './pages.ts';
import { MilvusTable } from './photo-table.ts';
import { libraryToMilvus, toLibrary } from './rows.ts';
import { isPhotosName, librariesSpec, modelOf } from './schema.ts';

/** A PhotoStore on any Milvus: the embedded Lite 3.2, a server from 2.3 on, Zilliz Cloud. */
export function milvusStore(line: MilvusLine): PhotoStore {
  const libraries = new Collection(line, librariesSpec());
  const tables = new Map<string, MilvusTable>();

  return {
    get kind() {
      return line.endpoint.kind;
    },

    async libraries({ recent = true } = {}) {
      const found: Library[] = [];
      const consistency = recent ? 'Strong' : 'Bounded';
      for await (const page of pagesOf(libraries, { fields: ['id', 'name', 'root'], consistency })) {
        for (const row of page) found.push(toLibrary(row));
      }
      return found;
    },

    async putLibrary(library) {
      await libraries.upsert([libraryToMilvus(library)]);
    },

    async removeLibrary(id) {
      await libraries.remove(`id == ${quote(id)}`);
    },

    models: () => indexedModels(line),

    table(model) {
      const table = tables.get(model.sha256) ?? new MilvusTable(line, model);
      tables.set(model.sha256, table);
      return table;
    },

    async close() {
      await line.close();
    },
  };
}

async function indexedModels(line: MilvusLine): Promise<IndexedModel[]> {
  const { data } = await line.call((client) => client.showCollections());
  const found = new Map<string, IndexedModel>();
  for (const { name } of data.filter(({ name }) => isPhotosName(name))) {
    const description = await describe(line, name);
    const model = description === null ? null : modelOf(description);
    if (model === null || found.has(model.sha256)) continue;
    found.set(model.sha256, { model, photos: await new MilvusTable(line, model).roughCount() });
  }
  return [...found.values()].sort((a, b) => (a.model.id < b.model.id ? -1 : 1));
}
