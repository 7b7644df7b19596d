import { existsSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { Command } from 'commander';
import { systemErrorCode, UserError, usageError, whyUnwritten } from '../errors.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { addFilterOptions, type FilterFlags, filtersGiven, missingFolders, restrictionOf } from './flags/filter.ts';
import { jsonOption, modelOption } from './flags/options.ts';
import { openSession } from './session.ts';

interface ExportFlags extends FilterFlags {
  force?: boolean;
  model?: string;
  json?: boolean;
}

export function exportCommand(act: Act): Command {
  const command = new Command('export')
    .description('write the vectors and fields of the index to a file for other programs; nothing is embedded')
    .argument('<file>', '.npy (and .json with the paths), .parquet, .csv or .jsonl');
  return addFilterOptions(command)
    .option('--force', 'replace a file that is in the way')
    .addOption(modelOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('curate export vectors.npy', 'curate export vectors.parquet --in ~/Photos/2024 --camera canon'),
    )
    .action(act(exportIndex, { graceful: true }));
}

async function exportIndex(context: Context, name: string, flags: ExportFlags): Promise<ExitCode> {
  const { world } = context;
  const file = resolve(world.cwd, name);
  const [{ EXPORTS }, { besideNpy }, { indexedPhotos }] = await Promise.all([
    import('../output/exports/export.ts'),
    import('../output/exports/npy.ts'),
    import('../library/exported.ts'),
  ]);
  const write = EXPORTS.get(extname(file).toLowerCase());
  if (write === undefined) {
    throw usageError(`${name} names no format that can be written.`, `End it in ${[...EXPORTS.keys()].join(', ')}.`);
  }
  const written = [...new Set([file, besideNpy(file)])];
  const folder = written.find((one) => existsSync(one) && statSync(one).isDirectory());
  if (folder !== undefined) throw usageError(`${folder} is a folder.`, 'Choose another name.');
  const inTheWay = written.find((one) => existsSync(one));
  if (inTheWay !== undefined && !flags.force) {
    throw new UserError('out_exists', `${inTheWay} is there already.`, {
      hint: 'Choose another name, or say --force to replace it.',
      kind: 'refused',
    });
  }
  const session = await openSession(world, context.settings({ model: flags.model }));
  try {
    const model = await session.model();
    const rows = await write(file, indexedPhotos(session, restrictionOf(world.cwd, flags), world.interrupted), model);
    const { id, sha256, dim } = model;
    if (flags.json) writeJson(world, { schema: 'curate.export/1', file, rows, model: { id, sha256, dim } });
    else writeLine(world.stderr, `Wrote ${count(rows, 'photo')} to ${file}.${whyNone(rows, world.cwd, flags)}`);
    return ExitCode.done;
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw new UserError('out_unwritable', `${file} cannot be written: ${whyUnwritten(file, error)}.`, {
      hint: 'Give it a place you may write to, with room for it.',
      cause: error,
    });
  } finally {
    await session.close();
  }
}

/** What to say where nothing was written, of the filters that let nothing through. */
function whyNone(rows: number, cwd: string, flags: FilterFlags): string {
  const filters = filtersGiven(flags);
  if (rows > 0 || filters === null) return '';
  const missing = missingFolders(cwd, flags).map((folder) => ` There is no folder ${folder}.`);
  return ` No indexed photo passes ${filters}.${missing.join('')}`;
}
