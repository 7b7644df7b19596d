import { connectLite } from '../../src/store/lite/connect.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { liteEndpoint } from '../../src/store/milvus/endpoint.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { liteHome } from '../support/lite.ts';
import { milvusContract } from './contract-milvus.ts';

milvusContract(
  'Milvus Lite',
  async () => {
    const home = await liteHome();
    const line = async (prefix?: string) => {
      const reach = async () => {
        const { address, token } = await connectLite(home.world, home.paths, () => undefined);
        return liteEndpoint(address, token, prefix);
      };
      return openLine(await reach(), { world: home.world, reconnect: reach });
    };
    return {
      line,
      open: async () => milvusStore(await line()),
      close: () => home.remove(),
    };
  },
  { timeout: 180_000, runs: 25 },
);
