import { UserError, usageError } from '../errors.ts';
import type { IndexReport } from '../library/index/events.ts';
import { isMounted } from '../library/paths.ts';
import type { WatchEvent } from '../library/watch/watch.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { count, duration } from '../output/text.ts';
import type { Context } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { type IndexFlags, indexOnce, type Manner } from './index-once.ts';
import { openSession } from './session.ts';

/** `curate index --watch`: an ordinary run, then one after each burst of changes, until Ctrl-C. */
export async function watchIndex(context: Context, roots: readonly string[], flags: IndexFlags): Promise<ExitCode> {
  const { world } = context;
  for (const other of ['json', 'dryRun', 'prune'] as const) {
    if (flags[other]) throw usageError(`--watch and --${OPTION[other]} exclude each other.`, 'Choose one.');
  }
  const folders = await foldersToWatch(context, roots, flags);
  const [{ watchFolders }, { unignored }, { outermost }] = await Promise.all([
    import('../library/watch/watch.ts'),
    import('../library/watch/changes.ts'),
    import('../library/paths.ts'),
  ]);
  let cutShort = false;
  const libraries = new Set<string>();
  const said = new Map<string, string>();
  const note = (report: IndexReport): void => {
    cutShort = report.interrupted;
    for (const { root } of report.libraries) libraries.add(root);
  };
  await watchFolders(
    {
      indexAll: async () => {
        note(await indexOnce(context, roots, flags, attended(said)));
        if (!world.interrupted.aborted) {
          writeLine(world.stderr, `Watching ${count(folders.length, 'folder')} for changes; Ctrl-C ends it.`);
        }
      },
      indexFolders: async (changed) => {
        const kept: string[] = [];
        note(await indexOnce(context, changed, flags, quietly(changed, kept, said)));
        return kept;
      },
      unignored: (changes) =>
        unignored(changes, { roots: folders, libraries: outermost([...libraries]), patterns: flags.ignore ?? [] }),
      onEvent: (event) => writeLine(world.stderr, lineFor(event)),
      stopped: world.interrupted,
      elapsed: world.elapsed,
    },
    folders,
  );
  return cutShort ? ExitCode.interrupted : ExitCode.done;
}

const OPTION = { json: 'json', dryRun: 'dry-run', prune: 'prune' } as const;

/** The first run shows everything. */
function attended(said: Map<string, string>): Manner {
  return {
    attended: true,
    onEvent: (event, screen) => {
      if (event.kind === 'photo-failed') said.set(event.file, event.reason);
      screen.show(event);
    },
  };
}

/**
 * Says nothing of how a run goes, but what went wrong; notes the libraries of which photos were kept.
 * @param said by photo: the fault that was said of it, which is not said again at every change beside it; grows
 */
function quietly(folders: readonly string[], kept: string[], said: Map<string, string>): Manner {
  return {
    attended: false,
    onEvent: (event, screen) => {
      if (event.kind === 'compared') return;
      if (event.kind === 'photo-failed') {
        if (said.get(event.file) === event.reason) return;
        said.set(event.file, event.reason);
      }
      if (event.kind === 'kept') {
        kept.push(event.library.root);
        // Of a part of a library it says little: the whole is looked at next.
        if (!folders.includes(event.library.root)) return;
      }
      screen.show(event);
    },
  };
}

async function foldersToWatch(
  context: Context,
  roots: readonly string[],
  flags: IndexFlags,
): Promise<readonly string[]> {
  if (roots.length > 0) {
    const { realFolder } = await import('../library/scopes.ts');
    return await Promise.all(roots.map(realFolder));
  }
  const session = await openSession(context.world, context.settings({ model: flags.model }), { patient: true });
  try {
    const libraries = (await (await session.store()).libraries()).filter(isMounted);
    if (libraries.length > 0) return libraries.map(({ root }) => root);
  } finally {
    await session.close();
  }
  throw new UserError('nothing_indexed', 'Nothing is indexed yet, so there is nothing to watch.', {
    hint: 'Name a folder: curate index --watch FOLDER',
  });
}

function lineFor(event: WatchEvent): string {
  switch (event.kind) {
    case 'away':
      return `${event.root} is not there now; its photos stay in the index until it is back.`;
    case 'back':
      return `${event.root} is back.`;
    case 'failed': {
      const { message, hint } = event.error;
      const next = hint === null ? '' : ` ${hint}`;
      return `curate: ${message}${next} Trying again in ${duration(event.retryMs / 1000)}.`;
    }
  }
}
