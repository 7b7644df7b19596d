import type { FrameQuality } from '../../photos/frame.ts';
import { type Contender, compareContenders, decidingRule, pixels, type Rule } from './keeper.ts';
import type { Kind } from './stars.ts';

/* Why a photo stays or goes, and what would go with it, as clauses for people. */

const STAYS: Readonly<Record<Exclude<Rule, 'frame'>, string>> = {
  protect: 'in a protected folder',
  prefer: 'in a preferred folder',
  unrejected: 'not rejected',
  original: 'the original',
  raw: 'has its RAW',
  pixels: 'most pixels',
  metadata: 'most metadata',
  compression: 'least compressed',
  sharpness: 'sharpest',
  bytes: 'fewest bytes',
  path: 'equal in all else, first by path',
};

/** Why a photo stays whatever the rules say: it was chosen, where they would have kept another, or is compared against. */
export type Standing = 'your choice' | 'there already';

/** What told the keeper from the others, the weightiest first. */
export function whyKept(
  keeper: Contender,
  others: readonly Contender[],
  rules: readonly Rule[],
  standing: Standing,
): string {
  // No rule decides what is compared against.
  if (standing === 'there already') return standing;
  const worse = others.filter((other) => compareContenders(keeper, other, rules) < 0);
  const deciding = new Set(worse.map((other) => decidingRule(keeper, other, rules)));
  const byRule = rules
    .filter((rule) => deciding.has(rule))
    .map((rule) => (rule === 'frame' ? whyBest(keeper, worse) : STAYS[rule]));
  return (worse.length < others.length ? [standing, ...byRule] : byRule).join('; ');
}

function whyBest({ frame }: Contender, others: readonly Contender[]): string {
  const best = (worth: (quality: FrameQuality) => number): boolean =>
    frame !== null && others.every(({ frame: its }) => its === null || worth(its) <= worth(frame));
  const reasons = [
    best(({ sharpness }) => sharpness) && 'sharpest where the subject is',
    best((quality) => -clipped(quality)) && 'least clipped',
  ].filter((reason) => reason !== false);
  return reasons.length === 0 ? 'the best of sharpness and exposure together' : reasons.join(' and ');
}

function clipped({ blown, black }: FrameQuality): number {
  return blown + black;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** How a frame compares with the best one of its burst, as a clause. */
export function againstBest(best: Contender, { frame }: Contender): string {
  if (best.frame === null || frame === null) return 'could not be judged';
  const sharp = `its subject ${percent(Math.exp(frame.sharpness - best.frame.sharpness))} as sharp`;
  const [here, there] = [clipped(frame), clipped(best.frame)];
  return Math.abs(here - there) < CLIPPED_ALIKE
    ? sharp
    : `${sharp}, ${percent(here)} clipped against ${percent(there)}`;
}

/** Shares of a picture that are not worth a word. */
const CLIPPED_ALIKE = 0.01;

/** How a photo is like its keeper. */
export const ALIKE: Readonly<Record<Kind, string>> = {
  identical: 'same bytes',
  same: 'same picture',
  burst: 'same burst',
  similar: 'alike',
};

export function whyGone(
  kind: Kind,
  keeper: Contender,
  other: Contender,
  rules: readonly Rule[],
  standing: Standing,
): string {
  const isWorse = standing === 'your choice' && compareContenders(keeper, other, rules) < 0;
  return `${ALIKE[kind]}, ${isWorse ? inferiority(keeper, other, decidingRule(keeper, other, rules)) : OVERRULED[standing]}`;
}

const OVERRULED: Readonly<Record<Standing, string>> = {
  'your choice': 'the other one is your choice',
  'there already': 'there already',
};

function inferiority(keeper: Contender, other: Contender, rule: Rule): string {
  switch (rule) {
    case 'protect':
      return 'in no protected folder';
    case 'prefer':
      return other.preference === null ? 'in no preferred folder' : 'in a less preferred folder';
    case 'unrejected':
      return 'rejected';
    case 'original':
      return 'a copy, an edit or an export';
    case 'raw':
      return 'without a RAW';
    case 'pixels':
      return `${sizeOf(other)} against ${sizeOf(keeper)}`;
    case 'metadata':
      return 'less metadata';
    case 'compression':
      return other.isForWeb ? 'an export for the web' : 'more compressed';
    case 'frame':
      return againstBest(keeper, other);
    case 'sharpness':
      return 'less sharp';
    case 'bytes':
      return 'more bytes';
    case 'path':
      return 'equal in all else, later by path';
  }
}

function sizeOf({ record: { width, height } }: Contender): string {
  return `${width} x ${height}`;
}

/** A keeper that is so much smaller a file at as many pixels was compressed harder. */
const COMPRESSED = 1.5;

/** What the keeper lacks and a member has. */
export function warningsOf(keeper: Contender, others: readonly Contender[]): string[] {
  const lacks = (has: (photo: Contender) => boolean): boolean => !has(keeper) && others.some(has);
  return [
    lacks(({ carried }) => carried.gps) && 'the keeper lacks the place (GPS)',
    lacks(({ carried: { rating } }) => rating !== null && rating > 0) && 'the keeper lacks a rating',
    isRatedLower(keeper, others) && 'the keeper has a lower rating',
    lacks(({ carried }) => carried.rating !== -1) && 'the keeper was rejected',
    lacks(({ carried }) => carried.keywords > 0) && 'the keeper lacks keywords',
    hasFewerKeywords(keeper, others) && 'the keeper has fewer keywords',
    lacks(({ carried }) => carried.caption) && 'the keeper lacks a caption',
    lacks(({ record }) => record.takenMs !== null) && 'the keeper lacks the time it was taken',
    lacks(({ isRaw, hasRawBeside }) => isRaw || hasRawBeside) && 'the keeper lacks a RAW',
    lacks(({ hasFilmBeside }) => hasFilmBeside) && 'the keeper lacks the film of a Live Photo',
    lacks(({ hasEditsBeside }) => hasEditsBeside) && "the keeper lacks a sidecar with another program's edits",
    others.some((other) => pixels(other) > pixels(keeper)) && 'the keeper has fewer pixels',
    others.some((other) => isLessCompressed(other, keeper)) && 'the keeper is a much smaller file for its pixels',
  ].filter((warning) => warning !== false);
}

function isRatedLower({ carried: { rating } }: Contender, others: readonly Contender[]): boolean {
  return rating !== null && others.some(({ carried }) => (carried.rating ?? rating) > rating);
}

function hasFewerKeywords({ carried: { keywords } }: Contender, others: readonly Contender[]): boolean {
  return keywords > 0 && others.some(({ carried }) => carried.keywords > keywords);
}

function isLessCompressed(other: Contender, keeper: Contender): boolean {
  return pixels(other) === pixels(keeper) && other.record.size > keeper.record.size * COMPRESSED;
}
