import { Command } from 'commander';
import { systemErrorCode, UserError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import type { ImportReport } from '../library/import/import.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import { type Act, type Context, details, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption, modelOption } from './flags/options.ts';
import { checkLibrary } from './index.ts';
import { openSession } from './session.ts';

interface ImportFlags {
  library?: string;
  model?: string;
  json?: boolean;
}

const DETAILS = `
Takes the vectors of a file, as "curate export" and "curate embed --out" write it, into the index instead of embedding
the photos: those that were made on a faster machine, say, with the same model. The photos must be on this machine, and
are read for their size and date. Each is recognised by its content where the file has sha256 sums, else by the end of
its path. Photos in the folders that the file does not have are left to "curate index".

Before anything is written twenty of the photos are embedded and compared: a cosine below 0.99 for more than a tenth of
them refuses the file (exit code 4).
`;

export function importCommand(act: Act): Command {
  return new Command('import')
    .description('index photos with vectors that were made elsewhere by the same model')
    .argument('<file>', '.parquet, or .npy with a .json or .jsonl beside it that names the photos')
    .argument('[folder...]', 'folders that hold the photos (default: where the file says they are)')
    .option('--library <name>', 'the library that the folder belongs to on every machine that names it')
    .addOption(modelOption())
    .addOption(jsonOption())
    .addHelpText('after', details(DETAILS))
    .addHelpText(
      'after',
      examples('curate import vectors.parquet ~/Photos', 'curate import vectors.npy /mnt/nas/Photos --library family'),
    )
    .action(act(importFile, { graceful: true }));
}

async function importFile(context: Context, name: string, folders: string[], flags: ImportFlags): Promise<ExitCode> {
  const { world } = context;
  const file = typedPath(world.cwd, name);
  const roots = folders.map((folder) => typedPath(world.cwd, folder));
  if (flags.library !== undefined) checkLibrary(flags.library, roots);
  const [{ openVectorFile }, { importVectors }, { createProgress }, { IndexScreen }, { realFolder }] =
    await Promise.all([
      import('../library/import/open.ts'),
      import('../library/import/import.ts'),
      import('../output/terminal/progress.ts'),
      import('../output/terminal/index-screen.ts'),
      import('../library/scopes.ts'),
    ]);
  const real = await Promise.all(roots.map(realFolder));
  const vectors = await openVectorFile(file, world.tmp).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const session = await openSession(world, context.settings({ model: flags.model }));
  const [comparing, screen] = [createProgress(world, 'Comparing'), new IndexScreen(world)];
  try {
    const report = await importVectors(
      {
        world,
        session,
        signal: world.interrupted,
        onEvent: (event) => screen.show(event),
        onCompared: (done, total) => (done < total ? comparing.update(done, total) : comparing.finish()),
        confirmPrune: async (_, photos, reason) => screen.confirmPrune(photos, reason),
      },
      vectors,
      { name, roots: real, ...(flags.library === undefined ? {} : { library: flags.library }) },
    );
    screen.end();
    if (flags.json) {
      const { importDocument } = await import('../output/documents/library.ts');
      writeJson(world, importDocument(report, file));
    } else show(context, report, name);
    if (report.run.report.interrupted) return ExitCode.interrupted;
    const { libraries } = report.run.report;
    return libraries.some(({ failed }) => failed.length > 0) ? ExitCode.somePhotosFailed : ExitCode.done;
  } finally {
    comparing.finish();
    screen.end();
    await Promise.all([vectors.close(), session.close()]);
  }
}

function show({ world }: Context, { run, rows, taken, left, compared }: ImportReport, name: string): void {
  for (const library of run.report.libraries) {
    const unchanged = library.unchanged > 0 ? ` (${library.unchanged.toLocaleString('en-US')} unchanged)` : '';
    writeLine(world.stdout, `${library.name}: ${count(library.photos, 'photo')}${unchanged}  ${library.root}`);
  }
  writeLine(world.stdout, `${taken.toLocaleString('en-US')} of ${count(rows, 'vector')} taken from ${name}.`);
  const lowest = compared.lowestCosine.toFixed(4);
  writeLine(world.stdout, `${count(compared.photos, 'photo')} embedded here to compare: lowest cosine ${lowest}.`);
  if (left > 0)
    writeLine(world.stdout, `${count(left, 'photo')} not in the file as they are now: curate index embeds them.`);
}

function unreadable(file: string, error: unknown): unknown {
  const code = systemErrorCode(error instanceof UserError ? error.cause : error);
  if (code !== 'ENOENT') return error;
  return new UserError('import_missing', `There is no file ${file}.`, { hint: 'Check the spelling.', cause: error });
}
