import { Command } from 'commander';
import { UserError } from '../errors.ts';
import type { Belonging } from '../library/uninstall.ts';
import { askYesNo, canAsk } from '../output/terminal/ask.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { bytes } from '../output/text.ts';
import type { World } from '../world.ts';
import { type Act, type Context, details, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';

interface UninstallFlags {
  yes?: boolean;
  json?: boolean;
}

export function uninstallCommand(act: Act): Command {
  return new Command('uninstall')
    .description('say what of curate lies where on this machine, and remove it after asking')
    .option('--yes', 'remove it without asking')
    .addOption(jsonOption())
    .addHelpText('after', examples('curate uninstall', 'curate uninstall --yes && npm uninstall --global curate'))
    .addHelpText(
      'after',
      details(
        'It ends the embedded server and removes the index, the Python environment, models, caches and settings. Photos, ' +
          'pictures and their lineage files stay, and so does an index on a Milvus server of your own. Without undo ' +
          'journals, moved photos cannot be put back any more.',
      ),
    )
    .action(act(uninstall));
}

async function uninstall(context: Context, { yes = false, json = false }: UninstallFlags): Promise<ExitCode> {
  const { world } = context;
  const { paths } = context.settings();
  const [{ belongings, removeBelongings }, { isIndexing }, { stopLite }] = await Promise.all([
    import('../library/uninstall.ts'),
    import('../library/index/lock.ts'),
    import('../store/lite/server.ts'),
  ]);
  const owned = await belongings(paths);
  for (const { what, path, bytes: size } of owned)
    writeLine(world.stderr, `${bytes(size).padStart(8)}  ${path}  (${what})`);
  if (await isIndexing({ paths })) {
    throw new UserError('index_busy', 'Photos are being indexed; nothing was removed.', {
      kind: 'refused',
      hint: 'End that run first, also one that watches: it would write into what is gone.',
    });
  }
  if (!yes && owned.length > 0) await confirm(world, owned);
  const stopped = await stopLite(world, paths);
  const left = await removeBelongings(paths, owned);
  if (json) writeJson(world, { schema: 'curate.uninstall/1', removed: owned, left, stopped });
  else {
    if (stopped) writeLine(world.stderr, 'Ended the embedded Milvus server.');
    for (const path of left) writeLine(world.stderr, `${path} stays: it is not curate's.`);
    writeLine(world.stderr, owned.length === 0 ? 'Nothing of curate lies on this machine.' : 'Removed all of it.');
    writeLine(world.stderr, 'The program itself: npm uninstall --global curate');
  }
  return ExitCode.done;
}

async function confirm(world: World, owned: readonly Belonging[]): Promise<void> {
  const refused = (why: string): UserError =>
    new UserError('not_confirmed', why, { kind: 'refused', hint: 'Say --yes to remove it without being asked.' });
  if (!canAsk(world)) throw refused('There is no terminal to ask on; nothing was removed.');
  const total = bytes(owned.reduce((sum, { bytes: size }) => sum + size, 0));
  const message = `Remove all of this (${total})? Photos and pictures stay.`;
  if (!(await askYesNo(world, { message, onCancel: 'Interrupted; nothing was removed.' }))) {
    throw refused('Nothing was removed.');
  }
}
