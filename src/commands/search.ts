import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import { unlessInterrupted } from '../interrupt.ts';
import type { Action } from '../library/act/act.ts';
import type { Restriction } from '../library/photo-filter.ts';
import type { QueryTerm } from '../library/query/resolve.ts';
import type { QuerySearch } from '../library/query/search.ts';
import type { SearchOrder } from '../library/ranking/ranker.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { actionOf, addActOptions } from './flags/act.ts';
import { addFilterOptions, restrictionOf } from './flags/filter.ts';
import { addFormatOptions, wantsJson } from './flags/format.ts';
import { jsonOption, leastScore, modelOption, wholeNumber } from './flags/options.ts';
import { addQueryOptions, readAsked } from './flags/query.ts';
import { addSheetOptions, sheetWishes } from './flags/sheet.ts';
import { addSpreadOptions, spreadOf, wantedOf } from './flags/spread.ts';
import { isExplained, readProgress, type SearchFlags, type SearchRun, show, showing } from './search-show.ts';
import { openSession } from './session.ts';

export function searchCommand(act: Act): Command {
  const command = new Command('search')
    .description('find the photos most like photos, or showing what words say, taken together')
    .argument('[query...]', 'photos in or outside the library, folders, words: see below')
    .option('-k, --k <n>', 'how many photos to find', wholeNumber(1, 10_000), 6);
  addQueryOptions(command)
    .option('--exact', 'compare every photo, where a Milvus server would ask its approximate index')
    .option('--each', 'answer each query by itself, one after the other')
    .option(
      '--min-score <s>',
      'leave out photos of a lower score (-1 to 1; of words 0 to 1), or in words: related, alike, very-alike',
      leastScore,
    )
    .addOption(orderOption());
  addSpreadOptions(command);
  addFormatOptions(addFilterOptions(command));
  addSheetOptions(addActOptions(command));
  return command
    .option('--explain', 'say of each photo why it was found: how rare such a likeness is, or what is seen in it')
    .option('--include-self', 'keep the query photos themselves among the results')
    .addOption(modelOption())
    .option('--open', 'open the contact sheet (or the best photo) when done')
    .option('--show', 'draw the photos in the terminal, too')
    .option('--print0', 'print paths alone, each followed by a NUL, for xargs -0')
    .addOption(jsonOption())
    .addHelpText('after', QUERIES)
    .addHelpText(
      'after',
      examples(
        'curate search holiday.jpg -k 12',
        'curate search "border collie"',
        'curate search dog beach',
        'curate search a.jpg:0.7 beach --not b.jpg',
        "curate search --each '*.jpg' --json",
        'curate search beach.jpg --after 2024-06 --landscape --camera canon',
        'curate search cat.jpg -k 40 --sheet cats.html --open',
        'curate search cat.jpg -k 40 --copy-to ~/cats',
        'curate search cat.jpg --print0 | xargs -0 ls -l',
      ),
    )
    .action(act(search, { graceful: true }));
}

function orderOption(): Option {
  return new Option('--order <order>', 'rank by how far what is near agrees with the query, or by the score alone')
    .choices(['rerank', 'cosine'] satisfies SearchOrder[])
    .default('rerank' satisfies SearchOrder);
}

const QUERIES = `
A query is
  holiday.jpg        a photo, in or outside the library
  holidays/          a folder: all its photos
  'IMG_2*.jpg'       a pattern, in quotes: all photos it matches
  beach              a word, unless a file has that name: "curate words"
  word:beach         a word in any case
  -                  a photo on standard input
  @3                 the third photo that the last search found
  a.jpg:0.7          any of these with a weight (1 unless given)
`;

async function search(context: Context, args: string[], given: SearchFlags): Promise<ExitCode> {
  const { world } = context;
  const flags = { ...given, json: wantsJson(given), ...fieldsOf(given) };
  const action = actionOf(world.cwd, flags);
  demandCompatible(flags, action);
  const work = searchAndAct(context, args, flags, action);
  // What was copied or moved until then is told.
  return action === null ? unlessInterrupted(world.interrupted, work) : work;
}

