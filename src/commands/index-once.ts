import { isAbsolute } from 'node:path';
import type { Device } from '../embedding/device.ts';
import type { Embedder } from '../embedding/port.ts';
import type { IndexEvent, IndexReport } from '../library/events.ts';
import type { Session } from '../library/session.ts';
import { IndexScreen } from '../output/index-screen.ts';
import { writeJson, writeLine } from '../output/streams.ts';
import { count, duration } from '../output/text.ts';
import type { ModelIdentity } from '../store/port.ts';
import type { Context } from './command.ts';
import { openSession } from './session.ts';

export interface IndexFlags {
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
  const started = performance.now();
  const session = await openSession(world, context.settings({ model: flags.model }));
  const model = await session.model();
  // It opens while the lock is waited for and the workers start.
  const opening = session.index();
  const { indexPhotos } = await import('../library/index-photos.ts');
  const [{ withLock }, { indexLock }] = await Promise.all([import('../lock.ts'), import('../library/session.ts')]);
  const screen = new IndexScreen(world);
  const openEmbedder = (eager: boolean): Promise<Embedder> =>
    session.openEmbedder({
      ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
      exact: flags.exact ?? false,
      gentle: flags.gentle ?? false,
      device: flags.device,
      eager,
      onFallback: (reason) => screen.note(`The model runs on the processor: ${reason}.`),
    });
  try {
    const waiting = (holder: number | null): void =>
      screen.note(
        `Another curate index${holder === null ? '' : ` (process ${holder})`} is at work; waiting for it to end.`,
      );
    const lock = indexLock(session.settings);
    const report = await withLock(lock, world.pid, { onWait: waiting, signal: world.interrupted }, async () => {
      // A first run has photos to embed: its workers get going while the store does.
      const early = !flags.dryRun && (await session.isNew()) ? openEmbedder(true) : null;
      try {
        const { store, table } = await opening;
        await announceNewModel(context, session, screen);
        return await indexPhotos(
          {
            store,
            table,
            openEmbedder: () => early ?? openEmbedder(false),
            onEvent: (event) => manner.onEvent(event, screen),
            interrupted: world.interrupted,
            confirmPrune: async (_, photos, reason) =>
              flags.prune ?? (manner.attended && (await screen.confirmPrune(photos, reason))),
          },
          { roots, ignore: flags.ignore ?? [], dryRun: flags.dryRun ?? false },
        );
      } finally {
        await (await early)?.close();
      }
    });
    screen.end();
    if (!flags.dryRun) await remember(session);
    show(context, {
      flags,
      attended: manner.attended,
      report,
      model,
      kind: (await opening).store.kind,
      seconds: (performance.now() - started) / 1000,
    });
    return report;
  } finally {
    screen.end();
    await session.close();
  }
}

/** Photos per second on an ordinary two-core machine: for a first guess of how long a change of model takes. */
const USUAL_RATE = 20;

async function announceNewModel(context: Context, session: Session, screen: IndexScreen): Promise<void> {
  if (session.settings.model === undefined) return;
  const [{ store, table }, own] = await Promise.all([session.index(), session.model()]);
  const elsewhere = (await store.models()).filter(({ model }) => model.sha256 !== own.sha256);
  const most = Math.max(0, ...elsewhere.map(({ photos }) => photos));
  if (most === 0 || (await table.count()) > 0) return;
  const time = duration(most / ((USUAL_RATE * context.world.cores) / 2));
  screen.note(
    `New model ${own.id}: all photos are embedded again, about ${time} for ${count(most, 'photo')}. The index of the other model stays.`,
  );
}

async function remember(session: Session): Promise<void> {
  const { rememberModel } = await import('../library/active-model.ts');
  const name = session.settings.model;
  const model = await session.model();
  // A model file is remembered by its whole path: the next run may start elsewhere.
  const lasting = name?.endsWith('.onnx') && !isAbsolute(name) ? model.file : (name ?? model.id);
  await rememberModel(session.settings, lasting);
}

interface Shown {
  readonly flags: IndexFlags;
  readonly attended: boolean;
  readonly report: IndexReport;
  readonly model: ModelIdentity;
  readonly kind: 'lite' | 'server' | 'zilliz';
  readonly seconds: number;
}

function show({ world }: Context, { flags, attended, report, model: { id, sha256, dim }, kind, seconds }: Shown): void {
  if (flags.json) {
    writeJson(world, {
      schema: 'curate.index/1',
      model: { id, sha256, dim },
      store: { kind },
      libraries: report.libraries,
      seconds: Number(seconds.toFixed(3)),
      embeddedPerSecond: Number((report.embedded / (report.embeddingSeconds || 1)).toFixed(2)),
    });
    return;
  }
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
