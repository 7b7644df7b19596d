import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import type { OnStoreEvent } from './events.ts';
import { liteFolders } from './lite/folders.ts';
import type { Endpoint } from './milvus/endpoint.ts';
import type { PhotoStore } from './port.ts';

/** From "starting" to the moment the embedded server's process really runs. */
const SPAWN_MS = 20;

/**
 * Opens the store that the settings name: a server or Zilliz Cloud when MILVUS_URI is set, else the embedded one,
 * which is set up and started when needed.
 * @param onEvent Told what the embedded store's start is busy with, and what a server is waited for.
 * @throws UserError when MILVUS_URI is malformed, a file of its certificates cannot be used, or the embedded store cannot be set up. A server that does not answer
 * shows at the first call.
 * @param expected whether a server that does not answer that call is waited for as well
 */
export async function openStore(
  world: World,
  settings: Settings,
  onEvent: OnStoreEvent,
  expected = false,
): Promise<PhotoStore> {
  const { milvusUri, milvusToken, database, prefix, paths } = settings;
  const { liteEndpoint, parseEndpoint } = await import('./milvus/endpoint.ts');
  if (milvusUri !== undefined) {
    const { readTls } = await import('./milvus/tls.ts');
    const endpoint = parseEndpoint(milvusUri, milvusToken, { database, prefix }, await readTls(settings));
    const { openLine, milvusStore } = await importAdapter();
    return milvusStore(openLine(endpoint, { world, onEvent, expected }));
  }
  if (database !== undefined) {
    throw new UserError('settings', `The embedded store has no databases, such as "${database}".`, {
      hint: 'Set MILVUS_URI to a server, or CURATE_PREFIX to keep indexes apart within the embedded store.',
    });
  }
  const { connectLite } = await import('./lite/connect.ts');
  const connect = async (report: OnStoreEvent): Promise<Endpoint> => {
    const { address, token } = await connectLite(world, paths, report);
    return liteEndpoint(address, token, prefix);
  };
  // Importing the SDK holds up this thread, so the server is started first and gets going meanwhile.
  let begin: (pause: Promise<void>) => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const connecting = connect((event) => {
    if (event.kind === 'server' && event.step === 'starting') begin(sleep(SPAWN_MS));
    onEvent(event);
  });
  await Promise.race([connecting, started]);
  const [endpoint, { openLine, milvusStore }] = await Promise.all([connecting, importAdapter()]);
  return milvusStore(openLine(endpoint, { world, reconnect: () => connect(onEvent) }));
}

/** Whether there is a store to open: the embedded one is made by its first opening. */
export async function storeExists({ milvusUri, paths }: Pick<Settings, 'milvusUri' | 'paths'>): Promise<boolean> {
  if (milvusUri !== undefined) return true;
  return exists(liteFolders(paths.data).server);
}

async function importAdapter() {
  const [{ openLine }, { milvusStore }] = await Promise.all([
    import('./milvus/client.ts'),
    import('./milvus/store.ts'),
  ]);
  return { openLine, milvusStore };
}
