import { expect, test } from 'vitest';
import type { MilvusLine } from '../../src/store/milvus/client.ts';
import { Collection } from '../../src/store/milvus/collection.ts';
import { photosSpec } from '../../src/store/milvus/schema.ts';
import { freshModel } from './samples.ts';

/** A server that takes its time to load a collection, on a clock that runs by a minute per look at it. */
function slowServer(percentages: readonly string[]): { line: MilvusLine; said: number[]; place: string } {
  const spec = photosSpec(model, 2);
  const said: number[] = [];
  let now = 0;
  let looks = 0;
  const answers: Readonly<Record<string, () => unknown>> = {
    describeCollection: () => ({
      properties: Object.entries(spec.properties).map(([key, value]) => ({ key, value })),
      schema: { fields: spec.fields.map(({ name, data_type, dim }) => ({ name, data_type, dim })) },
    }),
    getLoadState: () => ({ state: looks < percentages.length ? 'LoadStateLoading' : 'LoadStateLoaded' }),
    createIndex: () => ({}),
    loadCollectionAsync: () => ({}),
    getLoadingProgress: () => {
      now += 60_000;
      looks += 1;
      return { progress: percentages[looks - 1] };
    },
    query: () => ({ data: [{ 'count(*)': '7' }] }),
  };
  const client = new Proxy({}, { get: (_, name) => async () => answers[String(name)]?.() });
  const call = (run: (sdk: never) => Promise<unknown>) => run(client as never);
  const endpoint = { kind: 'server', place: 'milvus.lan:19530', address: '', token: undefined };
  const line = {
    endpoint,
    call,
    attempt: call,
    elapsed: () => now,
    onLoading: (percent: number) => said.push(percent),
  };
  return { line: line as unknown as MilvusLine, said, place: endpoint.place };
}
const model = freshModel();

test('a collection that loads is waited for as long as it moves, and how far it is is said', async () => {
  const { line, said } = slowServer(['0', '0', '10', '10', '40', '99', '99']);
  expect(await new Collection(line, photosSpec(model, 2)).count('')).toBe(7);
  expect(said).toEqual([0, 10, 40, 99]);
});

test('one that stands still is given up with the next step', async () => {
  const { line, place } = slowServer(['10', '10', '10', '10', '10']);
  await expect(new Collection(line, photosSpec(model, 2)).count('')).rejects.toMatchObject({
    code: 'store_failed',
    message: expect.stringMatching(new RegExp(`^Milvus at ${place} did not load the collection .* within 120 s`)),
    hint: expect.stringContaining('Try again'),
  });
});
