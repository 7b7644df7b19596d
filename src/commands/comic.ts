import { isAbsolute, resolve } from 'node:path';
import { Command } from 'commander';
import { usageError } from '../errors.ts';
import { writeLine } from '../output/streams.ts';
import { endpointOf } from '../picture/endpoint.ts';
import { chooseModel, readImageModels } from '../picture/image-models.ts';
import type { Plan } from '../picture/plan.ts';
import type { PrivateGuard } from '../picture/private-files.ts';
import { composeText } from '../picture/text.ts';
import type { World } from '../world.ts';
import type { Cast, NamedPhoto } from './comic-cast.ts';
import { destinationOf } from './comic-destination.ts';
import { guardNow } from './comic-guard.ts';
import { LazyLibrary } from './comic-library.ts';
import { addMakeOptions, addSendOptions, type MakeFlags, parametersOf, type SendFlags } from './comic-options.ts';
import { demandTerminal, pick } from './comic-pick.ts';
import { type PromptFlags, readPrompt } from './comic-prompt.ts';
import { type Act, type Context, examples } from './command.ts';
import { explainEmptiness } from './emptiness.ts';
import type { ExitCode } from './exit-code.ts';
import { addFilterOptions, type FilterFlags, filterOf } from './filter.ts';
import { unlessInterrupted } from './interrupt.ts';
import { gather, modelOption, wholeNumber } from './options.ts';

interface ComicFlags extends SendFlags, MakeFlags, PromptFlags, FilterFlags {
  refs?: number;
  query: boolean;
  ref?: string[];
  pick?: boolean;
  raw?: boolean;
  model?: string;
}

const MOST = 16;
const USUAL = 6;

export function comicCommand(act: Act): Command {
  const command = new Command('comic')
    .alias('generate')
    .description('make a picture from a photo, the photos most like it, and a prompt')
    .argument('<photo>', 'the query photo')
    .argument('[prompt]', 'what to make; - reads it from standard input')
    .option('--prompt-file <file>', 'read the prompt from a file; - is standard input')
    .option('--example <name>', 'take a prompt from the collection in examples/prompts')
    .option('--raw', 'send the prompt alone, without the paragraph that says what the photos are')
    .option('--refs <n>', 'photos to send, the query included (default: 6, at most 16)', wholeNumber(1, MOST))
    .option('--no-query', 'search by the query photo, but do not send it')
    .option('--ref <file>', 'send this photo, too (may be repeated)', gather)
    .option('--pick', 'choose the photos in the terminal');
  addFilterOptions(command).addOption(modelOption());
  addMakeOptions(command, { several: true });
  return addSendOptions(command)
    .addHelpText(
      'after',
      examples(
        'curate comic cat.jpg "four-panel comic of this cat\'s day" --dry-run',
        'curate comic cat.jpg "four-panel comic of this cat\'s day" --quality low --max-cost 0.10',
        'curate comic cat.jpg --example film-poster --size 1024x1536 --out poster.png',
        'curate comic team.jpg --prompt-file idea.txt --refs 3 --ref logo.png --pick',
      ),
    )
    .action(act(comic, { graceful: true }));
}

async function comic(
  context: Context,
  photo: string,
  argument: string | undefined,
  flags: ComicFlags,
): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings({ imageModel: flags.imageModel, maxCost: flags.maxCost, model: flags.model });
  if (flags.pick) demandTerminal(world);
  const named = namedPhotos(world.cwd, photo, flags);
  const slots = slotsOf(flags, named);
  const prompt = await readPrompt(world, argument, flags);
  const model = chooseModel(await readImageModels(), settings.imageModel, world.now());
  if (!flags.dryRun) endpointOf(settings);
  const destination = await destinationOf(world, flags, { prompt });
  const parameters = parametersOf(flags, destination.format, model);
  const library = new LazyLibrary(context, flags);
  try {
    const freshGuard = () => guardNow({ world, settings, openStore: () => library.store() }, flags.allowPrivate);
    const cast = await unlessInterrupted(world, castFor({ world, library, flags, named, slots, guard: freshGuard() }));
    const plan: Plan = {
      verb: 'comic',
      prompt,
      model,
      conversation: null,
      parameters,
      references: cast.references,
      rememberedTokens: 0,
      parent: null,
      textFor: (references) => composeText(prompt, references, flags.raw ?? false),
    };
    const { bringAbout } = await import('./comic-send.ts');
    const sender = { world, settings, flags, destination, freshGuard };
    return await bringAbout(sender, plan, { unused: cast.unused, rigid: false });
  } finally {
    await library.close();
  }
}

interface Named {
  readonly query: NamedPhoto;
  readonly byHand: readonly NamedPhoto[];
}

function namedPhotos(cwd: string, photo: string, { query: sendQuery, ref = [] }: ComicFlags): Named {
  const named = (file: string): NamedPhoto => ({
    file: resolve(cwd, file),
    given: isAbsolute(file) ? 'absolute' : 'relative',
  });
  const query = named(photo);
  const seen = new Set(sendQuery ? [query.file] : []);
  const byHand = ref.map(named).filter(({ file }) => !seen.has(file) && seen.add(file));
  return { query, byHand };
}

function slotsOf({ refs, query }: ComicFlags, { byHand }: Named): number {
  const standing = byHand.length + (query ? 1 : 0);
  if (standing > MOST) throw usageError(`${standing} photos are named; at most ${MOST} can be sent.`, 'Name fewer.');
  if (refs !== undefined && standing > refs) {
    throw usageError(`${standing} photos are named for ${refs} places.`, `Raise --refs to ${standing}, or name fewer.`);
  }
  return refs ?? Math.max(USUAL, standing);
}

interface CastDeps {
  readonly world: World;
  readonly library: LazyLibrary;
  readonly flags: ComicFlags;
  readonly named: Named;
  readonly slots: number;
  readonly guard: Promise<PrivateGuard>;
}

async function castFor({ world, library, flags, named, slots, guard }: CastDeps): Promise<Cast> {
  const { castReferences } = await import('./comic-cast.ts');
  const searching = slots > named.byHand.length + (flags.query ? 1 : 0);
  const filter = searching ? await filterOf(() => library.store(), world.cwd, flags) : null;
  const cast = await castReferences(() => library.finder(), await guard, {
    ...named,
    sendQuery: flags.query,
    slots,
    ...(filter === null ? {} : { filter }),
    ...(flags.pick ? { choose: (proposed, most) => pick(world, proposed, most) } : {}),
  });
  if (searching && cast.unused.length === 0 && cast.references.every(({ score }) => score === null)) {
    await explainEmptiness(await library.get(), flags);
    const rest = cast.references.length === 0 ? '.' : '; only the named photos are used.';
    writeLine(world.stderr, `No indexed photo lies within --in, --after and --before${rest}`);
  }
  if (cast.references.length > 0) return cast;
  throw usageError('No photo is left to send.', 'Drop --no-query, or name photos with --ref.');
}
