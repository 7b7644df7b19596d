import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { SearchResultRow } from '../../src/output/result-row.ts';

const photos = fileURLToPath(new URL('../../fixtures/photos', import.meta.url));

/** Absolute paths of all fixture photos. */
export const fixturePhotos: readonly string[] = readdirSync(photos, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort();

export function resultRow(overrides: Partial<SearchResultRow> = {}): SearchResultRow {
  return {
    rank: 1,
    path: '/photos/2024/kitten.jpg',
    score: 0.9817,
    likeness: null,
    shown: null,
    closerThan: null,
    rankedBy: 'agreement',
    explanation: null,
    library: 'photos',
    width: 1200,
    height: 800,
    takenAt: '2024-06-15T14:32:10.000Z',
    takenFrom: 'original',
    camera: 'Canon EOS 5D',
    modifiedAt: '2024-06-16T08:00:00.000Z',
    sizeBytes: 3_600_000,
    available: true,
    mounted: true,
    ...overrides,
  };
}

/** `k` results that cycle through the fixture photos. */
export function manyResults(k: number): SearchResultRow[] {
  return Array.from({ length: k }, (_, i) =>
    resultRow({ rank: i + 1, score: 0.99 - i / 1000, path: fixturePhotos[i % fixturePhotos.length] ?? '' }),
  );
}

const nasty = [
  '"',
  "'",
  '<',
  '>',
  '&',
  '`',
  '#',
  '?',
  '%',
  '\\',
  ' ',
  '\n',
  '\r',
  '\t',
  '\u001b[31m',
  '\u0007',
  '\u009b',
  '\u202e',
  '\u200f',
];
const readable = [
  '-->',
  '</figure>',
  '<script>',
  'a',
  'é',
  'é',
  '日本',
  '😀',
  '👩‍👩‍👧',
  'שלום',
  '\u2028',
  '\ud800',
  '\uffff',
];

/** File names as hostile as file systems allow. */
export const hostileName: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...nasty, ...readable), fc.string({ unit: 'binary', maxLength: 6 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => parts.join('').replace(/[/\0]/g, '_'))
  .filter((name) => name !== '.' && name !== '..');

export const hostilePath: fc.Arbitrary<string> = fc
  .array(hostileName, { minLength: 1, maxLength: 5 })
  .map((parts) => `/${parts.join('/')}`);

/** Anything that could drive a terminal or upset a line. */
export const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
