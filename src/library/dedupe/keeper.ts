import { foldedName } from '../../files/names.ts';
import { type FrameQuality, frameScore } from '../../photos/frame.ts';
import type { Carried } from '../../photos/metadata/carried.ts';
import type { PhotoRecord } from '../../store/port.ts';
import type { Compression } from './same-picture.ts';

/** What decides which photo stays. */
export const RULES = [
  'protect',
  'prefer',
  'unrejected',
  'original',
  'raw',
  'pixels',
  'metadata',
  'compression',
  'frame',
  'sharpness',
  'bytes',
  'path',
] as const;
export type Rule = (typeof RULES)[number];

/**
 * Unless asked for, a RAW file is no better than what was made of it, frames are not judged, and that one was rejected says
 * nothing of another file of the same picture.
 */
const DEFAULT: readonly Rule[] = RULES.filter((rule) => rule !== 'raw' && rule !== 'frame' && rule !== 'unrejected');

/** What the rules look at. */
export interface Contender {
  /** Absolute native path. */
  readonly file: string;
  readonly record: Pick<PhotoRecord, 'width' | 'height' | 'size' | 'quality' | 'takenMs' | 'takenFrom' | 'camera'>;
  readonly carried: Carried;
  /** Of a JPEG; null of any other photo. */
  readonly compression: Compression | null;
  /** WebP, AVIF or GIF, which programs export to. */
  readonly isForWeb: boolean;
  readonly isProtected: boolean;
  /** Place of its folder among the preferred ones, from 0; null when it lies in none. */
  readonly preference: number | null;
  readonly isRaw: boolean;
  readonly hasRawBeside: boolean;
  readonly hasFilmBeside: boolean;
  /** Whether a sidecar tells what a program made of it: its own (AAE, PP3, DOP), or XMP with what was developed. */
  readonly hasEditsBeside: boolean;
  /** Of a frame of a burst whose best ones are looked for; null of any other photo. */
  readonly frame: FrameQuality | null;
}

/** All rules in the order in which they count: what is protected first, then those asked for, the path last. */
export function rulesFirst(asked: readonly Rule[]): Rule[] {
  const order: Rule[] = ['protect', ...asked, ...DEFAULT];
  return [...new Set(order.filter((rule) => rule !== 'path')), 'path'];
}

/**
 * The order in which frames of a burst are kept: those that were rejected last. Cameras that aim at a size compress the sharpest frames most, so that
 * compression says nothing there unless it is asked for.
 */
export function burstRules(asked: readonly Rule[]): Rule[] {
  return rulesFirst(['unrejected', ...asked]).filter((rule) => rule !== 'compression' || asked.includes(rule));
}

/**
 * The order in which the frames of a burst are kept when the best are looked for: whatever folder or name they have, and
 * at their full size. What is protected does not go in any case.
 */
export function framesFirst(asked: readonly Rule[]): Rule[] {
  return burstRules([...asked, 'pixels', 'frame']).filter((rule) => rule !== 'protect');
}

/** Less than 0 when `a` is to be kept rather than `b`; 0 for one file only, so that the order is total. */
export function compareContenders(a: Contender, b: Contender, rules: readonly Rule[]): number {
  const rule = decidingRule(a, b, rules);
  return rule === 'path' ? (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) : worth(b, rule) - worth(a, rule);
}

/** The first rule that tells two photos apart: `path` where nothing else does. */
export function decidingRule(a: Contender, b: Contender, rules: readonly Rule[]): Rule {
  return rules.find((rule) => rule !== 'path' && worth(a, rule) !== worth(b, rule)) ?? 'path';
}

/** The more, the better. */
function worth(photo: Contender, rule: Rule): number {
  const { record, carried } = photo;
  switch (rule) {
    case 'protect':
      return Number(photo.isProtected);
    case 'prefer':
      return photo.preference === null ? Number.NEGATIVE_INFINITY : -photo.preference;
    case 'unrejected':
      return Number(carried.rating !== -1);
    case 'original':
      // What came out of the camera has its RAW or film beside it, or says which camera and when.
      return (
        4 * Number(photo.hasRawBeside || photo.hasFilmBeside) +
        2 * Number(isFromCamera(photo)) +
        Number(!isDerivedName(photo.file))
      );
    case 'raw':
      return Number(photo.isRaw || photo.hasRawBeside);
    case 'pixels':
      return pixels(photo);
    case 'metadata':
      return [carried.gps, (carried.rating ?? 0) > 0, carried.keywords > 0, record.takenMs !== null].filter(Boolean)
        .length;
    case 'compression':
      return photo.isForWeb ? Number.NEGATIVE_INFINITY : -stepClass(photo.compression);
    case 'frame':
      return photo.frame === null ? Number.NEGATIVE_INFINITY : Math.round(frameScore(photo.frame) / VISIBLY_BETTER);
    case 'sharpness':
      return Math.round(Math.log(record.quality + 1) / Math.log(VISIBLY_SHARPER));
    case 'bytes':
      return -record.size;
    case 'path':
      return 0;
  }
}

/** In steps of so much: less is noise of the measure. */
const VISIBLY_SHARPER = 1.1;
/** The same of a frame's score, which is that of an amplitude's logarithm and not of a variance. */
const VISIBLY_BETTER = Math.log(VISIBLY_SHARPER) / 2;

/**
 * How coarse a JPEG's compression is, in steps of half as much again: what a stronger one adds (edges of blocks, ringing)
 * counts as detail, and takes fewer bytes. Of other formats it is not known, so that they count as fine.
 */
function stepClass(compression: Compression | null): number {
  return compression === null ? 0 : Math.max(0, Math.round(Math.log(compression.step) / Math.log(VISIBLY_COARSER)));
}

const VISIBLY_COARSER = 1.5;

export function pixels({ record: { width, height } }: Contender): number {
  return width * height;
}

function isFromCamera({ record: { camera, takenFrom } }: Contender): boolean {
  return camera !== null && takenFrom === 'original';
}

/** Names that programs give to copies, edits and exports: "a (1)", "Copy of a", "a - Copy", "a-edited", "IMG_E1234". */
const DERIVED =
  /\(\d+\)$|^copy of |[-_ ]copy(?: \d+)?$|[-_ ](?:edit|edited|bearbeitet|modifi[eé]|editado|editada|modificato|bewerkt|export|exported)$|^img_e\d/;

function isDerivedName(file: string): boolean {
  const name = foldedName(file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1));
  return DERIVED.test(name.replace(/\.[^.]+$/, ''));
}
