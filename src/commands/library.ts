import { Command } from 'commander';
import { typedPath } from '../files/typed-path.ts';
import type { ChangeDeps, LibraryName, LibraryState } from '../library/libraries.ts';
import { isMounted } from '../library/paths.ts';
import { askYesNo, canAsk } from '../output/terminal/ask.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import type { Lease } from '../store/port.ts';
import type { World } from '../world.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';
import { openSession } from './session.ts';

interface JsonFlag {
  json?: boolean;
}

export function libraryCommand(act: Act): Command {
  const library = new Command('library').description('list the indexed folders, say that one has moved, or forget one');
  library.command('list').description('list the indexed folders').addOption(jsonOption()).action(act(list));
  library
    .command('relocate')
    .description('say where a library is now, such as a drive that mounts elsewhere; nothing is embedded again')
    .argument('<old>', 'root or name of the library')
    .argument('<new>', 'the folder where it is now')
    .addOption(jsonOption())
    .action(act(relocate));
  library
    .command('remove')
    .description('forget a library; the photos themselves are not touched')
    .argument('<root>', 'root or name of the library')
    .option('--yes', 'also one that is not on this machine, without being asked')
    .addOption(jsonOption())
    .action(act(remove));
  return library.addHelpText(
    'after',
    examples(
      'curate library list',
      'curate library relocate /media/old/Photos /media/new/Photos',
      'curate library remove ~/Photos',
    ),
  );
}

async function list(context: Context, flags: JsonFlag): Promise<ExitCode> {
  const { world } = context;
  const session = await openSession(world, context.settings());
  const { listLibraries } = await import('../library/libraries.ts');
  try {
    const libraries = await listLibraries(await session.index(), world.now().getTime());
    if (flags.json) {
      const { librariesDocument } = await documents();
      writeJson(world, librariesDocument(libraries));
    } else if (libraries.length === 0)
      writeLine(world.stdout, 'Nothing is indexed yet. Index a folder: curate index FOLDER');
    else for (const library of libraries) writeLine(world.stdout, libraryLine(library));
    return ExitCode.done;
  } finally {
    await session.close();
  }
}

async function relocate(context: Context, from: string, to: string, flags: JsonFlag): Promise<ExitCode> {
  const { world } = context;
  const { relocateLibrary } = await import('../library/libraries.ts');
  const { library, from: before } = await change(context, (deps) =>
    relocateLibrary(deps, named(world, from), typedPath(world.cwd, to)),
  );
  const { name, root } = library;
  if (flags.json) writeJson(world, (await documents()).libraryChangeDocument({ name, root, from: before }));
  else writeLine(world.stdout, `${name} is at ${root} now.`);
  return ExitCode.done;
}

async function remove(context: Context, wanted: string, flags: JsonFlag & { yes?: boolean }): Promise<ExitCode> {
  const { world } = context;
  const { forgetLibrary } = await import('../library/libraries.ts');
  const { library, removed } = await change(context, (deps) =>
    forgetLibrary(deps, named(world, wanted), async ({ name }) => flags.yes ?? (await confirm(world, name))),
  );
  const { name, root } = library;
  if (flags.json)
    writeJson(
      world,
      (await documents()).libraryChangeDocument({ name, root: isMounted(library) ? root : null, removed }),
    );
  else
    writeLine(
      world.stdout,
      `${name} is forgotten: ${count(removed, 'photo')} left the index; the files stay as they are.`,
    );
  return ExitCode.done;
}

/** One library in a line, as lists and the status have it. */
export function libraryLine({ name, root, photos, available, lease, arriving }: LibraryState): string {
  const place = isMounted({ root }) ? `${root}${available ? '' : '  (away)'}` : '(not on this machine)';
  const busy = lease === undefined ? '' : `  (${lease.holder} indexes it)`;
  const part = arriving === undefined ? '' : `  (not whole: being copied from ${arriving})`;
  return `${name}: ${count(photos, 'photo')}  ${place}${part}${part === '' ? busy : ''}`;
}

async function confirm(world: World, name: string): Promise<boolean> {
  if (!canAsk(world)) return false;
  const message = `${name} is not on this machine. Forget it for every machine that shares it?`;
  return askYesNo(world, { message, onCancel: 'Interrupted; nothing was removed.' });
}

const documents = () => import('../output/documents/library.ts');

const named = ({ cwd }: World, text: string): LibraryName => ({ name: text, root: typedPath(cwd, text) });

async function change<T>(context: Context, work: (deps: ChangeDeps) => Promise<T>): Promise<T> {
  const { world } = context;
  const session = await openSession(world, context.settings());
  const onWait = (lease: Lease | null): void => {
    writeLine(world.stderr, `${lease?.holder ?? 'curate index'} is at work; waiting for it to end.`);
  };
  try {
    return await work({ world, session, signal: world.interrupted, onWait });
  } finally {
    await session.close();
  }
}
