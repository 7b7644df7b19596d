import type { Device } from '../embedding/device.ts';
import type { IndexEvent, IndexReport } from '../library/index/events.ts';
import type { IndexRun } from '../library/index/run.ts';
import { indexDocument } from '../output/documents/library.ts';
import { IndexScreen } from '../output/terminal/index-screen.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count, duration } from '../output/text.ts';
import type { Context } from './command.ts';
import { openSession } from './session.ts';

export interface IndexFlags {
  library?: string;
  model?: string;
  jobs?: number;
  gentle?: boolean;
  device: Device;
  exact?: boolean;
  ignore?: string[];
  prune?: boolean;
  dryRun?: boolean;
  watch?: boolean;
  json?: boolean;
}

/** How a run behaves towards the person. */
export interface Manner {
  onEvent(event: IndexEvent, screen: IndexScreen): void;
  /** Somebody is there: they may be asked, and are told how long it took. */
  readonly attended: boolean;
}

const ATTENDED: Manner = { onEvent: (event, screen) => screen.show(event), attended: true };

/** One run over these absolute folders, shown from the first note to the result. */
export async function indexOnce(
  context: Context,
  roots: readonly string[],
  flags: IndexFlags,
  manner: Manner = ATTENDED,
): Promise<IndexReport> {
  const { world } = context;
  const { jobs, exact = false, gentle = false, device, ignore = [], dryRun = false, watch = false } = flags;
  const session = await openSession(world, context.settings({ model: flags.model }), {
    patient: true,
    ...(flags.library === undefined ? {} : { library: flags.library }),
  });
  const { runIndex } = await import('../library/index/run.ts');
  const screen = new IndexScreen(world);
  const acknowledge = (): void =>
    screen.note('Stopping: the photos in hand are finished first. Ctrl-C again ends at once.');
  world.interrupted.addEventListener('abort', acknowledge, { once: true });
  try {
    const run = await runIndex(
      {
        world,
        session,
        signal: world.interrupted,
        onEvent: (event) => manner.onEvent(event, screen),
        confirmPrune: async (_, photos, reason) =>
          flags.prune ?? (manner.attended && (await screen.confirmPrune(photos, reason))),
      },
      {
        roots,
        ...(flags.library === undefined ? {} : { library: flags.library }),
        ignore,
        dryRun,
        prune: flags.prune ?? false,
        mayAllBeAway: watch,
        embedding: { exact, gentle, device, ...(jobs === undefined ? {} : { jobs }) },
      },
    );
    screen.end();
    show(context, run, flags, manner.attended);
    return run.report;
  } finally {
    world.interrupted.removeEventListener('abort', acknowledge);
    screen.end();
    await session.close();
  }
}

function show({ world }: Context, run: IndexRun, flags: IndexFlags, attended: boolean): void {
  if (flags.json) {
    writeJson(world, indexDocument(run));
    return;
  }
  const { report } = run;
  for (const { name, root, photos, skipped, failed, ...counts } of report.libraries) {
    const changes = (['added', 'updated', 'moved', 'unchanged', 'removed'] as const)
      // A run over a part of a library tells of the part alone.
      .filter((what) => counts[what] > 0 && (attended || what !== 'unchanged'))
      .map((what) => `${counts[what].toLocaleString('en-US')} ${what}`);
    const left = [
      ...(skipped.length > 0 ? [`${skipped.length} left out`] : []),
      ...(failed.length > 0 ? [`${failed.length} could not be read`] : []),
    ];
    const details = [...changes, ...left];
    writeLine(
      world.stdout,
      `${name}: ${count(photos, 'photo')}${details.length > 0 ? ` (${details.join(', ')})` : ''}  ${root}`,
    );
  }
  if (report.libraries.length === 0)
    writeLine(world.stdout, 'Nothing is indexed yet. Name a folder: curate index FOLDER');
  if (flags.dryRun) writeLine(world.stdout, 'Nothing was changed: this was a dry run.');
  if (attended && report.embedded > 0) {
    writeLine(world.stdout, `${count(report.embedded, 'photo')} embedded in ${duration(report.embeddingSeconds)}.`);
  }
}
