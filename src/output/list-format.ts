import type { SearchResultRow } from './result-row.ts';

/** What results may be printed as, beside JSON; what prints them is loaded when there are some. */
export const FORMATS = ['table', 'paths', 'tsv', 'csv'] as const;
export type ListFormat = (typeof FORMATS)[number];

export const FIELDS = [
  'rank',
  'score',
  'rankedBy',
  'likeness',
  'closerThan',
  'path',
  'name',
  'library',
  'width',
  'height',
  'takenAt',
  'takenFrom',
  'camera',
  'modifiedAt',
  'sizeBytes',
  'available',
] as const satisfies readonly (keyof SearchResultRow | 'name')[];
export type Field = (typeof FIELDS)[number];

/** What is printed of each photo. */
export interface Layout {
  readonly fields?: readonly Field[];
  /** Absolute; paths are printed relative to it. */
  readonly relativeTo?: string;
}
