import { expect, test } from 'vitest';
import type { MilvusLine } from '../../src/store/milvus/client.ts';
import { Collection } from '../../src/store/milvus/collection.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { failureOf, type MilvusFailure, userError } from '../../src/store/milvus/failure.ts';
import { photosSpec } from '../../src/store/milvus/schema.ts';
import { freshModel } from './samples.ts';

/**
 * A server that takes its time to load a collection, on a clock that runs by a minute per look at it.
 * @param state what it says of the collection meanwhile
 */
function slowServer(percentages: readonly string[], { state = 'LoadStateLoading', mayAsk = true } = {}) {
  const spec = photosSpec(model, 2);
  const said: number[] = [];
  const asked: string[] = [];
  let now = 0;
  let looks = 0;
  let loading = state;
  const endpoint = parseEndpoint('http://milvus.lan:19530', undefined);
  const answers: Readonly<Record<string, () => unknown>> = {
    describeCollection: () => ({
      properties: Object.entries(spec.properties).map(([key, value]) => ({ key, value })),
      schema: { fields: spec.fields.map(({ name, data_type, dim }) => ({ name, data_type, dim })) },
    }),
    getLoadState: () => {
      if (!mayAsk)
        return {
          error_code: 'UnexpectedError',
          code: 65_535,
          reason: 'PrivilegeGetLoadState: permission deny to kids',
        };
      return { state: looks < percentages.length ? loading : 'LoadStateLoaded' };
    },
    createIndex: () => ({}),
    loadCollectionAsync: () => {
      loading = 'LoadStateLoading';
      return {};
    },
    getLoadingProgress: () => {
      now += 60_000;
      looks += 1;
      return { progress: percentages[looks - 1] };
    },
    query: () => (looks < percentages.length ? UNLOADED : { data: [{ 'count(*)': '7' }] }),
    deleteEntities: () => (looks < percentages.length ? UNLOADED : { status: { error_code: 'Success', code: 0 } }),
  };
  const answer = async (name: string): Promise<unknown> => {
    asked.push(name);
    return answers[name]?.();
  };
  const client = new Proxy({}, { get: (_, name) => () => answer(String(name)) });
  const attempt = async (run: (sdk: never) => Promise<unknown>, expected: (failure: MilvusFailure) => boolean) => {
    const value = await run(client as never);
    const failure = failureOf(value);
    if (failure === null) return value;
    if (expected(failure)) return null;
    throw userError(failure, endpoint);
  };
  const line = {
    endpoint,
    call: (run: (sdk: never) => Promise<unknown>) => attempt(run, () => false),
    attempt,
    elapsed: () => now,
    onLoading: (percent: number) => said.push(percent),
  };
  return {
    line: line as unknown as MilvusLine,
    said,
    asked,
    place: endpoint.place,
    /** It has to load everything again. */
    restart: () => {
      looks = 0;
    },
  };
}
const model = freshModel();
/** As 2.3.5 says it. */
const UNLOADED = {
  status: { error_code: 'UnexpectedError', code: 101, reason: 'failed to query: collection not loaded[collection=47]' },
};

test('a collection that loads is waited for as long as it moves, and how far it is is said', async () => {
  const { line, said } = slowServer(['0', '0', '10', '10', '40', '99', '99']);
  expect(await new Collection(line, photosSpec(model, 2)).count('')).toBe(7);
  expect(said).toEqual([0, 10, 40, 99]);
});

test('one that nobody has loaded is loaded, and one that loads already is not told to again', async () => {
  const released = slowServer(['0', '50'], { state: 'LoadStateNotLoad' });
  expect(await new Collection(released.line, photosSpec(model, 2)).count('')).toBe(7);
  expect(released.asked.filter((name) => name === 'loadCollectionAsync')).toHaveLength(1);
  // 2.3.5 refuses it once it was started again, where an index of a field has come since the collection was loaded.
  const restarted = slowServer(['0', '50']);
  expect(await new Collection(restarted.line, photosSpec(model, 2)).count('')).toBe(7);
  expect(restarted.asked).not.toContain('loadCollectionAsync');
});

test('a server that is started again meanwhile is waited for until it has loaded what it had', async () => {
  const { line, said, asked, restart } = slowServer(['0', '0', '50']);
  const collection = new Collection(line, photosSpec(model, 2));
  await collection.count('');
  restart();
  expect(await collection.count('')).toBe(7);
  expect(said).toEqual([0, 50, 0, 50]);
  expect(asked).not.toContain('loadCollectionAsync');
  restart();
  await collection.remove('id == "x"');
  expect(said).toEqual([0, 50, 0, 50, 0, 50]);
});

test('whoever may not ask what is loaded is told at once what is lacking', async () => {
  const { line } = slowServer(['0'], { mayAsk: false });
  await expect(new Collection(line, photosSpec(model, 2)).count('')).rejects.toMatchObject({
    code: 'store_failed',
    message: expect.stringContaining('has not loaded this index'),
    hint: expect.stringContaining('GetLoadState'),
  });
});

test('one that stands still is given up with the next step', async () => {
  const { line, place } = slowServer(['10', '10', '10', '10', '10']);
  await expect(new Collection(line, photosSpec(model, 2)).count('')).rejects.toMatchObject({
    code: 'store_failed',
    message: expect.stringMatching(new RegExp(`^Milvus at ${place} did not load the collection .* within 120 s`)),
    hint: expect.stringContaining('Try again'),
  });
});
