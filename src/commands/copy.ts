import { join } from 'node:path';
import { Command } from 'commander';
import { UserError, usageError } from '../errors.ts';
import type { CopyReport } from '../library/copy/copy.ts';
import type { Session } from '../library/session.ts';
import { askYesNo, canAsk } from '../output/terminal/ask.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count, listed } from '../output/text.ts';
import type { Settings } from '../settings.ts';
import { placeOf } from '../store/milvus/endpoint.ts';
import type { World } from '../world.ts';
import { type Act, type Context, details, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { gather, jsonOption } from './flags/options.ts';
import { openSession } from './session.ts';

interface CopyFlags {
  to?: string;
  from?: string;
  library?: string[];
  yes?: boolean;
  json?: boolean;
}

const DETAILS = `
Copies the libraries, with the vectors of every model, to another place for the index (or from it to the one in use):
a Milvus server, Zilliz Cloud, or "lite", the embedded Milvus Lite of this machine. Nothing is embedded, and nothing is
changed where the index was. The token of the other place is CURATE_COPY_TOKEN, an API key or user:password;
--database and CURATE_PREFIX hold for servers in both places.

A copy that was cut off is continued by the same command. At the end both places are compared row by row, which brings
along what was indexed meanwhile, and by fifty searches that must find the same photos. Until then the libraries are
marked as not whole in the new place, and no run of curate index touches them there.
`;

export function copyCommand(act: Act): Command {
  return new Command('copy')
    .description('copy the index to or from a Milvus server, and compare both; nothing is embedded')
    .option('--to <uri|lite>', 'the place to copy to (default: the index in use)')
    .option('--from <uri|lite>', 'the place to copy from (default: the index in use)')
    .option('--library <name>', 'only this library; may be given several times', gather)
    .option('--yes', 'without being asked: where another library has the name already, NAME-2 is taken')
    .addOption(jsonOption())
    .addHelpText('after', details(DETAILS))
    .addHelpText(
      'after',
      examples(
        'curate copy --to http://nas:19530      # then set MILVUS_URI to it',
        'curate copy --from http://nas:19530 --library family',
        'curate copy --to lite                  # back, while MILVUS_URI is set',
      ),
    )
    .action(act(copy, { graceful: true }));
}

async function copy(context: Context, flags: CopyFlags): Promise<ExitCode> {
  const { world } = context;
  if (flags.to === undefined && flags.from === undefined) {
    throw usageError(
      'Say where to copy the index.',
      'curate copy --to http://HOST:19530, or --from to have it from there.',
    );
  }
  const settings = context.settings();
  const [source, target] = await Promise.all([placeSettings(settings, flags.from), placeSettings(settings, flags.to)]);
  const [from, to] = await Promise.all([openSession(world, source), openSession(world, target)]);
  const [{ copyIndex, homeName }, { createProgress }] = await Promise.all([
    import('../library/copy/copy.ts'),
    import('../output/terminal/progress.ts'),
  ]);
  const [copying, comparing] = [createProgress(world, 'Copying'), createProgress(world, 'Comparing searches')];
  try {
    const report = await copyIndex(
      {
        world,
        from,
        to,
        signal: world.interrupted,
        onEvent: (event) => {
          if (event.kind === 'waiting') copying.note('Another curate is changing the index; waiting for it to end.');
          else if (event.kind === 'leased') {
            copying.note(`${event.lease.holder} indexes ${event.library.name}; waiting for it to end.`);
          } else if (event.kind === 'copying') copying.update(event.done, event.total);
          else {
            copying.finish();
            comparing.update(event.done, event.total);
          }
        },
        confirmName: async ({ name }, other) => flags.yes ?? (await confirm(world, homeName(to), name, other)),
      },
      flags.library ?? [],
    );
    comparing.finish();
    await show(context, report, { from, to, flags });
    return ExitCode.done;
  } catch (error) {
    throw ofOther(
      error,
      [from, to].filter((session) => session.settings.milvusUri !== settings.milvusUri),
    );
  } finally {
    copying.finish();
    comparing.finish();
    await Promise.all([from.close(), to.close()]);
  }
}

interface Shown {
  readonly from: Session;
  readonly to: Session;
  readonly flags: CopyFlags;
}

async function show({ world }: Context, report: CopyReport, { from, to, flags }: Shown): Promise<void> {
  const { libraries, rows, copied, verified } = report;
  const [{ copyDocument }, { storeKey }, { homeName }] = await Promise.all([
    import('../output/documents/library.ts'),
    import('../library/active-model.ts'),
    import('../library/copy/copy.ts'),
  ]);
  if (flags.json) {
    writeJson(world, copyDocument(report, { from: storeKey(from.settings), to: storeKey(to.settings) }));
    return;
  }
  for (const { name, photos } of libraries) writeLine(world.stdout, `${name}: ${count(photos, 'photo')}`);
  const written = copied === rows ? '' : ` (${copied.toLocaleString('en-US')} of them now)`;
  writeLine(world.stdout, `${count(rows, 'row')} copied from ${homeName(from)} to ${homeName(to)}${written}.`);
  writeLine(
    world.stdout,
    `Both have the same rows, and ${verified.equal} of ${verified.searches} searches find the same photos.`,
  );
  if (flags.to === undefined) return;
  const { milvusUri, milvusToken, database, paths } = to.settings;
  const config = join(paths.config, 'config.json');
  if (milvusUri === undefined) {
    const where = `leave MILVUS_URI empty, in the environment and in .env, and have no "milvusUri" in ${config}.`;
    writeLine(world.stderr, `To use it from now on: ${where}`);
    return;
  }
  const set = [
    { name: 'milvusUri', what: `MILVUS_URI=${milvusUri}` },
    ...(database === undefined ? [] : [{ name: 'database', what: `CURATE_DATABASE=${database}` }]),
    ...(milvusToken === undefined ? [] : [{ name: 'milvusToken', what: 'MILVUS_TOKEN to what CURATE_COPY_TOKEN is' }]),
  ];
  const names = listed(set.map(({ name }) => `"${name}"`));
  const where = `in the environment or in .env, or ${names} in ${config}.`;
  writeLine(world.stderr, `To use it from now on: set ${listed(set.map(({ what }) => what))}, ${where}`);
}

/** The settings with another place for the index. @param place an address, `lite`, or absent for the one in use */
async function placeSettings(settings: Settings, place: string | undefined): Promise<Settings> {
  if (place === undefined && settings.milvusUri !== undefined) return settings;
  if (place === undefined || place === 'lite')
    return { ...settings, milvusUri: undefined, milvusToken: undefined, database: undefined };
  const { splitAccount } = await import('../settings.ts');
  if (splitAccount(place).account !== undefined) {
    throw new UserError('usage', 'An account on the command line can be read by everybody on this machine.', {
      hint: 'Leave it out of the address, and put it into the environment variable CURATE_COPY_TOKEN as user:password.',
      kind: 'usage',
    });
  }
  const { milvusUri, milvusToken, copyToken } = settings;
  return { ...settings, milvusUri: place, milvusToken: place === milvusUri ? milvusToken : copyToken };
}

/** What is wrong with the place that was named is not mended by the settings of the one in use. */
function ofOther(error: unknown, others: readonly Session[]): unknown {
  const hints: Readonly<Record<string, string>> = {
    store_auth: 'Set the environment variable CURATE_COPY_TOKEN to an API key or to user:password.',
    store_unreachable: 'Check that it runs and that the address is right.',
  };
  const hint = error instanceof UserError ? hints[error.code] : undefined;
  if (!(error instanceof UserError) || hint === undefined) return error;
  const places = others.flatMap(({ settings: { milvusUri } }) => (milvusUri === undefined ? [] : [placeOf(milvusUri)]));
  if (!places.some((place) => place !== null && error.message.includes(place))) return error;
  return new UserError(error.code, error.message, { hint, cause: error });
}

async function confirm(world: World, place: string, name: string, other: string): Promise<boolean> {
  if (!canAsk(world)) return false;
  const message = `${place} has another library called ${name}. Keep this one beside it, as ${other}?`;
  return askYesNo(world, { message, onCancel: 'Interrupted; nothing was copied.' });
}
