import { journalsIn, madeFolder } from '../library/act/act.ts';
import { type WrittenPicks, writePicks } from '../library/dedupe/picks.ts';
import type { DedupePlan } from '../library/dedupe/plan.ts';
import { createProgress } from '../output/terminal/progress.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';

/**
 * Writes the picks of a plan as sidecars and reports on standard error.
 * @param folder Absolute; null for beside the photos
 * @throws UserError `folder_unwritable`
 */
export async function pickPlanned(
  world: World,
  settings: Settings,
  plan: DedupePlan,
  folder: string | null,
): Promise<WrittenPicks> {
  const { folder: real, made } = folder === null ? { folder: null, made: [] } : await madeFolder(folder);
  const progress = createProgress(world, 'Writing sidecars');
  try {
    const picks = await writePicks(plan.groups, real, {
      journals: journalsIn(settings.paths.data),
      made,
      signal: world.interrupted,
      now: world.now,
      onDone: (done, total) => progress.update(done, total),
    });
    progress.finish();
    report(world, real, picks);
    return picks;
  } finally {
    progress.finish();
  }
}

function report(world: World, folder: string | null, { written, failed, undo }: WrittenPicks): void {
  for (const file of written) writeLine(world.stderr, `Wrote ${file}`);
  for (const { path, reason } of failed) writeLine(world.stderr, `Not written: ${path}: ${reason}.`);
  const where = folder === null ? 'beside the photos' : `in ${folder}`;
  writeLine(world.stderr, `Wrote ${count(written.length, 'sidecar')} ${where}; the photos are as they were.`);
  if (undo !== null) writeLine(world.stderr, `  Undo: curate undo ${undo}`);
}
