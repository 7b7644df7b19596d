import type { CreateCollectionReq, DescribeCollectionResponse } from '@zilliz/milvus2-sdk-node';
import { UserError } from '../../errors.ts';
import type { ModelIdentity } from '../port.ts';
import type { Endpoint } from './endpoint.ts';

/** Raised when fields change: a collection of an earlier version is copied into one of this (upgrade.ts). */
export type PhotosVersion = 1 | 2;
const PHOTOS_NAME = /^curate_photos_v[12]_[0-9a-f]{12}$/;
const OUR_NAME = /^(.*)curate_(?:photos_v[12]_[0-9a-f]{12}|libraries_v[12])$/;
/** Version 1 has no state. */
export type LibrariesVersion = 1 | 2;

/** Bytes of UTF-8, as Milvus counts them. */
export const MAX_BYTES = {
  id: 64,
  library: 128,
  name: 1024,
  path: 8192,
  camera: 256,
  takenFrom: 16,
  state: 8192,
} as const;

/** Milvus wants a vector in every collection; libraries have none of their own. */
export const NO_VECTOR: readonly number[] = [1, 0];

interface Field {
  readonly name: string;
  readonly data_type: 'VarChar' | 'Int64' | 'Int32' | 'Double' | 'FloatVector';
  readonly max_length?: number;
  readonly dim?: number;
  readonly is_primary_key?: boolean;
}

/** What a collection of ours is called, holds, and says of itself. */
export interface CollectionSpec {
  readonly name: string;
  readonly fields: readonly Field[];
  /** Kept as collection properties: Lite loses descriptions. */
  readonly properties: Readonly<Record<string, string>>;
}

function varchar(name: string, max_length: number): Field {
  return { name, data_type: 'VarChar', max_length };
}

/** One collection per model: vectors of different models never meet. No nullable fields: 2.3 refuses them. */
export function photosSpec(model: ModelIdentity, version: PhotosVersion): CollectionSpec {
  return {
    name: `curate_photos_v${version}_${model.sha256.slice(0, 12)}`,
    fields: [
      { ...varchar('id', MAX_BYTES.id), is_primary_key: true },
      // The id once more: Lite leaves the primary key out of search hits.
      varchar('photo_id', MAX_BYTES.id),
      varchar('library', MAX_BYTES.library),
      varchar('path', MAX_BYTES.path),
      varchar('sha256', 64),
      { name: 'size', data_type: 'Int64' },
      { name: 'mtime_ms', data_type: 'Int64' },
      { name: 'taken_ms', data_type: 'Int64' },
      varchar('camera', MAX_BYTES.camera),
      { name: 'width', data_type: 'Int32' },
      { name: 'height', data_type: 'Int32' },
      { name: 'quality', data_type: 'Double' },
      ...(version === 1 ? [] : ADDED_IN_2),
      { name: 'vec', data_type: 'FloatVector', dim: model.dim },
    ],
    properties: {
      'curate.schema': String(version),
      'curate.model': model.id,
      'curate.sha256': model.sha256,
      'curate.dim': String(model.dim),
    },
  };
}

const ADDED_IN_2: readonly Field[] = [
  { name: 'taken_offset', data_type: 'Int32' },
  varchar('taken_from', MAX_BYTES.takenFrom),
  { name: 'facts', data_type: 'Int32' },
];

export function librariesSpec(version: LibrariesVersion): CollectionSpec {
  return {
    name: `curate_libraries_v${version}`,
    fields: [
      { ...varchar('id', MAX_BYTES.library), is_primary_key: true },
      varchar('name', MAX_BYTES.name),
      varchar('root', MAX_BYTES.path),
      ...(version === 1 ? [] : [varchar('state', MAX_BYTES.state)]),
      { name: 'vec', data_type: 'FloatVector', dim: NO_VECTOR.length },
    ],
    properties: { 'curate.schema': String(version) },
  };
}

export function createRequest(spec: CollectionSpec): CreateCollectionReq {
  return {
    collection_name: spec.name,
    fields: spec.fields.map((field) => ({ ...field })),
    properties: { ...spec.properties },
    consistency_level: 'Bounded',
  };
}

/** The model whose photos a described collection of such a name holds; null when it is not one of ours. */
export function modelOf(description: DescribeCollectionResponse): ModelIdentity | null {
  const properties = new Map(description.properties.map(({ key, value }) => [key, String(value)]));
  const [id, sha256, dim] = ['curate.model', 'curate.sha256', 'curate.dim'].map((key) => properties.get(key));
  if (id === undefined || sha256 === undefined || dim === undefined) return null;
  return { id, sha256, dim: Number(dim) };
}

export function isPhotosName(name: string): boolean {
  return PHOTOS_NAME.test(name);
}

/** What stands in front of the name of a collection of ours; null for others. */
export function prefixOf(name: string): string | null {
  return OUR_NAME.exec(name)?.[1] ?? null;
}

/**
 * Accepts a collection that is ours and as we would make it.
 * @throws UserError `store_foreign`: somebody else's collection is never read or written.
 */
export function checkOurs(description: DescribeCollectionResponse, spec: CollectionSpec, endpoint: Endpoint): void {
  const properties = new Map(description.properties.map(({ key, value }) => [key, String(value)]));
  const alien = Object.entries(spec.properties).find(
    ([key, value]) => properties.get(key) !== value && key !== 'curate.model',
  );
  const found = description.schema.fields.map((field) =>
    [field.name, field.data_type, field.dim].filter(Boolean).join(':'),
  );
  const wanted = spec.fields.map((field) => [field.name, field.data_type, field.dim].filter(Boolean).join(':'));
  if (alien === undefined && found.join() === wanted.join()) return;
  throw new UserError(
    'store_foreign',
    `The collection "${spec.name}" of ${endpoint.place} was not made by this version of curate.`,
    { hint: 'It is left untouched: rename or drop it there, or point MILVUS_URI at another database.' },
  );
}
