/**
 * Packs the Milvus SDK into dist/store/milvus/sdk.js, for a quick start: one file instead of 480 modules, without its
 * Parquet writer, and with no more of Milvus' protocol than curate speaks. bench/README.md has what it saves.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { rolldown } from 'rolldown';

const require = createRequire(import.meta.url);
const output = fileURLToPath(new URL('../dist/store/milvus/sdk.js', import.meta.url));

/** What src/store/milvus calls, and what the SDK calls on its own. */
const CALLS = [
  ...['Connect', 'DescribeCollection', 'ShowCollections', 'CreateCollection', 'GetCollectionStatistics'],
  ...['CreateIndex', 'LoadCollection', 'GetLoadState', 'Upsert', 'Delete', 'Flush', 'GetFlushState', 'Query', 'Search'],
  'ClientHeartbeat',
];
const MESSAGES = ['milvus.proto.common.PlaceholderGroup', 'milvus.proto.schema.CollectionSchema'];

/** The protocol description in `file`, cut down to `CALLS`, `MESSAGES` and what they consist of. */
function neededProtocol(file) {
  const root = protobuf.Root.fromJSON(require(file).default).resolveAll();
  const needed = new Set();
  const need = (type) => {
    if (type === null || needed.has(type)) return;
    needed.add(type);
    for (const field of type.fieldsArray ?? []) need(field.resolvedType);
  };
  const visit = (space) => {
    for (const inner of space.nestedArray ?? []) {
      if (MESSAGES.includes(inner.fullName.slice(1))) need(inner);
      for (const method of inner.methodsArray ?? []) {
        if (!CALLS.includes(method.name)) inner.remove(method);
        else [method.resolvedRequestType, method.resolvedResponseType].forEach(need);
      }
      visit(inner);
    }
  };
  const drop = (space) => {
    for (const inner of space.nestedArray ?? []) {
      drop(inner);
      const wanted = needed.has(inner) || inner.methodsArray?.length > 0 || inner.nestedArray?.length > 0;
      if (!wanted) space.remove(inner);
    }
  };
  visit(root);
  drop(root);
  return root.toJSON();
}

const bundle = await rolldown({
  input: output,
  platform: 'node',
  plugins: [
    {
      name: 'lean-milvus-sdk',
      resolveId: (id) =>
        id === '@grpc/proto-loader' ? fileURLToPath(new URL('proto-loader.cjs', import.meta.url)) : null,
      load(id) {
        if (id.includes('/@shanghaikid/parquetjs/')) return '';
        if (!/milvus2-sdk-node.*proto-json/.test(id)) return null;
        const json = JSON.stringify(JSON.stringify(neededProtocol(id)));
        return `exports.__esModule = true; exports.default = JSON.parse(${json});`;
      },
    },
  ],
});
await bundle.write({ file: output, format: 'esm', minify: true });
