import { existsSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { Command } from 'commander';
import type { Candidate, Verdict } from '../casting/candidate.ts';
import { usageError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import type { LeastScore } from '../library/ranking/likeness.ts';
import { askWhich, canAsk } from '../output/terminal/ask.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { printable } from '../output/text.ts';
import type { NamedPhoto } from '../picture/cast-references.ts';
import { groupByReason } from '../picture/plan.ts';
import { MOST_PICTURES } from '../picture/port.ts';
import type { WordQuery } from '../picture/word-query.ts';
import type { World } from '../world.ts';
import { type Act, type Context, examples } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { addFilterOptions, type FilterFlags, filtersGiven, restrictionOf } from './flags/filter.ts';
import { gather, leastScore, modelOption, wholeNumber } from './flags/options.ts';
import { absolute, addMakeOptions, addSendOptions, type MakeFlags, type SendFlags, wantedOf } from './flags/picture.ts';
import { type PromptFlags, readPrompt } from './flags/prompt.ts';

interface ComicFlags extends SendFlags, MakeFlags, PromptFlags, FilterFlags {
  refs?: number;
  query: boolean;
  ref?: string[];
  pick?: boolean;
  minScore?: LeastScore;
  keepBursts?: boolean;
  raw?: boolean;
  model?: string;
}

export function comicCommand(act: Act): Command {
  const command = new Command('comic')
    .alias('generate')
    .description('make a picture from a photo and the photos most like it, or of a word, and a prompt')
    .argument('<photo|word>', 'the query photo, @3 of the last search, or a word, which is searched for')
    .argument('[prompt]', 'what to make; - reads it from standard input')
    .option('--prompt-file <file>', 'read the prompt from a file; - is standard input')
    .option('--example <name>', 'take a prompt from the collection in examples/prompts')
    .option('--raw', 'send the prompt alone, without the paragraph that says what the photos are')
    .option(
      '--refs <n>',
      `photos to send, the query included (default: 6, at most ${MOST_PICTURES})`,
      wholeNumber(1, MOST_PICTURES),
    )
    .option('--no-query', 'search by the query photo, but do not send it')
    .option('--ref <file>', 'send this photo, too (may be repeated)', gather)
    .option('--pick', 'choose the photos in the terminal')
    .option(
      '--min-score <s>',
      'send photos from this score on (-1 to 1, or related, alike, very-alike; default: those of the same subject)',
      leastScore,
    )
    .option('--keep-bursts', 'fill places that stay empty with further photos of the same moments');
  addFilterOptions(command, '--photo-format').addOption(modelOption());
  addMakeOptions(command, { several: true });
  return addSendOptions(command)
    .addHelpText(
      'after',
      examples(
        'curate comic cat.jpg "four-panel comic of this cat" --dry-run',
        'curate comic cat.jpg "four-panel comic" --quality low --max-cost 0.10',
        'curate comic cat.jpg --example film-poster --size 1024x1536',
        'curate comic "border collie" "a comic of this dog"',
        'curate comic team.jpg --prompt-file it.txt --refs 3 --ref me.jpg --pick',
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
  const restriction = restrictionOf(world.cwd, flags);
  const prompt = await readPrompt(world, argument, flags);
  const query = await queryOf(world, settings.paths.data, photo);
  const { offerComic } = await import('../picture/offer-comic.ts');
  const { makePicture } = await import('./picture.ts');
  return makePicture(context, {
    settings,
    flags,
    prompt,
    filters: filtersGiven(flags, '--photo-format'),
    offer: (format, deps) =>
      offerComic(
        {
          query,
          sendQuery: flags.query,
          byHand: (flags.ref ?? []).map((file) => named(world, file)),
          slots: flags.refs,
          restriction,
          minScore: flags.minScore,
          keepBursts: flags.keepBursts,
          ...(flags.pick ? { choose: (proposed, most) => pick(world, proposed, most) } : {}),
          prompt,
          raw: flags.raw ?? false,
          wanted: wantedOf(flags, format),
          allowedPrivate: absolute(world, flags.allowPrivate),
        },
        deps,
      ),
  });
}

/** @throws UserError usage for more than one photo */
async function queryOf(world: World, dataFolder: string, text: string): Promise<NamedPhoto | WordQuery> {
  const [{ resolveTerm }, { looksLikePath }] = await Promise.all([
    import('../library/query/resolve.ts'),
    import('../library/query/parse.ts'),
  ]);
  const isThere = existsSync(typedPath(world.cwd, text));
  // What is not there is said when it is to be read.
  if (!isThere && looksLikePath(text) && !/[*?[\]{}:]/.test(text)) return named(world, text);
  const standardInput = () => Promise.reject(usageError('comic takes no photo on standard input.', 'Name a file.'));
  const [term, ...more] = await resolveTerm(text, false, { cwd: world.cwd, dataFolder, standardInput });
  if (term === undefined || more.length > 0) {
    throw usageError(`${text} is more than one photo.`, 'Name the query photo, and others with --ref.');
  }
  if (term.kind === 'word') return { word: term.text };
  return isThere ? named(world, text) : { file: term.file, given: 'absolute' };
}

function named({ cwd }: World, file: string): NamedPhoto {
  return { file: typedPath(cwd, file), given: isAbsolute(file) ? 'absolute' : 'relative' };
}

/** @throws UserError usage when there is no terminal to choose on */
function demandTerminal(world: World): void {
  if (canAsk(world)) return;
  throw usageError('--pick needs a terminal to choose on.', 'Name the photos instead: --ref FILE');
}

/** The first of them, as `--show` draws photos. */
async function drawChoices(world: World, candidates: readonly Candidate[]): Promise<void> {
  const [{ drawPhotos }, { openDisplay }] = await Promise.all([
    import('../output/terminal/picture-grid.ts'),
    import('../photos/display.ts'),
  ]);
  const photos = candidates
    .slice(0, DRAWN)
    .map(({ file, score }) => ({ file, label: score.toFixed(2), available: true }));
  // Standard output is for the picture's path.
  await drawPhotos({ ...world, stdout: world.stderr }, openDisplay(world), photos);
}

const DRAWN = 12;

/** Lets a person choose among the candidates; what casting proposes is marked already. */
async function pick(world: World, proposed: readonly Verdict[], most: number): Promise<readonly Candidate[]> {
  if (proposed.length === 0) return [];
  const question = {
    message: `Choose up to ${most}: space marks, enter goes on`,
    onCancel: 'Interrupted; nothing was sent.',
  };
  // Those that are left out for one reason stand together.
  const grouped = groupByReason([...proposed.filter(({ used }) => used), ...proposed.filter(({ used }) => !used)]);
  const choices = grouped.flatMap(({ photos }) =>
    photos.map(({ candidate, used, reason }) => ({
      value: candidate,
      label: `${candidate.score.toFixed(2)}  ${printable(basename(candidate.file))}  ${printable(reason)}`,
      isMarked: used,
    })),
  );
  await drawChoices(
    world,
    choices.map(({ value }) => value),
  );
  let marked = await askWhich(world, question, choices);
  while (marked.length > most) {
    const more = `--refs sends more, at most ${MOST_PICTURES}`;
    writeLine(world.stderr, `${marked.length} photos are marked, ${most} can be sent: mark fewer (${more}).`);
    const before = new Set(marked);
    const again = choices.map((choice) => ({ ...choice, isMarked: before.has(choice.value) }));
    marked = await askWhich(world, question, again);
  }
  return marked;
}
