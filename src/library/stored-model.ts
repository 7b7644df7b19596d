import { basename } from 'node:path';
import { listModels } from '../embedding/models.ts';
import { UserError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { IndexedModel, PhotoStore } from '../store/port.ts';

export interface StoredModelRequest {
  /** As this machine remembers it; null when it does not. */
  readonly remembered: string | null;
  /** Of the library that is about to be indexed, which may be of another model than most; absent: whatever is there. */
  readonly library?: string;
  /** For messages. */
  readonly place: string;
}

/**
 * The model to use with a store that other machines write to, too: what is remembered, while that is the model of a
 * library there, else the one that the named library, or most of the photos, were indexed with.
 * @returns as people name it; null when nothing is indexed there, and what is remembered holds
 * @throws UserError `model_missing` when it is not on this machine
 */
export async function storedModel(
  store: PhotoStore,
  settings: Settings,
  { remembered, library: name, place }: StoredModelRequest,
): Promise<string | null> {
  const libraries = await store.libraries({ recent: false });
  const named = libraries.find((library) => library.name === name)?.model;
  const models = new Set(libraries.flatMap(({ model }) => (model === undefined ? [] : [idOf(model)])));
  const wanted = named === undefined ? models : new Set([idOf(named)]);
  if (remembered !== null && (wanted.size === 0 || wanted.has(idOf(remembered)))) return remembered;
  const indexed = await store.models();
  const found = mostPhotos(indexed.filter(({ model }) => wanted.has(model.id))) ?? mostPhotos(indexed);
  if (found === null) return remembered;
  return onThisMachine(found, settings, place);
}

/** Machines may have the same model file in different folders. */
function idOf(model: string): string {
  return basename(model.replaceAll('\\', '/')).replace(/\.onnx$/i, '');
}

function mostPhotos(models: readonly IndexedModel[]): IndexedModel | null {
  return [...models].sort((a, b) => b.photos - a.photos)[0] ?? null;
}

async function onThisMachine({ model }: IndexedModel, settings: Settings, place: string): Promise<string> {
  const listed = (await listModels(settings)).find(({ sha256 }) => sha256 === model.sha256);
  if (listed !== undefined && listed.path !== null) return listed.id;
  throw new UserError(
    'model_missing',
    `The index at ${place} was made with the model ${model.id}, which is not on this machine.`,
    {
      hint:
        listed === undefined
          ? `Copy ${model.id}.onnx and ${model.id}.json from a machine that has it, and name it once: --model ${model.id}.onnx`
          : `Get it first: curate model pull ${model.id}`,
    },
  );
}
