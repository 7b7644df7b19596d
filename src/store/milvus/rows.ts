import type { RowData } from '@zilliz/milvus2-sdk-node';
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import type { Library, PhotoRecord, PhotoRow, StoredPhoto } from '../port.ts';
import { MAX_BYTES, NO_VECTOR, type PhotosVersion } from './schema.ts';

/** A row as the SDK gives it: Int64 come as strings. */
export type MilvusRow = Readonly<Record<string, unknown>>;

const STORED_FIELDS = ['id', 'path', 'sha256', 'size', 'mtime_ms'];
/** `photo_id` for `id`: Lite leaves the primary key out of search hits. */
const RECORD_FIELDS = [
  'photo_id',
  'library',
  'path',
  'sha256',
  'size',
  'mtime_ms',
  'taken_ms',
  'camera',
  'width',
  'height',
  'quality',
];

/** What to ask a collection of a version for, by what is wanted. */
export function fieldsOf(version: PhotosVersion, wanted: 'stored' | 'record' | 'row'): string[] {
  if (wanted === 'stored') return version === 1 ? STORED_FIELDS : [...STORED_FIELDS, 'facts'];
  const record = version === 1 ? RECORD_FIELDS : [...RECORD_FIELDS, 'taken_offset', 'taken_from', 'facts'];
  return wanted === 'record' ? record : [...record, 'vec'];
}

/** Stands for an offset that is not known: no clock is two months ahead of UTC. */
const NO_OFFSET = 100_000;

/** How far a squared length may be from 1: float32 rounding of 2048 terms stays far below. */
const UNIT_TOLERANCE = 1e-3;

/**
 * '' and 0 stand for absent: servers of 2.3 know no null. A photo taken in the very first millisecond of 1970,
 * which is what a camera without a clock says, therefore counts as undated. `mtimeMs` is kept in whole milliseconds.
 * @throws UserError `store_row` when the store could not hold the row as it is.
 */
export function toMilvus(row: PhotoRow, dim: number): RowData {
  checkVector(row, dim);
  checkBytes(row.path, 'path', MAX_BYTES.path);
  return {
    id: row.id,
    photo_id: row.id,
    library: row.library,
    path: row.path,
    sha256: row.sha256,
    size: row.size,
    mtime_ms: Math.round(row.mtimeMs),
    taken_ms: Math.round(row.takenMs ?? 0),
    camera: clip(row.camera ?? '', MAX_BYTES.camera),
    width: row.width,
    height: row.height,
    quality: Number.isFinite(row.quality) ? row.quality : 0,
    taken_offset: row.takenOffsetMinutes ?? NO_OFFSET,
    taken_from: clip(row.takenFrom ?? '', MAX_BYTES.takenFrom),
    facts: row.facts,
    vec: row.vector,
  };
}

export function toStored(row: MilvusRow): StoredPhoto {
  return {
    id: text(row.id ?? row.photo_id),
    path: text(row.path),
    sha256: text(row.sha256),
    size: Number(row.size),
    mtimeMs: Number(row.mtime_ms),
    facts: Number(row.facts ?? 0),
  };
}

export function toRecord(row: MilvusRow): PhotoRecord {
  // Added rather than spread into another object, which takes twenty times as long, for each hit of every search.
  return Object.assign(toStored(row), {
    library: text(row.library),
    takenMs: Number(row.taken_ms) || null,
    takenOffsetMinutes: offsetOf(row.taken_offset),
    takenFrom: text(row.taken_from) || null,
    camera: text(row.camera) || null,
    width: Number(row.width),
    height: Number(row.height),
    quality: Number(row.quality),
  });
}

function offsetOf(value: unknown): number | null {
  const offset = Number(value ?? NO_OFFSET);
  return offset === NO_OFFSET ? null : offset;
}

export function toRow(row: MilvusRow): PhotoRow {
  const { vec } = row;
  // The packed SDK gives it as it is to be.
  return Object.assign(toRecord(row), {
    vector: vec instanceof Float32Array ? vec : new Float32Array(vec as number[]),
  });
}

export const LIBRARY_FIELDS = ['id', 'name', 'root'];

export function libraryToMilvus({ id, name, root, ...state }: Library): RowData {
  checkBytes(root, 'root', MAX_BYTES.path);
  checkBytes(name, 'name', MAX_BYTES.name);
  const written = JSON.stringify(librarySchema.parse(state));
  checkBytes(written, 'state of a library', MAX_BYTES.state);
  return { id, name, root, state: written, vec: [...NO_VECTOR] };
}

/** @throws UserError `store_foreign` for a row that curate did not write */
export function toLibrary(row: MilvusRow): Library {
  const kept = { id: text(row.id), name: text(row.name), root: text(row.root) };
  if (row.state === undefined) return kept;
  try {
    return { ...kept, ...librarySchema.parse(JSON.parse(text(row.state))) };
  } catch (error) {
    throw new UserError('store_foreign', `What the store keeps of the library ${kept.name} cannot be read.`, {
      hint: 'A newer version of curate may have written it: update this one.',
      cause: error,
    });
  }
}

/** What is kept of a library in one text, so that a later version can add to it. */
const librarySchema = z.object({
  model: z.string().exactOptional(),
  generation: z.number().exactOptional(),
  mark: z.string().exactOptional(),
  marks: z.record(z.string(), z.string()).exactOptional(),
  lease: z
    .object({ token: z.string(), machine: z.string(), holder: z.string(), since: z.number(), until: z.number() })
    .exactOptional(),
  arriving: z.string().exactOptional(),
});

/** A NaN would poison every search it meets, and Lite takes it without a word. */
function checkVector(row: PhotoRow, dim: number): void {
  const { vector } = row;
  let squares = 0;
  for (const value of vector) squares += value * value;
  // Also false for NaN and infinities.
  if (vector.length === dim && Math.abs(squares - 1) < UNIT_TOLERANCE) return;
  const what =
    vector.length === dim ? `has length ${Math.sqrt(squares)}, not 1` : `has ${vector.length} values, not ${dim}`;
  throw new UserError('store_row', `The vector of ${row.path} ${what}.`, {
    hint: 'The model and its description do not fit together: choose another with --model.',
  });
}

function checkBytes(value: string, what: string, limit: number): void {
  const bytes = Buffer.byteLength(value);
  if (bytes > limit)
    throw new UserError('store_row', `A ${what} of ${bytes} bytes is too long to store (${limit}): ${value}`);
}

/** The beginning of a text that fits into `limit` bytes, never half a character. */
function clip(value: string, limit: number): string {
  if (Buffer.byteLength(value) <= limit) return value;
  const kept = new TextDecoder().decode(Buffer.from(value).subarray(0, limit), { stream: true });
  return kept;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
