/** All that curate needs of the SDK. The build packs it into one lean file: scripts/bundle.mjs. */
export { type ClientConfig, MilvusClient } from '@zilliz/milvus2-sdk-node';
