import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { EmbedderOptions } from '../../embedding/embedder.ts';
import { fasterThan } from '../../embedding/models.ts';
import type { Embedder, EmbeddingModel, StageTimings } from '../../embedding/port.ts';
import type { PhotoIndex, PhotoStore } from '../../store/port.ts';
import type { World } from '../../world.ts';
import { rememberModel } from '../active-model.ts';
import type { LeasePace } from '../lease.ts';
import { refreshPairs } from '../ranking/random-pairs.ts';
import type { Session } from '../session.ts';
import { ClassIndexes } from '../words/class-index/kept.ts';
import type { IndexReport, OnIndexEvent } from './events.ts';
import { type FasterModel, FasterModelWatch } from './faster-model.ts';
import { type IndexDeps, type IndexRequest, indexPhotos } from './index-photos.ts';
import { manifestsIn } from './level.ts';
import { holdIndex } from './lock.ts';
import { sightingsIn } from './sightings.ts';

export interface IndexRunDeps extends Pick<IndexDeps, 'onEvent' | 'confirmPrune'> {
  readonly world: Pick<World, 'pid' | 'hostname' | 'cores' | 'elapsed' | 'now'>;
  readonly session: Session;
  readonly pace?: LeasePace;
  /** Aborting ends the waiting for another run; else it finishes the photos in flight and leaves the rest. */
  readonly signal: AbortSignal;
}

export interface IndexRunRequest extends IndexRequest {
  readonly embedding?: Pick<EmbedderOptions, 'jobs' | 'exact' | 'gentle' | 'device'>;
}

export interface IndexRun {
  readonly report: IndexReport;
  readonly model: EmbeddingModel;
  readonly store: PhotoStore['kind'];
  /** From the call to the end. */
  readonly seconds: number;
  /** What was said of a faster model, if anything was. */
  readonly fasterModel: FasterModel | null;
}

/** One index run, alone on this machine; the model it was made with is remembered for the runs and searches to come. */
export async function runIndex(deps: IndexRunDeps, request: IndexRunRequest): Promise<IndexRun> {
  const { world, session, signal, onEvent } = deps;
  const started = world.elapsed();
  const model = await session.model();
  // It opens while the lock is waited for and the workers start.
  const opening = session.index();
  const onWait = (holder: number | null): void => onEvent({ kind: 'waiting', holder });
  let fasterModel: FasterModel | null = null;
  const { report, kind } = await holdIndex(world, session.settings, { onWait, signal }, async () => {
    let faster: FasterModelWatch | null = null;
    const openEmbedder = (eager: boolean): Promise<Embedder> =>
      session.openEmbedder({
        ...request.embedding,
        eager,
        onFallback: (reason) => onEvent({ kind: 'fallback', reason }),
        onTimings: (timings) => faster?.timed(timings),
      });
    // A first run has photos to embed: its workers start while the store does.
    const early = !request.dryRun && (await session.isNew()) ? openEmbedder(true) : null;
    try {
      const index = await opening;
      await announceNewModel(deps, index, model);
      faster = await watchForFaster(deps, request, model, index, (found) => {
        fasterModel = found;
        onEvent({ kind: 'faster-model', ...found });
      });
      const onProgress: OnIndexEvent = (event) => {
        onEvent(event);
        if (event.kind === 'progress') faster?.progress(event.done, event.total);
      };
      const { paths } = session.settings;
      const place = await session.machine.place();
      const indexed = await indexPhotos(
        {
          ...index,
          openEmbedder: async () => {
            const embedder = await (early ?? openEmbedder(false));
            return faster?.watch(embedder) ?? embedder;
          },
          onEvent: onProgress,
          interrupted: signal,
          elapsed: world.elapsed,
          now: () => world.now().getTime(),
          model: { name: nameOf(session, model), sha256: model.sha256 },
          machine: session.machine,
          manifests: manifestsIn(paths.data, place, model),
          sightings: sightingsIn(paths.data, place),
          classIndexes: await ClassIndexes.open(paths.cache, place, model),
          holder: `${world.hostname} (process ${world.pid})`,
          ...(deps.pace === undefined ? {} : { pace: deps.pace }),
          isRemovable: (root) => isElsewhere(root, paths.data),
          confirmPrune: deps.confirmPrune,
        },
        request,
      );
      if (!request.dryRun && !signal.aborted) await refreshPairs(index, paths.data, model, Math.random);
      return { report: indexed, kind: index.store.kind };
    } finally {
      await Promise.all([faster?.close(), early?.then((embedder) => embedder.close())]);
    }
  });
  if (!request.dryRun) await rememberModel(session.settings, nameOf(session, model));
  return { report, model, store: kind, seconds: (world.elapsed() - started) / 1000, fasterModel };
}

/** Whether a folder is on another drive than what curate keeps, which is there whenever curate is. */
async function isElsewhere(root: string, data: string): Promise<boolean> {
  const [there, here] = await Promise.all([root, data].map((folder) => stat(folder).catch(() => null)));
  return there?.dev !== here?.dev;
}

/** Null where nothing is embedded for the first time, and where the catalogue has no faster model. */
async function watchForFaster(
  { world, session }: IndexRunDeps,
  { dryRun, embedding }: IndexRunRequest,
  own: EmbeddingModel,
  { table }: PhotoIndex,
  onFound: (found: FasterModel) => void,
): Promise<FasterModelWatch | null> {
  if (dryRun || (await table.count()) > 0) return null;
  const model = await fasterThan(own);
  if (model === null) return null;
  const jobs = embedding?.jobs ?? world.cores;
  const open = (onTimings: (timings: StageTimings) => void): Promise<Embedder> =>
    session.openEmbedder({ ...embedding, jobs: 1, onTimings }, model);
  return new FasterModelWatch({ model, jobs, elapsed: world.elapsed, open, onFound });
}

/** Photos per second on an ordinary two-core machine: for a first guess of how long a change of model takes. */
const USUAL_RATE = 20;

async function announceNewModel(
  { world, session, onEvent }: IndexRunDeps,
  { store, table }: PhotoIndex,
  own: EmbeddingModel,
): Promise<void> {
  if (session.settings.model === undefined) return;
  const elsewhere = (await store.models()).filter(({ model }) => model.sha256 !== own.sha256);
  const photos = elsewhere.reduce((most, model) => Math.max(most, model.photos), 0);
  if (photos === 0 || (await table.count()) > 0) return;
  onEvent({ kind: 'new-model', model: own.id, photos, seconds: photos / ((USUAL_RATE * world.cores) / 2) });
}

/** As it is remembered: a model file by its whole path, since the next run may start elsewhere. */
function nameOf({ settings }: Session, model: EmbeddingModel): string {
  const name = settings.model;
  return name?.endsWith('.onnx') && !isAbsolute(name) ? model.file : (name ?? model.id);
}
