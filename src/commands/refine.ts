import { Command } from 'commander';
import { UserError } from '../errors.ts';
import { writeLine } from '../output/streams.ts';
import { endpointKind, endpointOf } from '../picture/endpoint.ts';
import { chooseModel, readImageModels } from '../picture/image-models.ts';
import { findLineage } from '../picture/lineage-files.ts';
import type { Plan } from '../picture/plan.ts';
import type { Start } from '../picture/refine.ts';
import { composeText } from '../picture/text.ts';
import { destinationOf } from './comic-destination.ts';
import { guardNow } from './comic-guard.ts';
import { LazyLibrary } from './comic-library.ts';
import { addMakeOptions, addSendOptions, type MakeFlags, parametersOf, type SendFlags } from './comic-options.ts';
import { type PromptFlags, readPrompt } from './comic-prompt.ts';
import { type Act, type Context, examples } from './command.ts';
import type { ExitCode } from './exit-code.ts';

interface RefineFlags extends SendFlags, MakeFlags, PromptFlags {
  stateless?: boolean;
  raw?: boolean;
}

export function refineCommand(act: Act): Command {
  const command = new Command('refine')
    .description('go on from a picture that curate made, as often as you like')
    .argument('<picture>', 'the picture, its lineage file, or its sha256')
    .argument('[prompt]', 'what to change; - reads it from standard input')
    .option('--prompt-file <file>', 'read the prompt from a file; - is standard input')
    .option('--raw', 'send the prompt alone, without the paragraph that says what the pictures are')
    .option('--stateless', 'edit the picture with its references again, instead of going on with the conversation');
  addMakeOptions(command, { several: false });
  return addSendOptions(command)
    .addHelpText(
      'after',
      examples(
        'curate refine comic.png "make the cat orange"',
        'curate refine comic.png "a night sky in the last panel" --stateless --quality high --max-cost 0.40',
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
  const found = await findLineage(world.cwd, picture);
  const { lineage } = found;
  const table = await readImageModels();
  const model = chooseModel(table, flags.imageModel ?? lineage.model, world.now());
  if (!flags.dryRun) endpointOf(settings);
  const { size, quality, complexity = null, background = null, output_format: format } = lineage.parameters;
  const destination = await destinationOf(world, flags, { prompt, format });
  const parameters = parametersOf(flags, destination.format, model, { size, quality, complexity, background });
  const { originOf, picturesAgain, rememberedTokens, startFrom } = await import('../picture/refine.ts');
  const conversationModel = settings.conversationModel ?? table.conversationDefault;
  const origin = await originOf(found);
  const library = new LazyLibrary(context, {});

  const attempt = async (start: Start): Promise<ExitCode> => {
    const pictures = start.kind === 'going-on' ? { references: [], unused: [] } : await picturesAgain(origin);
    const plan: Plan = {
      verb: 'refine',
      prompt,
      model,
      conversation: start.kind === 'edit' ? null : { model: conversationModel, previousResponseId: start.previousId },
      parameters,
      references: pictures.references,
      rememberedTokens: start.kind === 'going-on' ? rememberedTokens(origin) : 0,
      parent: origin.parent,
      textFor: (references) => composeText(prompt, references, flags.raw ?? false),
    };
    const freshGuard = () => guardNow({ world, settings, openStore: () => library.store() }, flags.allowPrivate);
    const { bringAbout } = await import('./comic-send.ts');
    const sender = { world, settings, flags, destination, freshGuard };
    return bringAbout(sender, plan, { unused: pictures.unused, rigid: false });
  };
  try {
    const start = startFrom(lineage, endpointKind(settings), flags.stateless ?? false);
    return await attempt(start).catch((error: unknown) => {
      if (!(error instanceof UserError && error.code === 'conversation_forgotten')) throw error;
      // What is sent now is something else: it is announced, priced and agreed to anew.
      writeLine(world.stderr, `${error.message} A new one starts from the picture and its photos.`);
      return attempt({ kind: 'anew', previousId: null });
    });
  } finally {
    await library.close();
  }
}
