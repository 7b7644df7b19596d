import { isAbsolute } from 'node:path';
import type { EmbedderOptions } from '../../embedding/embedder.ts';
import type { Embedder, EmbeddingModel } from '../../embedding/port.ts';
import type { PhotoIndex, PhotoStore } from '../../store/port.ts';
import type { World } from '../../world.ts';
import { rememberModel } from '../active-model.ts';
import { refreshPairs } from '../ranking/pairs.ts';
import type { Session } from '../session.ts';
import type { IndexReport } from './events.ts';
import { type IndexDeps, type IndexRequest, indexPhotos } from './index-photos.ts';
import { holdIndex } from './lock.ts';

export interface IndexRunDeps extends Pick<IndexDeps, 'onEvent' | 'confirmPrune'> {
  readonly world: Pick<World, 'pid' | 'cores' | 'elapsed'>;
  readonly session: Session;
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
}

/** One index run, alone on this machine; the model it was made with is remembered for the runs and searches to come. */
export async function runIndex(deps: IndexRunDeps, request: IndexRunRequest): Promise<IndexRun> {
  const { world, session, signal, onEvent } = deps;
  const started = world.elapsed();
  const model = await session.model();
  // It opens while the lock is waited for and the workers start.
  const opening = session.index();
  const onWait = (holder: number | null): void => onEvent({ kind: 'waiting', holder });
  const { report, kind } = await holdIndex(world, session.settings, { onWait, signal }, async () => {
    const openEmbedder = (eager: boolean): Promise<Embedder> =>
      session.openEmbedder({
        ...request.embedding,
        eager,
        onFallback: (reason) => onEvent({ kind: 'fallback', reason }),
      });
    // A first run has photos to embed: its workers start while the store does.
    const early = !request.dryRun && (await session.isNew()) ? openEmbedder(true) : null;
    try {
      const index = await opening;
      await announceNewModel(deps, index, model);
      const indexed = await indexPhotos(
        {
          ...index,
          openEmbedder: () => early ?? openEmbedder(false),
          onEvent,
          interrupted: signal,
          elapsed: world.elapsed,
          confirmPrune: deps.confirmPrune,
        },
        request,
      );
      const { paths } = session.settings;
      if (!request.dryRun && !signal.aborted) await refreshPairs(index, paths.data, model, Math.random);
      return { report: indexed, kind: index.store.kind };
    } finally {
      await (await early)?.close();
    }
  });
  if (!request.dryRun) await remember(session, model);
  return { report, model, store: kind, seconds: (world.elapsed() - started) / 1000 };
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

async function remember({ settings }: Session, model: EmbeddingModel): Promise<void> {
  const name = settings.model;
  // A model file is remembered by its whole path: the next run may start elsewhere.
  const lasting = name?.endsWith('.onnx') && !isAbsolute(name) ? model.file : (name ?? model.id);
  await rememberModel(settings, lasting);
}
