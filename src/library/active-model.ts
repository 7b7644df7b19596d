import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../atomic-write.ts';
import { systemErrorCode, UserError, unwritable } from '../errors.ts';
import type { Settings } from '../settings.ts';

/** By store (its URI, or "lite"): the model, as the person named it, that the index was last made with. */
const schema = z.record(z.string(), z.string());

type Where = Pick<Settings, 'milvusUri' | 'paths'>;

const fileIn = (dataFolder: string): string => join(dataFolder, 'active-model.json');
const keyOf = ({ milvusUri }: Where): string => milvusUri ?? 'lite';

/**
 * The model that the index was made with; null when this machine has not indexed into this store yet.
 * @throws UserError `data_damaged`: with the default in its place a run would embed every photo again.
 */
export async function activeModel(where: Where): Promise<string | null> {
  return (await read(where.paths.data))[keyOf(where)] ?? null;
}

/** Also mends a file that was damaged. @throws UserError `data_unwritable` or `disk_full`. */
export async function rememberModel(where: Where, model: string): Promise<void> {
  const { data: dataFolder } = where.paths;
  const store = keyOf(where);
  const models = await read(dataFolder).catch(() => ({}) as Record<string, string>);
  if (models[store] === model) return;
  const text = `${JSON.stringify({ ...models, [store]: model })}\n`;
  await writeWhole(fileIn(dataFolder), text).catch((error: unknown) => {
    throw unwritable(dataFolder, error);
  });
}

async function read(dataFolder: string): Promise<Record<string, string>> {
  const file = fileIn(dataFolder);
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return {};
    throw new UserError('data_damaged', `${file}, which notes the model of the index, is damaged.`, {
      hint: 'Name the model once to mend it: curate index --model ID. The index itself is not touched.',
      cause: error,
    });
  }
}
