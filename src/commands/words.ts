import { Command } from 'commander';
import { usageError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import type { Session } from '../library/session.ts';
import type { CountedWord } from '../library/words/count.ts';
import type { Seen } from '../library/words/seen.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import type { World } from '../world.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption, modelOption } from './flags/options.ts';
import { openSession } from './session.ts';

interface WordsFlags {
  model?: string;
  json?: boolean;
}

export function wordsCommand(act: Act): Command {
  return new Command('words')
    .description('list the words to search by and how many photos show each, or say what is seen in one photo')
    .argument('[prefix|photo]', 'how a word begins (default: all words), or a photo, or @3 of the last search')
    .addOption(modelOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('curate words', 'curate words bor', 'curate words holiday.jpg'))
    .action(act(words));
}

async function words(context: Context, argument: string | undefined, flags: WordsFlags): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings({ model: flags.model });
  const asked =
    argument === undefined || argument === '' ? { prefix: '' } : await meantBy(world, settings.paths.data, argument);
  const session = await openSession(world, settings);
  try {
    if ('file' in asked) await showSeen(world, session, asked.file, flags);
    else await showWords(world, session, asked.prefix, flags);
    return ExitCode.done;
  } finally {
    await session.close();
  }
}

/** A photo that is to be looked at, or the beginning of words. @throws UserError as `parseTerm`, and for several photos */
async function meantBy(
  { cwd }: World,
  dataFolder: string,
  argument: string,
): Promise<{ readonly file: string } | { readonly prefix: string }> {
  const [{ looksLikePath, parseTerm }, { lookBelow }] = await Promise.all([
    import('../library/query/parse.ts'),
    import('../library/query/resolve.ts'),
  ]);
  const { what } = parseTerm(argument, lookBelow(cwd));
  switch (what.kind) {
    case 'photo':
      return { file: typedPath(cwd, what.path) };
    case 'hit': {
      const { hitOfLastSearch } = await import('../library/query/last-search.ts');
      return { file: await hitOfLastSearch(dataFolder, what.rank) };
    }
    case 'word':
      return { prefix: what.text };
    case 'folder':
      // A folder that is called as a word begins is in nobody's way here.
      if (!looksLikePath(argument)) return { prefix: argument };
  }
  throw usageError(
    `${argument} is no single photo.`,
    'Name a photo, or how a word begins: curate words holiday.jpg, curate words bor',
  );
}

async function showSeen(world: World, session: Session, file: string, { json }: WordsFlags): Promise<void> {
  const [{ wordsIn }, { seenDocument }, { renderSeen }] = await Promise.all([
    import('../library/words/seen.ts'),
    import('../output/documents/library.ts'),
    import('../output/terminal/words-table.ts'),
  ]);
  const seen: Seen[] = await wordsIn({ session, signal: world.interrupted }, file);
  if (json) writeJson(world, seenDocument(file, seen));
  else if (seen.length === 0) writeLine(world.stderr, 'Nothing in it is clear enough for a word.');
  else world.stdout.write(renderSeen(seen));
}

async function showWords(world: World, session: Session, prefix: string, { json }: WordsFlags): Promise<void> {
  const [{ countWords }, { wordsDocument }, { renderWords }, { createProgress }, { terminalOf }] = await Promise.all([
    import('../library/words/count.ts'),
    import('../output/documents/library.ts'),
    import('../output/terminal/words-table.ts'),
    import('../output/terminal/progress.ts'),
    import('../output/terminal/terminal.ts'),
  ]);
  const progress = createProgress(world, 'Looking at the photos');
  const started = world.elapsed();
  let counted: CountedWord[];
  try {
    counted = await countWords(
      {
        session,
        signal: world.interrupted,
        onCounted: (done, total) => {
          if (world.elapsed() - started > UNSEEN_MS) progress.update(done, total);
        },
      },
      prefix,
    );
  } finally {
    progress.finish();
  }
  if (json) writeJson(world, wordsDocument(counted));
  else if (counted.length === 0) writeLine(world.stderr, `No known word begins with "${prefix}".`);
  else world.stdout.write(renderWords(counted, terminalOf(world, world.stdout, session.settings)));
}

/** What takes no longer needs no progress. */
const UNSEEN_MS = 1000;
