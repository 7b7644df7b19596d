import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { ModelIdentity, PhotoRow } from '../../src/store/port.ts';

const DIM = 8;

/** A model nobody used before, so a collection of its own. */
export function freshModel(dim = DIM): ModelIdentity {
  const id = `test-${randomUUID()}`;
  return { id, sha256: createHash('sha256').update(id).digest('hex'), dim };
}

export function unit(values: readonly number[]): Float32Array {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

/** A photo that a test needs only some fields of; its vector leans by `angle` from the first axis to the second. */
export function photo(path: string, some: Partial<PhotoRow> & { readonly angle?: number } = {}): PhotoRow {
  const { angle = 0, ...fields } = some;
  const library = fields.library ?? 'holiday';
  return {
    id: createHash('sha256').update(`${library}\0${path}`).digest('hex'),
    library,
    path,
    sha256: createHash('sha256').update(path).digest('hex'),
    size: 3_600_000,
    mtimeMs: 1_700_000_000_123,
    takenMs: 1_690_000_000_000,
    takenOffsetMinutes: 120,
    takenFrom: 'original',
    facts: 1,
    camera: 'Canon EOS 5D',
    width: 4032,
    height: 3024,
    quality: 12.5,
    vector: unit([Math.cos(angle), Math.sin(angle), 0, 0, 0, 0, 0, 0]),
    ...fields,
  };
}

export const FIRST_AXIS = unit([1, 0, 0, 0, 0, 0, 0, 0]);

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function byId<T extends { readonly id: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function recordOf({ vector: _, ...record }: PhotoRow): Omit<PhotoRow, 'vector'> {
  return record;
}

/** What folders and files may really be called. */
export const HOSTILE_NAMES = [
  ...[
    'a"b',
    "it's",
    'back\\slash',
    '100%',
    'under_score',
    'new\nline',
    'tab\there',
    'cr\rlf',
    '\u0001',
    '\x7f',
    '\u2028',
  ],
  ...[
    '\\u0041',
    '\\n',
    '\\x41',
    '" or id != "',
    '" and library == "',
    '{x}',
    '[a]',
    '*?',
    '日本語',
    'é',
    'e\u0301',
    '👩‍👩‍👧',
  ],
  ...['\u{10ffff}', '\uffff', 'x'.repeat(255), '日'.repeat(85), ' ', '.', '-', '0', "'", '\\', '\\"', '\\\\', '%', '_'],
];
const hostileName = fc
  .oneof(
    fc.constantFrom(...HOSTILE_NAMES),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  )
  .filter((name) => !/[/\0]/.test(name));
const hostilePath = fc.array(hostileName, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
/** A place for a photo: what its library and its path are called. */
export const hostilePlace = fc.record({ library: hostileName.filter(isLibraryId), path: hostilePath });

/** Ids of libraries are made by curate: strange ones do not happen, long ones even less. */
export function isLibraryId(name: string): boolean {
  return Buffer.byteLength(name) <= 128;
}

/** Every folder a path lies in, the library itself ("") first. */
export function parents(path: string): string[] {
  const names = path.split('/');
  return names.map((_, index) => names.slice(0, index).join('/'));
}
