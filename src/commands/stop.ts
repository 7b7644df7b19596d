import { Command } from 'commander';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';

export function stopCommand(act: Act): Command {
  return new Command('stop')
    .description('end the embedded Milvus server, which otherwise ends by itself when idle')
    .addOption(jsonOption())
    .addHelpText('after', examples('curate stop'))
    .action(act(stop));
}

async function stop(context: Context, flags: { json?: boolean }): Promise<ExitCode> {
  const { world } = context;
  const { stopLite } = await import('../store/lite/server.ts');
  const stopped = await stopLite(world, context.settings().paths);
  if (flags.json) writeJson(world, { schema: 'curate.stop/1', stopped });
  else
    writeLine(
      world.stdout,
      stopped ? 'Stopped the embedded Milvus server.' : 'The embedded Milvus server is not running.',
    );
  return ExitCode.done;
}
