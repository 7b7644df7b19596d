import type { DedupePlan } from '../../library/dedupe/plan.ts';

/** The groups of double photos, and which of each stays. Nothing is moved yet. */
export function dedupeDocument({ groups, bytes, skipped, otherNames }: DedupePlan) {
  return {
    schema: 'curate.dedupe/1',
    groups: groups.map(({ kind, keeper, others, warnings, isLarge }) => ({
      kind,
      keeper: { path: keeper.file, bytes: keeper.bytes, reason: keeper.reason, files: keeper.files },
      others: others.map(({ file, bytes: its, score, reason, files }) => ({
        path: file,
        bytes: its,
        score: Number(score.toFixed(4)),
        reason,
        files,
      })),
      warnings,
      large: isLarge,
    })),
    bytes,
    moved: [],
    undo: null,
    skipped,
    otherNames,
  };
}
