import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { typedPath } from '../files/typed-path.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';

export function undoCommand(act: Act): Command {
  return new Command('undo')
    .description(
      'put back what the last run moved, or an earlier one, and sidecars as they were before picks were written',
    )
    .argument('[id]', 'which run, as it was named when it moved or wrote (default: the last one not undone yet)')
    .argument(
      '[path...]',
      'only these photos, with what belongs to them, or what lies below these folders, of old or new',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('curate undo', 'curate undo 20261127-210455', 'curate undo ~/Doubles/2024/IMG_1.jpg'),
    )
    .action(act(undo, { graceful: true }));
}

/** A folder that was renamed, a place that is taken: only the person knows which of two is to have it. */
const AGAIN =
  '  The others can be put back yet: give a folder that was renamed its old name, move what took their place, and run it again.';

/** As journals are named; what looks otherwise is a path. */
const ID = /^\d{8}-\d{6}(?:-\d+)?$/;

async function undo(
  { world, settings }: Context,
  first: string | undefined,
  others: readonly string[],
  { json }: { json?: boolean },
): Promise<ExitCode> {
  const { undoMoved } = await import('../library/act/act.ts');
  const isPath = first !== undefined && !ID.test(first);
  const id = isPath ? undefined : first;
  const paths = (isPath ? [first, ...others] : others).map((path) => typedPath(world.cwd, path));
  const { data } = settings().paths;
  const { restored, rewritten, failed } = await undoMoved(data, id, world.interrupted, paths);
  const { followMoves } = await import('../library/query/last-search.ts');
  await followMoves(data, restored);
  if (json) writeJson(world, { schema: 'curate.undo/1', restored, rewritten, failed });
  else {
    for (const { from, to } of restored) writeLine(world.stdout, `${from} -> ${to}`);
    const removed = rewritten.filter((file) => !existsSync(file));
    for (const file of rewritten) {
      const now = removed.includes(file) ? 'is gone again: that run had made it' : 'is as it was before';
      writeLine(world.stdout, `${file} ${now}.`);
    }
    for (const { path, reason } of failed) writeLine(world.stderr, `${path}: ${reason}`);
    const back = restored.length + rewritten.length - removed.length;
    const done = [
      ...(back === 0 && removed.length > 0 ? [] : [`Put back ${count(back, 'file')}.`]),
      ...(removed.length === 0 ? [] : [`Removed ${count(removed.length, 'file')} that had not been there before.`]),
    ];
    const isThere = back + removed.length + failed.length === 0 && !world.interrupted.aborted;
    writeLine(world.stderr, isThere ? 'All of it is where it was.' : done.join(' '));
    if (failed.length > 0) writeLine(world.stderr, AGAIN);
  }
  if (world.interrupted.aborted) return ExitCode.interrupted;
  return failed.length === 0 ? ExitCode.done : ExitCode.somePhotosFailed;
}
