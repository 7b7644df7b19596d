import { resolve } from 'node:path';
import { Command } from 'commander';
import { writeJson, writeLine } from '../output/streams.ts';
import { count } from '../output/text.ts';
import type { PhotoStore } from '../store/port.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './options.ts';
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
    .action(act(relocateLibrary));
  library
    .command('remove')
    .description('forget a library; the photos themselves are not touched')
    .argument('<root>', 'root or name of the library')
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
  try {
    const { store, table } = await session.index();
    const libraries = await Promise.all(
      (await store.libraries()).map(async ({ id, name, root }) => ({ name, root, photos: await table.count(id) })),
    );
    if (flags.json) writeJson(world, { schema: 'curate.library/1', libraries });
    else if (libraries.length === 0)
      writeLine(world.stdout, 'Nothing is indexed yet. Index a folder: curate index FOLDER');
    else
      for (const { name, root, photos } of libraries)
        writeLine(world.stdout, `${name}: ${count(photos, 'photo')}  ${root}`);
    return ExitCode.done;
  } finally {
    await session.close();
  }
}

async function relocateLibrary(context: Context, from: string, to: string, flags: JsonFlag): Promise<ExitCode> {
  const { world } = context;
  return await withLibrary(context, async (store) => {
    const { findLibrary, relocate } = await import('../library/libraries.ts');
    const old = findLibrary(await store.libraries(), from, resolve(world.cwd, from));
    const { name, root } = await relocate(store, old, resolve(world.cwd, to));
    if (flags.json) writeJson(world, { schema: 'curate.library/1', libraries: [{ name, root, from: old.root }] });
    else writeLine(world.stdout, `${name} is at ${root} now.`);
  });
}

async function remove(context: Context, wanted: string, flags: JsonFlag): Promise<ExitCode> {
  const { world } = context;
  return await withLibrary(context, async (store) => {
    const { findLibrary, removeLibrary } = await import('../library/libraries.ts');
    const library = findLibrary(await store.libraries(), wanted, resolve(world.cwd, wanted));
    const removed = await removeLibrary(store, library);
    const { name, root } = library;
    if (flags.json) writeJson(world, { schema: 'curate.library/1', libraries: [{ name, root, removed }] });
    else
      writeLine(
        world.stdout,
        `${name} is forgotten: ${count(removed, 'photo')} left the index; the files stay as they are.`,
      );
  });
}

/** The index must hold still while a library is renamed or removed. */
async function withLibrary(context: Context, work: (store: PhotoStore) => Promise<void>): Promise<ExitCode> {
  const { world } = context;
  const session = await openSession(world, context.settings());
  const [{ withLock }, { indexLock }] = await Promise.all([import('../lock.ts'), import('../library/session.ts')]);
  try {
    const onWait = (): void => writeLine(world.stderr, 'curate index is at work; waiting for it to end.');
    const lock = indexLock(session.settings);
    await withLock(lock, world.pid, { onWait, signal: world.interrupted }, async () => work(await session.store()));
    return ExitCode.done;
  } finally {
    await session.close();
  }
}
