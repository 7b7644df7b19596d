import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const SERVERS = new URL('../docs/servers/', import.meta.url);
const read = async (name: string): Promise<unknown> => parse(await readFile(new URL(name, SERVERS), 'utf8'));

/** What `user.yaml` may say, of Milvus' own settings. */
const userSchema = z.strictObject({
  common: z.strictObject({
    security: z.strictObject({ authorizationEnabled: z.literal(true), tlsMode: z.literal([0, 1, 2]).optional() }),
  }),
  tls: z.strictObject({ serverPemPath: z.string(), serverKeyPath: z.string(), caPemPath: z.string() }).optional(),
});

/** The keys of the Compose specification that the file has need of; one that is misspelt is none of them. */
const composeSchema = z.strictObject({
  services: z.strictObject({
    milvus: z.strictObject({
      image: z.string().regex(/:v\d+\.\d+\.\d+$/),
      command: z.array(z.string()),
      restart: z.literal('unless-stopped'),
      security_opt: z.array(z.string()),
      environment: z.record(z.string(), z.string()),
      volumes: z.array(z.string()),
      ports: z.array(z.string().regex(/^\$\{MILVUS_ADDRESS:-127\.0\.0\.1\}:19530:19530$/)),
      healthcheck: z.strictObject({
        test: z.array(z.string()),
        interval: z.string(),
        timeout: z.string(),
        start_period: z.string(),
        retries: z.int(),
      }),
      stop_grace_period: z.string(),
    }),
  }),
});

const quantity = z.string().regex(/^\d+(Gi)?$/);
const resources = z.strictObject({
  requests: z.strictObject({ cpu: quantity, memory: quantity }),
  limits: z.strictObject({ memory: quantity }).optional(),
});
const part = z.strictObject({ replicas: z.int(), resources: resources.optional() });
const claim = z.strictObject({ persistentVolumeClaim: z.strictObject({ size: quantity }) });

/** The keys of the chart zilliztech/milvus 5.0.19 that the files set, with their types there. */
const valuesSchema = z.strictObject({
  image: z.strictObject({ all: z.strictObject({ tag: z.string() }) }),
  cluster: z.strictObject({ enabled: z.boolean() }),
  standalone: z.strictObject({ resources, persistence: claim }).optional(),
  proxy: part.optional(),
  queryNode: part.optional(),
  dataNode: part.optional(),
  streamingNode: part.optional(),
  mixCoordinator: part.optional(),
  etcd: z.strictObject({ replicaCount: z.int() }),
  streaming: z.strictObject({ enabled: z.boolean() }).optional(),
  pulsarv3: z.strictObject({ enabled: z.boolean() }),
  minio: z.strictObject({
    mode: z.enum(['standalone', 'distributed']),
    persistence: z.strictObject({ size: quantity }),
  }),
  service: z.strictObject({ type: z.literal('ClusterIP') }),
  extraConfigFiles: z.strictObject({ 'user.yaml': z.string() }),
});

test('the compose file listens on loopback until told otherwise, and asks who is there', async () => {
  const { services } = composeSchema.parse(await read('compose.yaml'));
  expect(services.milvus.volumes).toContain('./user.yaml:/milvus/configs/user.yaml:ro');
  userSchema.parse(await read('user.yaml'));
});

test.each([
  ['values-standalone.yaml', false],
  ['values-distributed.yaml', true],
])(
  '%s says what the chart knows, asks who is there, and names the version of the compose file',
  async (name, cluster) => {
    const values = valuesSchema.parse(await read(name));
    expect(values.cluster.enabled).toBe(cluster);
    userSchema.parse(parse(values.extraConfigFiles['user.yaml']));
    const { services } = composeSchema.parse(await read('compose.yaml'));
    expect(services.milvus.image).toBe(`milvusdb/milvus:${values.image.all.tag}`);
  },
);
