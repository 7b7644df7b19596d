import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { usageError } from '../errors.ts';
import type { FoundPhoto } from '../library/search.ts';
import type { Session } from '../library/session.ts';
import type { SearchResultRow } from '../output/result-row.ts';
import { writeJson, writeLine } from '../output/streams.ts';
import { takenAt } from '../photos/taken.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { addFilterOptions, type FilterFlags, filterOf } from './filter.ts';
import { jsonOption, modelOption, numberBetween, wholeNumber } from './options.ts';
import { openSession } from './session.ts';

interface SearchFlags extends FilterFlags {
  k: number;
  minScore?: number;
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
    .option('--min-score <s>', 'leave out photos below this cosine similarity (-1 to 1)', numberBetween(-1, 1));
  return addFilterOptions(command)
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
        'curate search beach.jpg --after 2024-06 --before 2024-09',
        'curate search cat.jpg --k 40 --sheet cats.html --open',
        'curate search cat.jpg --print0 | xargs -0 -I{} cp {} ~/cats/',
      ),
    )
    .action(act(search));
}

async function search(context: Context, photos: string[], flags: SearchFlags): Promise<ExitCode> {
  const { world } = context;
  if (flags.json && flags.print0) throw usageError('--json and --print0 exclude each other.', 'Choose one.');
  const started = world.elapsed();
  const queries = photos.map((photo) => resolve(world.cwd, photo));
  if (flags.sheet !== undefined) {
    const { checkSheetFile } = await import('../output/sheet.ts');
    await checkSheetFile(world, resolve(world.cwd, flags.sheet));
  }
  const { embedQueries, meanDirection, searchVector, unusableQuery } = await import('../library/search.ts');
  // A slip of the hand should not set up a store first.
  const missing = queries.find((query) => !existsSync(query));
  if (missing !== undefined) throw unusableQuery(missing, 'does not exist');
  const session = await openSession(world, context.settings({ model: flags.model }));
  try {
    // The store opens while the queries are being embedded: neither waits for the other.
    const opening = session.index();
    const embedder = await session.embedder();
    const filter = await filterOf(async () => (await opening).store, world.cwd, flags);
    const minScore = flags.minScore === undefined ? {} : { minScore: flags.minScore };
    const [embedded, index] = await Promise.all([embedQueries(embedder, queries), opening]);
    const found = await searchVector(index, {
      vector: meanDirection(embedded.map(({ vector }) => vector)),
      k: flags.k,
      without: flags.includeSelf ? [] : queries,
      ...(filter === null ? {} : { filter }),
      ...minScore,
    });
    const results = found.map(toRow);
    if (results.length === 0) {
      const { explainEmptiness } = await import('./emptiness.ts');
      await explainEmptiness(session);
    }
    const elapsedMs = Math.round(world.elapsed() - started);
    await show(context, { flags, queries, results, elapsedMs, session });
    return ExitCode.done;
  } finally {
    await session.close();
  }
}

function toRow(photo: FoundPhoto, index: number): SearchResultRow {
  return {
    rank: index + 1,
    path: photo.file,
    score: photo.score,
    library: photo.libraryName,
    width: photo.width,
    height: photo.height,
    takenAt: takenAt(photo),
    sizeBytes: photo.size,
    available: photo.available,
  };
}

interface Shown {
  readonly flags: SearchFlags;
  readonly queries: readonly string[];
  readonly results: readonly SearchResultRow[];
  readonly elapsedMs: number;
  readonly session: Session;
}

async function show(context: Context, { flags, queries, results, elapsedMs, session }: Shown): Promise<void> {
  const { world } = context;
  if (flags.sheet !== undefined) await makeSheet(context, flags.sheet, queries, results);
  if (flags.json) {
    const { id, sha256, dim } = await session.model();
    const model = { id, sha256, dim };
    writeJson(world, {
      schema: 'curate.search/1',
      query: queries,
      k: flags.k,
      model,
      results,
      elapsedMs,
    });
  } else if (flags.print0) {
    for (const { path } of results) world.stdout.write(`${path}\0`);
  } else if (results.length === 0) {
    writeLine(world.stderr, nothingFound(flags));
  } else {
    const { renderHits } = await import('../output/table.ts');
    const { terminalOf } = await import('../output/terminal.ts');
    world.stdout.write(renderHits(results, terminalOf(world, world.stdout, session.settings)));
  }
  const toOpen = flags.sheet === undefined ? results[0]?.path : resolve(world.cwd, flags.sheet);
  if (flags.open && toOpen !== undefined) {
    const { openFile } = await import('../output/open-file.ts');
    await openFile(world, toOpen);
  }
}

function nothingFound({ minScore, in: folders, after, before }: SearchFlags): string {
  if (minScore !== undefined) return 'No photo is that alike.';
  const restricted = [folders, after, before].some((flag) => flag !== undefined);
  return restricted ? 'No indexed photo lies within --in, --after and --before.' : 'No other photo is indexed.';
}

async function makeSheet(
  { world }: Context,
  sheet: string,
  queries: readonly string[],
  results: readonly SearchResultRow[],
): Promise<void> {
  const [{ writeSheet }, { openDisplay }] = await Promise.all([
    import('../output/sheet.ts'),
    import('../photos/display.ts'),
  ]);
  await writeSheet(world, openDisplay(world), resolve(world.cwd, sheet), { queries, results });
  writeLine(world.stderr, `Contact sheet: ${sheet}`);
}
