import { type Command, InvalidArgumentError } from 'commander';
import { usageError } from '../../errors.ts';
import type { QuerySearch } from '../../library/query/search.ts';
import type { LeastScore } from '../../library/ranking/likeness.ts';
import { numberBetween } from './options.ts';

/** How many of the photos are shown, and how different they are to be. */
export interface SpreadFlags {
  unique?: boolean;
  /** True when no weight was named. */
  diverse?: number | true;
  all?: boolean;
  minScore?: LeastScore;
  k: number;
}

/** Weight of novelty when none is named: as in casting. */
const NOVELTY = 0.3;
export function addSpreadOptions(command: Command): Command {
  return command
    .option('--unique', 'of bursts and near-duplicates show the best frame alone')
    .option('--diverse [weight]', `prefer photos unlike those above them: 0 to 1 (default: ${NOVELTY})`, weight)
    .option('--all', 'all photos of at least --min-score, however many');
}

function weight(text: string): number {
  try {
    return numberBetween(0, 1)(text);
  } catch {
    throw new InvalidArgumentError('It must be a number from 0 to 1; put "--" behind --diverse where a query follows.');
  }
}

/** How many to look for. @throws UserError `usage` when --all says no bound */
export function wantedOf({ all, minScore, k }: SpreadFlags): number {
  if (!all) return k;
  if (minScore === undefined) {
    throw usageError('--all shows photos down to a score.', 'Say which: --all --min-score 0.7');
  }
  return Number.POSITIVE_INFINITY;
}

/** How different the photos are to be. */
export function spreadOf({ unique, diverse }: SpreadFlags): Pick<QuerySearch, 'unique' | 'diverse'> {
  return {
    ...(unique ? { unique } : {}),
    ...(diverse === undefined ? {} : { diverse: diverse === true ? NOVELTY : diverse }),
  };
}
