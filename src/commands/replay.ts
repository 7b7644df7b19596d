import { Command } from 'commander';
import { endpointOf } from '../picture/endpoint.ts';
import { chooseModel, readImageModels } from '../picture/image-models.ts';
import { findLineage } from '../picture/lineage-files.ts';
import { destinationOf } from './comic-destination.ts';
import { guardNow } from './comic-guard.ts';
import { LazyLibrary } from './comic-library.ts';
import { addSendOptions, type SendFlags } from './comic-options.ts';
import { type Act, type Context, examples } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { unlessInterrupted } from './interrupt.ts';

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
  const found = await findLineage(world.cwd, given);
  const { prompt, model: id, parameters } = found.lineage;
  const model = chooseModel(await readImageModels(), id, world.now());
  if (!flags.dryRun) endpointOf(settings);
  const { n, output_format: format } = parameters;
  const destination = await destinationOf(world, { ...flags, n, format }, { prompt });
  const library = new LazyLibrary(context, {});
  try {
    const { planReplay } = await import('../picture/replay.ts');
    const plan = await unlessInterrupted(world, planReplay(found, model));
    const freshGuard = () => guardNow({ world, settings, openStore: () => library.store() }, flags.allowPrivate);
    const { bringAbout } = await import('./comic-send.ts');
    const sender = { world, settings, flags, destination, freshGuard };
    return await bringAbout(sender, plan, { unused: [], rigid: true });
  } finally {
    await library.close();
  }
}
