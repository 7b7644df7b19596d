import { Command } from 'commander';
import { type Act, type Context, examples } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { absolute, addMakeOptions, addSendOptions, type MakeFlags, type SendFlags, wantedOf } from './flags/picture.ts';
import { type PromptFlags, readPrompt } from './flags/prompt.ts';

interface RefineFlags extends SendFlags, MakeFlags, PromptFlags {
  stateless?: boolean;
  raw?: boolean;
}

export function refineCommand(act: Act): Command {
  const command = new Command('refine')
    .description('change a picture that curate made, as often as you like')
    .argument('<picture>', 'the picture, its lineage file, or its sha256')
    .argument('[prompt]', 'what to change; - reads it from standard input')
    .option('--prompt-file <file>', 'read the prompt from a file; - is standard input')
    .option('--raw', 'send the prompt alone, without the paragraph that says what the pictures are')
    .option('--stateless', 'edit the picture with its references again, instead of continuing the conversation');
  addMakeOptions(command, { several: false });
  return addSendOptions(command)
    .addHelpText(
      'after',
      examples(
        'curate refine comic.png "make the cat orange"',
        'curate refine comic.png "a night sky" --stateless --quality high',
      ),
    )
    .action(act(refine, { graceful: true }));
}

async function refine(
  context: Context,
  picture: string,
  argument: string | undefined,
  flags: RefineFlags,
): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings({ maxCost: flags.maxCost });
  const prompt = await readPrompt(world, argument, flags);
  const { findLineage } = await import('../picture/lineage/files.ts');
  const from = await findLineage(world.cwd, picture);
  const { offerRefine } = await import('../picture/offer-refine.ts');
  const { makePicture } = await import('./picture.ts');
  return makePicture(context, {
    settings,
    flags,
    prompt,
    format: from.lineage.parameters.output_format,
    offer: (format, deps, forgotten) =>
      offerRefine(
        {
          from,
          prompt,
          raw: flags.raw ?? false,
          stateless: flags.stateless ?? false,
          forgotten,
          imageModel: flags.imageModel,
          wanted: wantedOf(flags, format),
          allowedPrivate: absolute(world, flags.allowPrivate),
        },
        deps,
      ),
  });
}
