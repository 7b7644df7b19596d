import { z } from 'zod';
import type { IndexedModel, Library, ModelIdentity, PhotoStore, StoreAbout } from '../port.ts';
import { capabilitiesOf, memoryOf } from './capabilities.ts';
import { type MilvusLine, versionSaid } from './client.ts';
import { Collection, type Consistency, describe } from './collection.ts';
import { quote } from './filter.ts';
import { pagesOf } from './pages.ts';
import { MilvusTable } from './photo-table.ts';
import { LIBRARY_FIELDS, libraryToMilvus, toLibrary } from './rows.ts';
import { isPhotosName, librariesSpec, modelOf, prefixOf } from './schema.ts';

/** A PhotoStore on any Milvus: the embedded Lite 3.2, a server from 2.3.4 on, Zilliz Cloud. */
export function milvusStore(line: MilvusLine): PhotoStore {
  const libraries = new Libraries(line);
  const tables = new Map<string, MilvusTable>();
  const tableOf = (model: ModelIdentity): MilvusTable => {
    const table = tables.get(model.sha256) ?? new MilvusTable(line, model);
    tables.set(model.sha256, table);
    return table;
  };

  return {
    get kind() {
      return line.endpoint.kind;
    },

    identity: async () => (line.endpoint.kind === 'lite' ? null : libraries.identity()),

    libraries: ({ recent = true } = {}) => libraries.list(recent ? 'Strong' : 'Bounded'),
    putLibrary: (library) => libraries.put(library),
    removeLibrary: (id) => libraries.remove(id),

    models: () => indexedModels(line),

    about: (model) => aboutStore(line, tableOf(model), model.dim),

    table: tableOf,

    async close() {
      await line.close();
    },
  };
}

/** In front of the names of collections of ours, of whomever they are: '' and those that keep indexes apart. */
export async function prefixesIn(line: MilvusLine): Promise<string[]> {
  const { data } = await line.call((client) => client.showCollections());
  const found = data.flatMap(({ name }) => prefixOf(name) ?? []);
  return [...new Set(found)].sort();
}

async function aboutStore(line: MilvusLine, table: MilvusTable, dim: number): Promise<StoreAbout> {
  const { kind } = line.endpoint;
  const said = await line.call(async (client) => versionSaid(client));
  const { home, version, ...can } = capabilitiesOf(kind, said);
  const { vec: index = null, ...fields } = Object.fromEntries(await table.indexes());
  if (home === 'lite') return { version, index, server: null };
  const server = {
    ...can,
    indexedFields: Object.keys(fields).sort(),
    photoMemory: memoryOf(1, dim),
    memory: await memoryOfServer(line),
  };
  return { version, index, server };
}

/** Bytes of all query nodes; null where nobody says, or not to this account. */
async function memoryOfServer(line: MilvusLine): Promise<number | null> {
  const found = await line.attempt(
    (client) => client.getMetric({ request: { metric_type: 'system_info' } }),
    () => true,
  );
  const parsed = metricsSchema.safeParse(found?.response);
  if (!parsed.success) return null;
  const nodes = parsed.data.nodes_info.filter(({ infos }) => infos.type === 'querynode');
  const memory = nodes.reduce((sum, { infos }) => sum + (infos.hardware_infos?.memory ?? 0), 0);
  return memory > 0 ? memory : null;
}

const metricsSchema = z.object({
  nodes_info: z.array(
    z.object({
      infos: z.object({ type: z.string().optional(), hardware_infos: z.object({ memory: z.number() }).optional() }),
    }),
  ),
});

/** The collection of libraries, and the one that curate 0.1.0 made, which is read until something is written. */
class Libraries {
  readonly #current: Collection;
  readonly #earlier: Collection;

  constructor(line: MilvusLine) {
    this.#current = new Collection(line, librariesSpec(2));
    this.#earlier = new Collection(line, librariesSpec(1));
  }

  async list(consistency: Consistency): Promise<Library[]> {
    const [earlier, current] = await Promise.all([
      // Looked up each time, since another machine may have dropped it.
      this.#earlier.exists().then((there) => (there ? listed(this.#earlier, LIBRARY_FIELDS, consistency) : [])),
      listed(this.#current, [...LIBRARY_FIELDS, 'state'], consistency),
    ]);
    const found = new Map([...earlier, ...current].map((library) => [library.id, library]));
    return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  identity(): Promise<string | null> {
    return this.#current.identity();
  }

  async put(library: Library): Promise<void> {
    await this.#upgrade();
    await this.#current.upsert([libraryToMilvus(library)]);
  }

  async remove(id: string): Promise<void> {
    await this.#upgrade();
    await this.#current.remove(`id == ${quote(id)}`);
  }

  /** Copies what curate 0.1.0 kept and drops it; two machines that do so at once write the same. */
  async #upgrade(): Promise<void> {
    if (!(await this.#earlier.exists())) return;
    const current = await listed(this.#current, ['id', 'name', 'root', 'state'], 'Strong');
    const known = new Set(current.map(({ id }) => id));
    const earlier = await listed(this.#earlier, LIBRARY_FIELDS, 'Strong');
    const missing = earlier.filter(({ id }) => !known.has(id));
    if (missing.length > 0) await this.#current.upsert(missing.map(libraryToMilvus));
    await this.#earlier.drop();
  }
}

async function listed(collection: Collection, fields: readonly string[], consistency: Consistency): Promise<Library[]> {
  const found: Library[] = [];
  for await (const page of pagesOf(collection, { fields, consistency })) found.push(...page.map(toLibrary));
  return found;
}

async function indexedModels(line: MilvusLine): Promise<IndexedModel[]> {
  const { prefix } = line.endpoint;
  const shown = await line.attempt(
    (client) => client.showCollections(),
    // The database is made by the first upsert.
    (failure) => failure.kind === 'missing',
  );
  const data = shown?.data ?? [];
  const found = new Map<string, IndexedModel>();
  for (const { name } of data.filter(
    ({ name }) => name.startsWith(prefix) && isPhotosName(name.slice(prefix.length)),
  )) {
    const description = await describe(line, name);
    const model = description === null ? null : modelOf(description);
    if (model === null || found.has(model.sha256)) continue;
    const photos = await new MilvusTable(line, model).roughCount();
    if (photos !== null) found.set(model.sha256, { model, photos });
  }
  return [...found.values()].sort((a, b) => (a.model.id < b.model.id ? -1 : 1));
}
