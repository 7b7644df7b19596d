import type { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { typedPath } from '../../files/typed-path.ts';
import type { Action } from '../../library/act/act.ts';
import { notEmpty } from './options.ts';

/** What is to be done with the photos that were found. */
export interface ActFlags {
  copyTo?: string;
  linkTo?: string;
  moveTo?: string;
  yes?: boolean;
}

export function addActOptions(command: Command): Command {
  return command
    .option(
      '--copy-to <folder>',
      'copy the photos, their RAW files and sidecars there; nothing is overwritten',
      notEmpty,
    )
    .option('--link-to <folder>', 'put symbolic links to the photos into this folder', notEmpty)
    .option(
      '--move-to <folder>',
      'move the photos, their RAW files and sidecars there; asks, and can be undone',
      notEmpty,
    )
    .option('--yes', 'move without asking');
}

/** Null when nothing is to be done. @throws UserError `usage` for more than one wish */
export function actionOf(cwd: string, { copyTo, linkTo, moveTo }: ActFlags): Action | null {
  const wishes: readonly (readonly [Action['kind'], string | undefined])[] = [
    ['copy', copyTo],
    ['link', linkTo],
    ['move', moveTo],
  ];
  const actions = wishes.flatMap(([kind, folder]) =>
    folder === undefined ? [] : [{ kind, folder: typedPath(cwd, folder) }],
  );
  if (actions.length > 1) throw usageError('--copy-to, --link-to and --move-to exclude each other.', 'Choose one.');
  return actions[0] ?? null;
}
