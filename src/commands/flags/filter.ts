import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { usageError } from '../../errors.ts';
import type { Restriction } from '../../library/photo-filter.ts';
import { gather } from './options.ts';

/** Restricts a search to some of the photos. */
export interface FilterFlags {
  in?: string[];
  /** Milliseconds since 1970. */
  after?: number;
  before?: number;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--in <folder>', 'only photos below this folder (may be repeated)', gather)
    .option('--after <date>', 'only photos taken on or after this day: 2024, 2024-06, 2024-06-15', day)
    .option('--before <date>', 'only photos taken before this day', day);
}

/** The start of a year, month or day by the camera's clock, which is read as if it showed UTC throughout. */
function day(text: string): number {
  const match = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text.trim());
  if (match !== null) {
    const [year, month, date] = [Number(match[1]), Number(match[2] ?? 1), Number(match[3] ?? 1)];
    const start = new Date(Date.UTC(year, month - 1, date));
    if (start.getUTCMonth() === month - 1 && start.getUTCDate() === date) return start.getTime();
  }
  throw new InvalidArgumentError('It must be a year, month or day, such as 2024, 2024-06 or 2024-06-15.');
}

/** What the flags restrict a search to. @throws UserError `usage` */
export function restrictionOf(cwd: string, { in: folders, after, before }: FilterFlags): Restriction {
  if (after !== undefined && before !== undefined && after >= before) {
    throw usageError(
      'No photo was taken both after --after and before --before.',
      'Name the earlier day with --after.',
    );
  }
  return {
    ...(folders === undefined ? {} : { folders: folders.map((folder) => resolve(cwd, folder)) }),
    ...(after === undefined ? {} : { takenAfterMs: after }),
    ...(before === undefined ? {} : { takenBeforeMs: before }),
  };
}
