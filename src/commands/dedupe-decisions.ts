import { usageError } from '../errors.ts';
import { forget, readDecisions } from '../library/dedupe/decisions.ts';
import { renderDecisions } from '../output/terminal/dedupe-table.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { terminalOf } from '../output/terminal/terminal.ts';
import { count } from '../output/text.ts';
import type { Context } from './command.ts';
import { ExitCode } from './exit-code.ts';

interface DecisionFlags {
  readonly forget?: readonly string[];
  readonly json?: boolean;
}

/** Shows the decisions that dedupe keeps, or forgets some; the document names those that are left. */
export async function decisions(
  { world, settings }: Context,
  { forget: numbers, json = false }: DecisionFlags,
): Promise<ExitCode> {
  const { paths, ...others } = settings();
  if (numbers !== undefined) {
    const deps = { data: paths.data, pid: world.pid, signal: world.interrupted };
    const forgotten = await forget(idsOf(numbers), deps);
    writeLine(world.stderr, `Forgot ${count(forgotten.length, 'decision')}.`);
  }
  const decided = await readDecisions(paths.data);
  if (json) writeJson(world, { schema: 'curate.decisions/1', decisions: decided });
  else if (numbers === undefined) {
    world.stdout.write(renderDecisions(decided, terminalOf(world, world.stdout, others)));
    const hint = decided.length === 0 ? '' : ' To forget one: curate dedupe --forget NUMBER';
    writeLine(world.stderr, `${count(decided.length, 'decision')}.${hint}`);
  }
  return ExitCode.done;
}

function idsOf(numbers: readonly string[]): readonly number[] | 'all' {
  if (numbers.includes('all')) return 'all';
  return numbers.map((text) => {
    if (/^\d+$/.test(text)) return Number(text);
    throw usageError(`"${text}" is no number of a decision.`, 'See which there are: curate dedupe --decided');
  });
}
