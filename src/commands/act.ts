import { UserError } from '../errors.ts';
import type { Action, Indexed, Transferred } from '../library/act/act.ts';
import { askYesNo, canAsk } from '../output/terminal/ask.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';

export interface Acted extends Transferred, Action {}

/**
 * Does with the photos what the person wishes, and reports on standard error what went where; moving is asked
 * about first unless `yes`. Null when nothing is to be done. @throws UserError `not_confirmed`
 */
export async function act(
  world: World,
  settings: Settings,
  {
    action,
    photos,
    yes = false,
  }: { readonly action: Action | null; readonly photos: readonly Indexed[]; readonly yes?: boolean | undefined },
): Promise<Acted | null> {
  if (action === null) return null;
  if (photos.length === 0) return { ...action, done: [], failed: [], there: 0, left: 0, undo: null };
  if (action.kind === 'move' && !yes) await confirmMove(world, action, photos.length);
  const [{ actOn }, { createProgress }] = await Promise.all([
    import('../library/act/act.ts'),
    import('../output/terminal/progress.ts'),
  ]);
  const progress = createProgress(world, DOING[action.kind]);
  try {
    const transferred = await actOn(photos, action, {
      data: settings.paths.data,
      signal: world.interrupted,
      now: world.now,
      onDone: (done, total) => progress.update(done, total),
    });
    progress.finish();
    report(world, action, transferred);
    return { ...action, ...transferred };
  } finally {
    progress.finish();
  }
}

const DOING = { copy: 'Copying', link: 'Linking', move: 'Moving' } as const;
const DONE = { copy: 'Copied', link: 'Linked', move: 'Moved' } as const;

async function confirmMove(world: World, { folder }: Action, photos: number): Promise<void> {
  const hint = 'Say --yes to move without being asked, or --copy-to to leave the photos where they are.';
  const refused = (why: string): UserError => new UserError('not_confirmed', why, { kind: 'refused', hint });
  if (!canAsk(world)) throw refused('--move-to needs a terminal to ask on; nothing was moved.');
  const message = `Move ${count(photos, 'photo')}, with their RAW files and sidecars, to ${folder}?`;
  if (await askYesNo(world, { message, onCancel: 'Interrupted; nothing was moved.' })) return;
  throw refused('Nothing was moved.');
}

function report(world: World, { kind, folder }: Action, { done, failed, there, left, undo }: Transferred): void {
  for (const { from, to } of done) writeLine(world.stderr, `${from} -> ${to}`);
  for (const { path, reason } of failed) writeLine(world.stderr, `${path}: ${reason}`);
  const missed = failed.length === 0 ? '' : `; ${count(failed.length, 'file')} failed`;
  const already = there === 0 ? '' : `; ${count(there, 'file')} ${there === 1 ? 'was' : 'were'} there already`;
  const cut = left === 0 ? '' : `; interrupted before ${count(left, 'other file')}`;
  writeLine(world.stderr, `${DONE[kind]} ${count(done.length, 'file')} to ${folder}${already}${missed}${cut}.`);
  if (undo !== null) {
    writeLine(world.stderr, `  Undo: curate undo ${undo}. The index follows with the next "curate index".`);
  }
}
