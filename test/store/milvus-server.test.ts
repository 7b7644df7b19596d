import { describe, test } from 'vitest';
import { openLine } from '../../src/store/milvus/client.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { milvusContract } from './contract-milvus.ts';
import { startServer, whyNoServer } from './milvus-server.ts';

const reason = whyNoServer();
if (reason !== null) {
  describe('a Milvus server', () => test.skip(`left out: ${reason}`));
} else {
  milvusContract(
    'a Milvus 2.3 server keeps the contract of a photo store',
    async () => {
      const server = await startServer();
      const endpoint = parseEndpoint(server.uri, server.token);
      return {
        open: async (model) => milvusStore(openLine(endpoint, null), model),
        close: server.stop,
      };
    },
    // A collection takes a server two seconds to make, and every strong read a fifth of one.
    { timeout: 180_000, runs: 2 },
  );
}
