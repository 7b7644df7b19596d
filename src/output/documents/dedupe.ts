import type { MovedDoubles } from '../../library/dedupe/move.ts';
import type { DedupePlan } from '../../library/dedupe/plan.ts';

/** The groups of double photos, which of each stays, and what was moved; null when nothing was to be. */
export function dedupeDocument({ groups, bytes, skipped, gone, otherNames }: DedupePlan, moved: MovedDoubles | null) {
  return {
    schema: 'curate.dedupe/1',
    groups: groups.map(({ kind, keeper, others, kept, warnings, isLarge }) => ({
      kind,
      keeper: { path: keeper.file, bytes: keeper.bytes, reason: keeper.reason, files: keeper.files },
      others: others.map(({ file, bytes: its, score, reason, files }) => ({
        path: file,
        bytes: its,
        score: Number(score.toFixed(4)),
        reason,
        files,
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
  };
}