async function searchAndAct(
  context: Context,
  args: string[],
  flags: SearchFlags,
  action: Action | null,
): Promise<ExitCode> {
  const { world } = context;
  sheetWishes(world.cwd, flags);
  const started = world.elapsed();
  if (flags.sheet !== undefined) {
    const { checkSheetFile } = await import('../output/sheet/sheet.ts');
    await checkSheetFile(world, resolve(world.cwd, flags.sheet));
  }
  const wanted = searchOf(flags, restrictionOf(world.cwd, flags));
  const settings = context.settings({ model: flags.model });
  const asked = await readAsked(world, settings.paths.data, args, flags);
  const session = await openSession(world, settings);
  const { createProgress } = await import('../output/terminal/progress.ts');
  const progress = createProgress(world, 'Reading the query photos');
  const run = { context, session, asked, flags, action, search: wanted, progress, started };
  try {
    if (!flags.each) return await searchTogether(run);
    const { searchEach } = await import('./search-each.ts');
    return await searchEach(run);
  } finally {
    progress.finish();
    await Promise.all([session.close(), asked.close()]);
  }
}

/** What is printed of each photo, with what explains it where that is asked for. */
function fieldsOf({ fields, explain }: SearchFlags): Pick<SearchFlags, 'fields'> {
  if (fields === undefined || !explain) return {};
  return { fields: [...new Set([...fields, 'closerThan', 'explanation'] as const)] };
}

/** @throws UserError `usage` */
function demandCompatible(
  { each, sheet, open, explain, fields, as, print0, json, show }: SearchFlags,
  action: Action | null,
): void {
  if (show && (json || print0)) {
    throw usageError(
      '--show draws among the results, for people.',
      `Leave it out, or print them without ${json ? '--json' : '--print0'}.`,
    );
  }
  if (explain && (print0 || as === 'paths')) {
    throw usageError(
      '--explain says more of a photo than its path.',
      `Leave out ${print0 ? '--print0' : '--as paths'}.`,
    );
  }
  if (fields !== undefined && (print0 || as === 'paths')) {
    throw usageError(
      '--fields chooses what is printed of a photo beside others; here it is the path alone.',
      `Leave it out, or print a column instead of ${print0 ? '--print0' : '--as paths'}: --as tsv`,
    );
  }
  if (each && sheet !== undefined && !/\.html$/i.test(sheet)) {
    throw usageError(
      'With --each a contact sheet is a page.',
      'End its name in .html; a picture shows the answer to one query.',
    );
  }
  if (each && ((open && sheet === undefined) || action !== null)) {
    throw usageError(
      '--each only shows what it finds.',
      'Leave it out to open the best photo, or to copy, link or move.',
    );
  }
}

function searchOf(flags: SearchFlags, restriction: Restriction): QuerySearch {
  const { minScore, order, includeSelf = false, exact = false } = flags;
  const explain = isExplained(flags);
  const searched = { k: wantedOf(flags), order, includeSelf, exact, restriction, explain, ...spreadOf(flags) };
  return minScore === undefined ? searched : { ...searched, minScore };
}

async function searchTogether({
  context,
  session,
  asked,
  flags,
  action,
  search,
  progress,
  started,
}: SearchRun): Promise<ExitCode> {
  const { world } = context;
  const [{ resolveTerm }, { startParts }] = await Promise.all([
    import('../library/query/resolve.ts'),
    import('../library/query/outside.ts'),
  ]);
  const wanted: QueryTerm[] = [];
  for (const text of asked.wanted) wanted.push(...(await resolveTerm(text, false, asked.deps)));
  const unwanted: QueryTerm[] = [];
  for (const text of asked.unwanted) unwanted.push(...(await resolveTerm(text, true, asked.deps)));
  const outside = await startParts(session, [...wanted, ...unwanted]);
  const { searchByQuery } = await import('../library/query/search.ts');
  const onRead = readProgress(world, progress, started);
  const { createProgress } = await import('../output/terminal/progress.ts');
  const comparing = createProgress(world, 'Comparing the photos with each other');
  const onCompared = (share: number): void => {
    progress.finish();
    readProgress(world, comparing, started)(Math.round(share * 100), 100);
  };
  const deps = { session, signal: world.interrupted, threads: world.cores, outside, onRead, onCompared };
  const answering = searchByQuery(deps, [...wanted, ...unwanted], search).finally(() => comparing.finish());
  const [answer] = await Promise.all([answering, showing()]);
  // Nothing more is asked of the worker and the store, which take their time to end: who waits for that is told.
  session.close().catch(() => undefined);
  progress.finish();
  const outcome = await show(context, { flags, action, wanted, answer, elapsedMs: world.elapsed() - started, session });
  return answer.notices.some(({ kind }) => kind === 'unread') ? ExitCode.somePhotosFailed : outcome;
}
