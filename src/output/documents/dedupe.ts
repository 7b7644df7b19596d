import type { GroupPhoto } from '../../library/dedupe/groups.ts';
import type { MovedDoubles } from '../../library/dedupe/move.ts';
import type { WrittenPicks } from '../../library/dedupe/picks.ts';
import type { DedupePlan } from '../../library/dedupe/plan.ts';
import type { FrameQuality } from '../../photos/frame.ts';

/** The groups of double photos, which of each stays, and what was moved; null when nothing was to be. */
export function dedupeDocument(
  { groups, bytes, skipped, gone, otherNames, against }: DedupePlan,
  moved: MovedDoubles | null,
  picks: WrittenPicks | null = null,
) {
  return {
    schema: 'curate.dedupe/1',
    groups: groups.map(({ kind, keeper, alsoKept, others, kept, warnings, isLarge }) => ({
      kind,
      keeper: staying(keeper),
      alsoKept: alsoKept.map(staying),
      others: others.map(({ file, bytes: its, score, reason, files, frame }) => ({
        path: file,
        bytes: its,
        score: Number(score.toFixed(4)),
        reason,
        files,
        ...judged(frame),
      })),
      kept: kept.map(({ file, decision }) => ({ path: file, decision })),
      new: [keeper, ...others].flatMap(({ file, isNew }) => (isNew ? [file] : [])),
      warnings,
      large: isLarge,
    })),
    bytes,
    moved: moved?.moved ?? [],
    failed: moved?.failed ?? [],
    undo: moved?.undo ?? null,
    skipped,
    gone,
    otherNames,
    ...(against === null ? {} : { against }),
    ...(picks === null ? {} : { picks }),
  };
}

function staying({ file, bytes, reason, files, frame }: GroupPhoto) {
  return { path: file, bytes, reason, files, ...judged(frame) };
}

function judged(frame: FrameQuality | null) {
  if (frame === null) return {};
  const rounded = (value: number): number => Number(value.toFixed(4));
  return {
    frame: { sharpness: rounded(frame.sharpness), blown: rounded(frame.blown), black: rounded(frame.black) },
  };
}
