import { UserError, usageError } from '../errors.ts';
import type { MovedDoubles } from '../library/dedupe/move.ts';
import type { DedupePlan } from '../library/dedupe/plan.ts';
import { KINDS } from '../library/dedupe/stars.ts';
import { askYesNo, canAsk } from '../output/terminal/ask.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { bytes, count } from '../output/text.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';

interface Wish {
  /** Absolute. */
  readonly folder: string;
  readonly yes: boolean;
}

/**
 * Moves what would go, once the person said yes, and reports on standard error. Null when nothing would go.
 * @throws UserError `not_confirmed`, `folder_unwritable`, `usage` for a folder inside of a library
 */
export async function movePlanned(
  world: World,
  settings: Settings,
  plan: DedupePlan,
  { folder, yes }: Wish,
): Promise<MovedDoubles | null> {
  const groups = plan.groups.filter(({ isLarge, others }) => !isLarge && others.length > 0);
  if (groups.length === 0) return null;
  const [
    { forget },
    { moveDoubles },
    { journalsIn, madeFolder, realPlace },
    { inside },
    { followMoves },
    { createProgress },
  ] = await Promise.all([
    import('../library/dedupe/decisions.ts'),
    import('../library/dedupe/move.ts'),
    import('../library/act/act.ts'),
    import('../library/paths.ts'),
    import('../library/query/last-search.ts'),
    import('../output/terminal/progress.ts'),
  ]);
  const place = await realPlace(folder);
  const library = plan.roots.find((root) => inside(root, place) !== null);
  if (library !== undefined) {
    throw usageError(`${folder} lies in ${library}, and would be indexed again.`, 'Name a folder outside of it.');
  }
  if (!yes) await confirm(world, plan, folder);
  const { folder: real, made } = await madeFolder(folder);
  const progress = createProgress(world, 'Moving');
  try {
    const moved = await moveDoubles(groups, real, {
      journals: journalsIn(settings.paths.data),
      made,
      signal: world.interrupted,
      now: world.now,
      onDone: (done, total) => progress.update(done, total),
    });
    progress.finish();
    report(world, real, moved);
    await followMoves(settings.paths.data, moved.moved);
    // What was agreed is done; taken back, it is judged anew.
    const left = new Set(moved.moved.map(({ from }) => from));
    const done = groups.flatMap(({ agreed, others }) =>
      agreed !== null && others.every(({ file }) => left.has(file)) ? [agreed] : [],
    );
    if (done.length > 0) {
      const deps = { data: settings.paths.data, pid: world.pid, signal: new AbortController().signal };
      // Another process may have forgotten it; one that is left speaks of photos that are gone, and does nothing.
      await forget(done, deps).catch(() => undefined);
    }
    return moved;
  } finally {
    progress.finish();
  }
}

async function confirm(world: World, plan: DedupePlan, folder: string): Promise<void> {
  const hint = 'Say --yes to move without being asked, or leave out --move-to to see what would go.';
  const refused = (why: string): UserError => new UserError('not_confirmed', why, { kind: 'refused', hint });
  if (!canAsk(world)) throw refused('--move-to needs a terminal to ask on; nothing was moved.');
  const groups = plan.groups.filter(({ isLarge }) => !isLarge);
  const kinds = KINDS.flatMap((kind) => {
    const going = groups.filter((group) => group.kind === kind).reduce((sum, { others }) => sum + others.length, 0);
    return going === 0 ? [] : [`${going.toLocaleString('en-US')} ${kind}`];
  });
  const going = groups.reduce((sum, { others }) => sum + others.length, 0);
  const message = `Move ${count(going, 'photo')} (${kinds.join(', ')}), ${bytes(plan.bytes)}, with what belongs to them, to ${folder}?`;
  if (await askYesNo(world, { message, onCancel: 'Interrupted; nothing was moved.' })) return;
  throw refused('Nothing was moved.');
}

function report(world: World, folder: string, { moved, failed, undo }: MovedDoubles): void {
  for (const { from, to } of moved) writeLine(world.stderr, `${from} -> ${to}`);
  for (const { path, reason } of failed) writeLine(world.stderr, `Stays: ${path}: ${reason}.`);
  writeLine(world.stderr, `Moved ${count(moved.length, 'file')} to ${folder}.`);
  if (undo !== null) {
    writeLine(world.stderr, `  Undo: curate undo ${undo}. The index follows with the next "curate index".`);
  }
}
