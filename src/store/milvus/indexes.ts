import { layoutOf } from './capabilities.ts';
import type { MilvusLine } from './client.ts';
import type { MilvusFailure } from './failure.ts';
import type { MilvusClient } from './sdk.ts';

/**
 * Makes the index of a collection's vectors, without which a server loads nothing. Asked for again when it exists, which
 * is no error: the process that made the collection may have been stopped before.
 */
export async function indexVectors(line: MilvusLine, collection_name: string): Promise<void> {
  const { index } = layoutOf({ home: line.endpoint.kind });
  if (index === null) return;
  const make = (client: MilvusClient) => client.createIndex({ collection_name, field_name: 'vec', ...index });
  const made = await line.attempt(make, ({ kind }) => kind === 'denied');
  // Whoever may only read finds it made by others.
  if (made === null && !(await describeIndexes(line, collection_name)).has('vec')) await line.call(make);
}

/** Makes the indexes for filters, each unless it exists; without a type, so that a server takes its own best. */
export async function indexFields(
  line: MilvusLine,
  collection_name: string,
  fields: ReadonlySet<string>,
): Promise<void> {
  const { indexedFields } = layoutOf({ home: line.endpoint.kind });
  for (const field of indexedFields.filter((field) => fields.has(field))) {
    await line.attempt(
      (client) => client.createIndex({ collection_name, field_name: field, index_name: field }),
      // Filters work without, only slower.
      ({ kind }) => kind === 'denied',
    );
  }
}

/** What a collection is indexed by, field by field: "HNSW (M 16, efConstruction 200)"; empty before it is made. */
export async function describeIndexes(line: MilvusLine, collection_name: string): Promise<Map<string, string>> {
  const nothingYet = ({ kind, reason }: MilvusFailure): boolean =>
    kind === 'missing' || kind === 'denied' || /index not found|index not exist/i.test(reason);
  const found = await line.attempt((client) => client.describeIndex({ collection_name }), nothingYet);
  const described = (found?.index_descriptions ?? []).map(({ field_name, index_name, params }): [string, string] => {
    const { index_type = index_name, params: built = '{}' } = Object.fromEntries(
      params.map(({ key, value }) => [key, String(value)]),
    );
    const details = Object.entries(JSON.parse(built) as Record<string, unknown>).map(
      ([name, value]) => `${name} ${value}`,
    );
    return [field_name, details.length === 0 ? index_type : `${index_type} (${details.join(', ')})`];
  });
  return new Map(described);
}
