import { Command } from 'commander';
import { type Act, type Context, examples } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { absolute, addSendOptions, type SendFlags } from './flags/picture.ts';

export function replayCommand(act: Act): Command {
  const command = new Command('replay')
    .description('make exactly the same request again, from a lineage file')
    .argument('<lineage>', 'the lineage file (picture.png.json), or its picture');
  return addSendOptions(command)
    .addHelpText('after', examples('curate replay comic.png.json', 'curate replay comic.png.json --dry-run'))
    .action(act(replay, { graceful: true }));
}

async function replay(context: Context, given: string, flags: SendFlags): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings({ maxCost: flags.maxCost });
  const { findLineage } = await import('../picture/lineage/files.ts');
  const from = await findLineage(world.cwd, given);
  const { prompt, parameters } = from.lineage;
  const { offerReplay } = await import('../picture/offer-replay.ts');
  const { makePicture } = await import('./picture.ts');
  return makePicture(context, {
    settings,
    flags: { ...flags, n: parameters.n },
    prompt,
    format: parameters.output_format,
    offer: (_, deps) => offerReplay({ from, allowedPrivate: absolute(world, flags.allowPrivate) }, deps),
  });
}
