import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import type { LiteEvent } from './lite/connect.ts';
import type { ModelIdentity, PhotoStore } from './port.ts';

/**
 * Opens the store that the settings name: a server or Zilliz Cloud when MILVUS_URI is set, else the embedded one,
 * which is set up and started when needed.
 * @param onEvent Told what the embedded store's first start is busy with.
 * @throws UserError when MILVUS_URI is malformed or the embedded store cannot be had. A server that does not answer
 * shows at the first call.
 */
export async function openStore(
  world: World,
  settings: Settings,
  model: ModelIdentity,
  onEvent: (event: LiteEvent) => void,
): Promise<PhotoStore> {
  const { milvusUri, milvusToken, paths } = settings;
  const { liteEndpoint, parseEndpoint } = await import('./milvus/endpoint.ts');
  const startLite = async () => {
    const { connectLite } = await import('./lite/connect.ts');
    const { address, token } = await connectLite(world, paths, onEvent);
    return liteEndpoint(address, token);
  };
  const lite = milvusUri === undefined;
  // The embedded server starts while the SDK, which takes as long, is being imported.
  const starting = lite ? startLite() : Promise.resolve(parseEndpoint(milvusUri, milvusToken));
  const importing = Promise.all([
    import('@zilliz/milvus2-sdk-node'),
    import('./milvus/client.ts'),
    import('./milvus/store.ts'),
  ]);
  const [endpoint, [sdk, { openLine }, { milvusStore }]] = await Promise.all([starting, importing]);
  return milvusStore(openLine(sdk, endpoint, lite ? startLite : null), model);
}
