import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../atomic-write.ts';
import { unwritable } from '../errors.ts';

/** By store (its URI, or "lite"): the model, as the person named it, that the index was last made with. */
const schema = z.record(z.string(), z.string());

const fileIn = (dataFolder: string): string => join(dataFolder, 'active-model.json');

/** The model that the index in `store` was made with; null when this machine has not indexed there yet. */
export async function activeModel(dataFolder: string, store: string): Promise<string | null> {
  return (await read(dataFolder))[store] ?? null;
}

/** @throws UserError `data_unwritable` or `disk_full`. */
export async function rememberModel(dataFolder: string, store: string, model: string): Promise<void> {
  const models = await read(dataFolder);
  if (models[store] === model) return;
  const text = `${JSON.stringify({ ...models, [store]: model })}\n`;
  await writeWhole(fileIn(dataFolder), text).catch((error: unknown) => {
    throw unwritable(dataFolder, error);
  });
}

async function read(dataFolder: string): Promise<Record<string, string>> {
  try {
    return schema.parse(JSON.parse(await readFile(fileIn(dataFolder), 'utf8')));
  } catch {
    // Absent or damaged: it only saves the person a flag, and the next index run writes it anew.
    return {};
  }
}
