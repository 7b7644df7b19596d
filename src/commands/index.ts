import { Command } from 'commander';
import { usageError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import type { IndexReport } from '../library/index/events.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { deviceOption, gather, jobsOption, jsonOption, modelOption } from './flags/options.ts';
import type { IndexFlags } from './index-once.ts';

export function indexCommand(act: Act): Command {
  return new Command('index')
    .description('embed every photo below the folders and keep the index up to date with them')
    .argument('[folder...]', 'folders of photos (default: every folder indexed before)')
    .option('--library <name>', 'the library that the folder belongs to on every machine that names it')
    .addOption(modelOption())
    .addOption(jobsOption())
    .addOption(deviceOption())
    .option('--gentle', 'run at the lowest priority, so that other programs do not notice')
    .option('--exact', 'decode every photo in full: slower, agrees with the reference to a cosine of 0.9999')
    .option('--ignore <pattern>', 'leave out what matches, in gitignore syntax (may be repeated)', gather)
    .option(
      '--prune',
      'remove photos from the index even when it looks as if a drive were away or another one in its place, or they were only ever on another machine',
    )
    .option('--dry-run', 'say what a run would do, and change nothing')
    .option('--watch', 'keep running until interrupted, and index what changes soon after it changes')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'curate index ~/Photos',
        'curate index ~/Photos /media/archive --ignore "*.png" --ignore exports/',
        'curate index /mnt/nas/Photos --library family',
        'curate index            # everything indexed before, once more',
        'curate index --watch    # and from then on whatever changes',
      ),
    )
    .action(act(index, { graceful: true }));
}

async function index(context: Context, folders: string[], flags: IndexFlags): Promise<ExitCode> {
  const roots = folders.map((folder) => typedPath(context.world.cwd, folder));
  if (flags.library !== undefined) checkLibrary(flags.library, roots);
  if (!flags.watch) {
    const { indexOnce } = await import('./index-once.ts');
    return outcome(await indexOnce(context, roots, flags));
  }
  const { watchIndex } = await import('./index-watch.ts');
  return await watchIndex(context, roots, flags);
}

function outcome(report: IndexReport): ExitCode {
  if (report.interrupted) return ExitCode.interrupted;
  return report.libraries.some(({ failed }) => failed.length > 0) ? ExitCode.somePhotosFailed : ExitCode.done;
}

/** What a person gives with --library. @throws UserError `usage` */
export function checkLibrary(name: string, roots: readonly string[]): void {
  if (roots.length !== 1) throw usageError('--library takes one folder.', 'Index the folders one by one.');
  if (name.trim() !== '' && !/[/\\\p{Cc}]/u.test(name)) return;
  throw usageError('The name of a library is a word or a few, without slashes.', 'Name it as in --library family.');
}
