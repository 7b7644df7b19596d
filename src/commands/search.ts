import { resolve } from 'node:path';
import { Command } from 'commander';
import { ExitCode, UserError, usageError } from '../errors.ts';
import type { FoundPhoto } from '../library/search.ts';
import type { SearchResultRow } from '../output/result-row.ts';
import { writeJson, writeLine } from '../output/streams.ts';
import type { PhotoFilter, PhotoStore } from '../store/port.ts';
import { type Act, type Context, examples } from './command.ts';
import { type OpenLibrary, openLibrary } from './open.ts';
import { gather, jsonOption, modelOption, numberBetween, wholeNumber } from './options.ts';

interface SearchFlags {
  k: number;
  minScore?: number;
  in: string[];
  includeSelf?: boolean;
  model?: string;
  sheet?: string;
  open?: boolean;
  print0?: boolean;
  json?: boolean;
}

export function searchCommand(act: Act): Command {
  return new Command('search')
    .description('find the photos most like one photo, or like several taken together')
    .argument('<photo...>', 'query photos, in or outside the library')
    .option('--k <n>', 'how many photos to find', wholeNumber(1, 10_000), 6)
    .option('--min-score <s>', 'leave out photos below this cosine similarity (-1 to 1)', numberBetween(-1, 1))
    .option('--in <folder>', 'only photos below this folder (may be repeated)', gather, [])
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
        'curate search cat.jpg --k 40 --sheet cats.html --open',
        'curate search cat.jpg --print0 | xargs -0 -I{} cp {} ~/cats/',
      ),
    )
    .action(act(search));
}

async function search(context: Context, photos: string[], flags: SearchFlags): Promise<ExitCode> {
  const { world } = context;
  if (flags.json && flags.print0) throw usageError('--json and --print0 exclude each other.', 'Choose one.');
  const started = performance.now();
  const queries = photos.map((photo) => resolve(world.cwd, photo));
  const library = await openLibrary(context, flags);
  const embedder = await library.openEmbedder({ jobs: 1 });
  try {
    const { searchPhotos } = await import('../library/search.ts');
    const filter = flags.in.length === 0 ? {} : { filter: await filterFor(library, world.cwd, flags.in) };
    const minScore = flags.minScore === undefined ? {} : { minScore: flags.minScore };
    const found = await searchPhotos(
      { embedder, store: library.store },
      { queries, k: flags.k, includeSelf: flags.includeSelf ?? false, ...filter, ...minScore },
    );
    const results = found.map(toRow);
    if (results.length === 0) await explainEmptiness(library, flags);
    const elapsedMs = Math.round(performance.now() - started);
    await show(context, { flags, queries, results, elapsedMs, library });
    return ExitCode.done;
  } finally {
    await Promise.all([embedder.close(), library.close()]);
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
    takenAt: photo.takenMs === null ? null : new Date(photo.takenMs).toISOString(),
    sizeBytes: photo.size,
    available: photo.available,
  };
}

async function filterFor(library: OpenLibrary, cwd: string, folders: readonly string[]): Promise<PhotoFilter> {
  const [{ within }, { realFolder }] = await Promise.all([
    import('../library/scope.ts'),
    import('../library/scopes.ts'),
  ]);
  const libraries = await (await library.store).libraries();
  const parts: NonNullable<PhotoFilter['within']>[number][] = [];
  for (const folder of folders) {
    const absolute = resolve(cwd, folder);
    // A drive that is away has no real path, but its photos may still be asked for.
    const found = within(libraries, await realFolder(absolute).catch(() => absolute));
    if (found === null || found === undefined) {
      throw new UserError('not_indexed', `No indexed photo lies below ${folder}.`, {
        hint: `Index it first: curate index ${folder}`,
      });
    }
    parts.push(...found);
  }
  return { within: parts };
}

/** Nothing found has two meanings: nothing is like it, or nothing is there to search. */
async function explainEmptiness(library: OpenLibrary, flags: SearchFlags): Promise<void> {
  const store: PhotoStore = await library.store;
  if ((await store.count()) > 0) return;
  const others = (await store.collections()).filter(({ photos }) => photos > 0);
  const [other] = others;
  if (other !== undefined) {
    throw new UserError('other_model', `Nothing is indexed with the model ${library.model.id}.`, {
      hint: `The index was made with ${other.model.id}: add --model ${other.model.id}, or index again with --model ${flags.model ?? library.model.id}.`,
    });
  }
  throw new UserError('nothing_indexed', 'Nothing is indexed yet.', {
    hint: 'Index a folder first: curate index FOLDER',
  });
}

interface Shown {
  readonly flags: SearchFlags;
  readonly queries: readonly string[];
  readonly results: readonly SearchResultRow[];
  readonly elapsedMs: number;
  readonly library: OpenLibrary;
}

async function show(context: Context, { flags, queries, results, elapsedMs, library }: Shown): Promise<void> {
  const { world } = context;
  if (flags.sheet !== undefined) await makeSheet(context, flags.sheet, queries, results);
  if (flags.json) {
    const { id, sha256, dim } = library.model;
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
    writeLine(world.stderr, 'No photo is that alike.');
  } else {
    const { renderHits } = await import('../output/table.ts');
    const { isTTY = false, columns } = world.stdout;
    world.stdout.write(
      renderHits(results, { columns: isTTY ? columns : null, color: isTTY && !library.settings.noColor }),
    );
  }
  const toOpen = flags.sheet === undefined ? results[0]?.path : resolve(world.cwd, flags.sheet);
  if (flags.open && toOpen !== undefined) {
    const { openFile } = await import('../output/open-file.ts');
    await openFile(world, toOpen);
  }
}

async function makeSheet(
  { world }: Context,
  sheet: string,
  queries: readonly string[],
  results: readonly SearchResultRow[],
): Promise<void> {
  const { writeSheet } = await import('../output/sheet.ts');
  await writeSheet(world, resolve(world.cwd, sheet), { queries, results });
  writeLine(world.stderr, `Contact sheet: ${sheet}`);
}
