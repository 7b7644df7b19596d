import { dirname } from 'node:path';
import { Command } from 'commander';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';

export function lineageCommand(act: Act): Command {
  return new Command('lineage')
    .description('show how a picture was made: its prompts, ancestors and photos')
    .argument('<picture>', 'the picture, its lineage file, or its sha256')
    .addOption(jsonOption())
    .addHelpText('after', examples('curate lineage comic.png'))
    .action(act(lineage));
}

async function lineage({ world }: Context, given: string, flags: { json?: boolean }): Promise<ExitCode> {
  const { ancestorsOf, findLineage } = await import('../picture/lineage/files.ts');
  const found = await findLineage(world.cwd, given);
  const line = await ancestorsOf(found);
  if (flags.json) {
    const [self, ...ancestors] = line.map(({ file, lineage }) => ({ file, ...lineage }));
    writeJson(world, { ...(self ?? { schema: 'curate.lineage/1' }), ancestors });
    return ExitCode.done;
  }
  const { checkOriginals } = await import('../picture/lineage/files.ts');
  const generations = await Promise.all(
    line.map(async ({ file, lineage }) => ({
      lineage,
      originals: await checkOriginals(lineage.references, dirname(file)),
    })),
  );
  const { lineageTree } = await import('../output/terminal/picture-tree.ts');
  for (const row of lineageTree(generations)) writeLine(world.stdout, row);
  return ExitCode.done;
}
