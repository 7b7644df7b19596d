import { Command } from 'commander';
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
    .addOption(jsonOption())
    .addHelpText('after', examples('curate undo', 'curate undo 20261127-210455'))
    .action(act(undo, { graceful: true }));
}

async function undo(
  { world, settings }: Context,
  id: string | undefined,
  { json }: { json?: boolean },
): Promise<ExitCode> {
  const { undoMoved } = await import('../library/act/act.ts');
  const { restored, rewritten, failed } = await undoMoved(settings().paths.data, id, world.interrupted);
  if (json) writeJson(world, { schema: 'curate.undo/1', restored, rewritten, failed });
  else {
    for (const { from, to } of restored) writeLine(world.stdout, `${from} -> ${to}`);
    for (const file of rewritten) writeLine(world.stdout, `${file} is as it was before.`);
    for (const { path, reason } of failed) writeLine(world.stderr, `${path}: ${reason}`);
    writeLine(world.stderr, `Put back ${count(restored.length + rewritten.length, 'file')}.`);
  }
  if (world.interrupted.aborted) return ExitCode.interrupted;
  return failed.length === 0 ? ExitCode.done : ExitCode.somePhotosFailed;
}
