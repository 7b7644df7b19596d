import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import type { Action } from '../library/act/act.ts';
import type { SearchOrder } from '../library/ranking/ranker.ts';
import type { Session } from '../library/session.ts';
import type { SearchResultRow } from '../output/result-row.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { act as actOnPhotos } from './act.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { type ActFlags, actionOf, addActOptions } from './flags/act.ts';
import { addFilterOptions, type FilterFlags, isDated, isRestricted, restrictionOf } from './flags/filter.ts';
import { jsonOption, modelOption, numberBetween, wholeNumber } from './flags/options.ts';
import { openSession } from './session.ts';

interface SearchFlags extends FilterFlags, ActFlags {
  k: number;
  minScore?: number;
  order: SearchOrder;
  includeSelf?: boolean;
  model?: string;
  sheet?: string;
  open?: boolean;
  print0?: boolean;
  json?: boolean;
}

export function searchCommand(act: Act): Command {
  const command = new Command('search')
    .description('find the photos most like one photo, or like several taken together')
    .argument('<photo...>', 'query photos, in or outside the library')
    .option('--k <n>', 'how many photos to find', wholeNumber(1, 10_000), 6)
    .option('--min-score <s>', 'leave out photos below this cosine similarity (-1 to 1)', numberBetween(-1, 1))
    .addOption(orderOption());
  return addActOptions(addFilterOptions(command))
    .option('--include-self', 'keep the query photos themselves among the results')
    .addOption(modelOption())
    .option('--sheet <file>', 'write a contact sheet: .html, or a picture: .jpg, .png, .webp')
    .option('--open', 'open the contact sheet (or the best photo) when done')
    .option('--print0', 'print paths alone, each followed by a NUL, for xargs -0')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'curate search holiday.jpg --k 6',
        'curate search cat.jpg dog.jpg --in ~/Photos/2024 --min-score 0.5',
        'curate search beach.jpg --after 2024-06 --landscape --camera canon',
        'curate search cat.jpg --k 40 --sheet cats.html --open',
        'curate search cat.jpg --k 40 --copy-to ~/cats',
        'curate search cat.jpg --print0 | xargs -0 ls -l',
      ),
    )
    .action(act(search));
}

function orderOption(): Option {
  return new Option('--order <order>', 'rank by how far what is near agrees with the query, or by the score alone')
    .choices(['rerank', 'cosine'] satisfies SearchOrder[])
    .default('rerank' satisfies SearchOrder);
}

/** From this many query photos on, reading them takes long enough to be shown. */
const MANY = 8;

async function search(context: Context, photos: string[], flags: SearchFlags): Promise<ExitCode> {
  const { world } = context;
  if (flags.json && flags.print0) throw usageError('--json and --print0 exclude each other.', 'Choose one.');
  const action = actionOf(world.cwd, flags);
  const started = world.elapsed();
  const queries = photos.map((photo) => resolve(world.cwd, photo));
  if (flags.sheet !== undefined) {
    const { checkSheetFile } = await import('../output/sheet/sheet.ts');
    await checkSheetFile(world, resolve(world.cwd, flags.sheet));
  }
  const [{ searchByPhotos }, { resultRow }, { createProgress }] = await Promise.all([
    import('../library/search.ts'),
    import('../output/documents/library.ts'),
    import('../output/terminal/progress.ts'),
  ]);
  const session = await openSession(world, context.settings({ model: flags.model }));
  const progress = createProgress(world, 'Reading the query photos');
  try {
    const found = await searchByPhotos(
      {
        session,
        signal: world.interrupted,
        onEmbedded: (done, total) => {
          if (total >= MANY) progress.update(done, total);
        },
      },
      {
        photos: queries,
        k: flags.k,
        order: flags.order,
        includeSelf: flags.includeSelf ?? false,
        ...restrictionOf(world.cwd, flags),
        ...(flags.minScore === undefined ? {} : { minScore: flags.minScore }),
      },
    );
    progress.finish();
    const results = found.map(resultRow);
    return await show(context, { flags, action, queries, results, elapsedMs: world.elapsed() - started, session });
  } finally {
    progress.finish();
    await session.close();
  }
}

interface Shown {
  readonly flags: SearchFlags;
  readonly action: Action | null;
  readonly queries: readonly string[];
  readonly results: readonly SearchResultRow[];
  readonly elapsedMs: number;
  readonly session: Session;
}

async function show(context: Context, shown: Shown): Promise<ExitCode> {
  const { flags, action, queries, results, elapsedMs, session } = shown;
  const { world } = context;
  const photos = results.map(({ path }) => path);
  const act = () => actOnPhotos(world, session.settings, { action, photos, yes: flags.yes });
  let acted: Awaited<ReturnType<typeof act>> = null;
  if (flags.sheet !== undefined) await makeSheet(context, flags.sheet, queries, results);
  if (flags.json) {
    const { searchDocument } = await import('../output/documents/library.ts');
    acted = await act();
    const { k, order } = flags;
    const found = searchDocument({ query: queries, k, model: await session.model(), order, results, elapsedMs });
    writeJson(world, acted === null ? found : { ...found, acted });
  } else if (flags.print0) {
    for (const { path } of results) world.stdout.write(`${path}\0`);
  } else if (results.length === 0) {
    writeLine(world.stderr, nothingFound(flags));
  } else {
    const { renderHits } = await import('../output/terminal/table.ts');
    const { terminalOf } = await import('../output/terminal/terminal.ts');
    world.stdout.write(
      renderHits(results, terminalOf(world, world.stdout, session.settings), { fileTimes: isDated(flags) }),
    );
  }
  if (!flags.json) acted = await act();
  const toOpen = flags.sheet === undefined ? results[0]?.path : resolve(world.cwd, flags.sheet);
  if (flags.open && toOpen !== undefined) {
    const { openFile } = await import('../output/open-file.ts');
    await openFile(world, toOpen);
  }
  return acted === null || acted.failed.length === 0 ? ExitCode.done : ExitCode.somePhotosFailed;
}

function nothingFound(flags: SearchFlags): string {
  if (flags.minScore !== undefined) return 'No photo is that alike.';
  return isRestricted(flags) ? 'No other indexed photo passes these filters.' : 'No other photo is indexed.';
}

async function makeSheet(
  { world }: Context,
  sheet: string,
  queries: readonly string[],
  results: readonly SearchResultRow[],
): Promise<void> {
  const [{ writeSheet }, { openDisplay }] = await Promise.all([
    import('../output/sheet/sheet.ts'),
    import('../photos/display.ts'),
  ]);
  await writeSheet(world, openDisplay(world), resolve(world.cwd, sheet), { queries, results });
  writeLine(world.stderr, `Contact sheet: ${sheet}`);
}
