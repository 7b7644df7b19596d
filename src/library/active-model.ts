import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { forbidden, systemErrorCode, UserError, unwritable } from '../errors.ts';
import { writeWhole } from '../files/atomic-write.ts';
import { makeOwnFolders } from '../files/folders.ts';
import { type Settings, splitAccount } from '../settings.ts';
import { placeOf } from '../store/milvus/endpoint.ts';

/** By store (its host and port, or "lite"): the model, as the person named it, that the index was last made with. */
const schema = z.record(z.string(), z.string());
type Models = z.infer<typeof schema>;

type Where = Pick<Settings, 'milvusUri' | 'database' | 'prefix' | 'paths'>;

const fileIn = (dataFolder: string): string => join(dataFolder, 'active-model.json');
/** Names the store that a machine's notes are about: "lite", or host and port, with database and prefix if any. */
export function storeKey({ milvusUri, database, prefix }: Where): string {
  const place = milvusUri === undefined ? 'lite' : keyOfUri(milvusUri);
  return `${place}${database === undefined ? '' : `/${database}`}${prefix === undefined ? '' : `#${prefix}`}`;
}
const keyOfUri = (uri: string): string => placeOf(splitAccount(uri).address) ?? splitAccount(uri).address;

/**
 * The model that the index was made with; null when this machine has not indexed into this store yet.
 * @param store names it, by another name than the settings do
 * @throws UserError `data_unreadable`, `data_damaged`: with the default in its place a run would embed every photo again.
 */
export async function activeModel(where: Where, store = storeKey(where)): Promise<string | null> {
  const { models, outdated } = await read(where.paths.data);
  // A password in it should not stay until the next index run; where nothing can be written now, it is then.
  if (outdated) await write(where.paths.data, models).catch(() => undefined);
  return models[store] ?? null;
}

/** Also mends a file that was damaged. @throws UserError `data_unreadable`, `data_unwritable` or `disk_full`. */
export async function rememberModel(where: Where, model: string): Promise<void> {
  const { data } = where.paths;
  const store = storeKey(where);
  const { models, outdated } = await read(data).catch((error: unknown) => {
    if (error instanceof UserError && error.code === 'data_damaged') return { models: {} as Models, outdated: true };
    throw error;
  });
  if (models[store] === model && !outdated) return;
  await write(data, { ...models, [store]: model }).catch((error: unknown) => {
    throw unwritable(data, error);
  });
}

async function write(dataFolder: string, models: Models): Promise<void> {
  await makeOwnFolders(dataFolder);
  await writeWhole(fileIn(dataFolder), `${JSON.stringify(models)}\n`, 0o600);
}

/** `outdated`: curate 0.1.0 noted stores by their URI, whatever it was spelled like and with the password in it. */
async function read(dataFolder: string): Promise<{ readonly models: Models; readonly outdated: boolean }> {
  const file = fileIn(dataFolder);
  try {
    const noted = schema.parse(JSON.parse(await readFile(file, 'utf8')));
    const entries = Object.entries(noted).map(([store, model]) => [store === 'lite' ? store : keyOfUri(store), model]);
    const models: Models = { ...Object.fromEntries(entries) };
    return { models, outdated: Object.keys(noted).some((store) => !(store in models)) };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return { models: {}, outdated: false };
    const refusal = forbidden(file, error);
    if (refusal !== null) throw refusal;
    throw new UserError('data_damaged', `${file}, which notes the model of the index, is damaged.`, {
      hint: 'Name the model once to mend it: curate index --model ID. The index itself is not touched.',
      cause: error,
    });
  }
}
