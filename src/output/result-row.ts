import type { NamedTerm } from '../library/query/terms.ts';
import type { Likeness } from '../library/ranking/likeness.ts';
import type { RankedBy } from '../library/ranking/rerank.ts';
import type { Shown } from '../library/words/seen.ts';
import type { PhotoFacts } from './photo-facts.ts';
import { grouped } from './text.ts';

/** One search result: as it stands in the JSON document, and as the table and the contact sheets show it. */
export interface SearchResultRow extends PhotoFacts {
  /** From 1, best first. */
  readonly rank: number;
  /** Absolute native path. */
  readonly path: string;
  /** Cosine similarity in [-1, 1]. */
  readonly score: number;
  /** The score in words, by how rare such a pair of photos is; null where the score is no likeness of photos. */
  readonly likeness: Likeness | null;
  /** How sure it is that the photo shows the words; null where photos are among what is searched for. */
  readonly shown: Shown | null;
  /** "999 of 1,000 pairs": random pairs of the person's photos that are less alike; null where that is not known. */
  readonly closerThan: string | null;
  /** Why it has its rank. */
  readonly rankedBy: RankedBy;
  /** Why a search with words found it; null unless that was asked for. */
  readonly explanation: {
    /** What each photo and word that was searched for makes of it, in [0, 1]. */
    readonly terms: readonly (NamedTerm & { readonly share: number })[];
    /** What is seen in it, most of it first. */
    readonly seen: readonly SeenWord[];
  } | null;
  /** False while the photo's drive is away, and when its file is gone. */
  readonly available: boolean;
  /** False where this machine does not have the photo's library; the path then is NAME:/path/in/the/library. */
  readonly mounted: boolean;
}

/** A word for what is seen in a photo. */
export interface SeenWord {
  readonly word: string;
  /** Its part of the softmax, in [0, 1]. */
  readonly score: number;
  /** Which of several things of that name; null where there is but one. */
  readonly kind: string | null;
}

/** "crane (wading bird)" */
export function seenText({ word, kind }: SeenWord): string {
  return kind === null ? word : `${word} (${kind})`;
}

/** "999 of 1,000 pairs", of the share of pairs that are at least as similar; null stays null. */
export function closerThan(share: number | null): string | null {
  if (share === null) return null;
  const outOf = 10 ** Math.min(MOST_ZEROS, Math.max(1, Math.ceil(-Math.log10(share))));
  return `${grouped(outOf - Math.max(1, Math.ceil(share * outOf)))} of ${grouped(outOf)} pairs`;
}

/** No sample tells more apart. */
const MOST_ZEROS = 6;

const SHOWN = {
  clear: 'clearly shown',
  maybe: 'maybe shown',
  unlikely: 'hardly shown',
} as const satisfies Record<Shown, string>;

/** The likeness in words, or how sure it is that the photo shows what was looked for, where no column says what is meant. */
export function certaintyText({ likeness, shown }: SearchResultRow): string | null {
  return likeness ?? (shown && SHOWN[shown]);
}

/** "0.982"; never "-0.000". */
export function scoreText(score: number): string {
  return (Math.round(score * 1000) / 1000 || 0).toFixed(3);
}

/** "2024-06-15 14:32", by the camera's clock; null stays null. */
export function takenText(takenAt: string | null): string | null {
  return takenAt === null ? null : takenAt.slice(0, 16).replace('T', ' ');
}

/** "2024-06-15 14:32 (file)", by this machine's clock: for photos that do not say when they were taken. */
export function fileTimeText(modifiedAt: string): string {
  const time = new Date(modifiedAt);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())} (file)`;
}

/** The day by the camera's clock, or where `fileTimes` asks for it that of the file; null for neither. */
export function takenDay(
  { takenAt, modifiedAt }: SearchResultRow,
  fileTimes: boolean,
): { readonly day: string; readonly from: 'camera' | 'file' } | null {
  if (takenAt !== null) return { day: takenAt.slice(0, 10), from: 'camera' };
  return fileTimes ? { day: fileTimeText(modifiedAt).slice(0, 10), from: 'file' } : null;
}

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
  'mounted',
  'shown',
  'explanation',
] as const satisfies readonly (keyof SearchResultRow | 'name')[];
export type Field = (typeof FIELDS)[number];

/** What is printed of each photo. */
export interface Layout {
  readonly fields?: readonly Field[];
  /** Absolute; paths are printed relative to it. */
  readonly relativeTo?: string;
}
