import type { MilvusLine } from '../../src/store/milvus/client.ts';
import type { Library, ModelIdentity, PhotoRow } from '../../src/store/port.ts';

/** Makes a model's collection and puts rows into it as curate 0.1.0 did. Not to be changed: such indexes exist. */
export async function writeVersion1(line: MilvusLine, model: ModelIdentity, rows: readonly PhotoRow[]): Promise<void> {
  const collection_name = `curate_photos_v1_${model.sha256.slice(0, 12)}`;
  await line.call((client) =>
    client.createCollection({
      collection_name,
      fields: [
        { name: 'id', data_type: 'VarChar', max_length: 64, is_primary_key: true },
        { name: 'photo_id', data_type: 'VarChar', max_length: 64 },
        { name: 'library', data_type: 'VarChar', max_length: 128 },
        { name: 'path', data_type: 'VarChar', max_length: 8192 },
        { name: 'sha256', data_type: 'VarChar', max_length: 64 },
        { name: 'size', data_type: 'Int64' },
        { name: 'mtime_ms', data_type: 'Int64' },
        { name: 'taken_ms', data_type: 'Int64' },
        { name: 'camera', data_type: 'VarChar', max_length: 256 },
        { name: 'width', data_type: 'Int32' },
        { name: 'height', data_type: 'Int32' },
        { name: 'quality', data_type: 'Double' },
        { name: 'vec', data_type: 'FloatVector', dim: model.dim },
      ],
      properties: {
        'curate.schema': '1',
        'curate.model': model.id,
        'curate.sha256': model.sha256,
        'curate.dim': String(model.dim),
      },
      consistency_level: 'Bounded',
    }),
  );
  if (line.endpoint.kind === 'server') {
    const index = { index_type: 'HNSW', metric_type: 'IP', params: { M: 16, efConstruction: 200 } };
    await line.call((client) => client.createIndex({ collection_name, field_name: 'vec', ...index }));
    await line.call((client) => client.loadCollectionSync({ collection_name }));
  }
  const data = rows.map((row) => ({
    id: row.id,
    photo_id: row.id,
    library: row.library,
    path: row.path,
    sha256: row.sha256,
    size: row.size,
    mtime_ms: row.mtimeMs,
    taken_ms: row.takenMs ?? 0,
    camera: row.camera ?? '',
    width: row.width,
    height: row.height,
    quality: row.quality,
    vec: row.vector,
  }));
  for (let from = 0; from < data.length; from += 1000) {
    await line.call((client) => client.upsert({ collection_name, data: data.slice(from, from + 1000) }));
  }
}

/** The same for a library. @returns the name of its collection */
export async function writeLibraryOfVersion1(line: MilvusLine, { id, name, root }: Library): Promise<string> {
  const collection_name = `${line.endpoint.prefix}curate_libraries_v1`;
  await line.call((client) =>
    client.createCollection({
      collection_name,
      fields: [
        { name: 'id', data_type: 'VarChar', max_length: 128, is_primary_key: true },
        { name: 'name', data_type: 'VarChar', max_length: 1024 },
        { name: 'root', data_type: 'VarChar', max_length: 8192 },
        { name: 'vec', data_type: 'FloatVector', dim: 2 },
      ],
      properties: { 'curate.schema': '1' },
      consistency_level: 'Bounded',
    }),
  );
  if (line.endpoint.kind === 'server') {
    const index = { index_type: 'HNSW', metric_type: 'IP', params: { M: 16, efConstruction: 200 } };
    await line.call((client) => client.createIndex({ collection_name, field_name: 'vec', ...index }));
    await line.call((client) => client.loadCollectionSync({ collection_name }));
  }
  await line.call((client) => client.upsert({ collection_name, data: [{ id, name, root, vec: [1, 0] }] }));
  return collection_name;
}
