import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { UserError, usageError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import type { PrivacyReport } from '../picture/private-report.ts';
import type { World } from '../world.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';
import { openSession } from './session.ts';

export function privateCommand(act: Act): Command {
  const command = new Command('private').description('say which photos are private, and by which rule');
  command
    .command('check')
    .description('say of photos whether they would be sent, by the rules and by what they show')
    .argument('<file...>', 'the photos')
    .addOption(jsonOption())
    .addHelpText('after', examples('curate private check team.jpg', 'curate private check *.jpg --json'))
    .action(act(check));
  command
    .command('list')
    .description('list the indexed photos that are private by a rule')
    .addOption(jsonOption())
    .addHelpText('after', examples('curate private list'))
    .action(act(list));
  return command;
}

async function check(context: Context, files: readonly string[], { json }: { json?: boolean }): Promise<ExitCode> {
  const { world } = context;
  const paths = files.map((file) => typedPath(world.cwd, file));
  for (const path of paths) await demandFile(path);
  const { checkPrivacy } = await import('../picture/private-report.ts');
  const session = await openSession(world, context.settings());
  try {
    show(world, await checkPrivacy(paths, { world, settings: session.settings, session }), json);
  } finally {
    await session.close();
  }
  return ExitCode.done;
}

async function list(context: Context, { json }: { json?: boolean }): Promise<ExitCode> {
  const { world } = context;
  const { listPrivate } = await import('../picture/private-report.ts');
  const session = await openSession(world, context.settings());
  try {
    show(world, await listPrivate({ world, settings: session.settings, session }), json);
  } finally {
    await session.close();
  }
  return ExitCode.done;
}

/** @throws UserError when there is no such file: what does not exist would be called public by mistake */
async function demandFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new UserError('photo_unreadable', `The photo ${path} cannot be read.`, { hint: 'Name another.', cause });
  });
  if (found.isDirectory()) throw usageError(`${path} is a folder.`, 'Name photos: curate private check FOLDER/*');
}

function show(world: World, photos: readonly PrivacyReport[], json = false): void {
  if (json) {
    writeJson(world, { schema: 'curate.private/1', photos });
    return;
  }
  if (photos.length === 0) writeLine(world.stderr, 'No indexed photo is private.');
  for (const { path, rule } of photos)
    writeLine(world.stdout, `${path}  ${rule === null ? 'public' : `private: ${rule}`}`);
}
