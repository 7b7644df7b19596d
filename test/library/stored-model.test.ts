import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listModels } from '../../src/embedding/models.ts';
import { storedModel } from '../../src/library/stored-model.ts';
import { loadSettings } from '../../src/settings.ts';
import type { ModelIdentity } from '../../src/store/port.ts';
import { photo } from '../store/samples.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { testWorld } from '../support/world.ts';

const settings = loadSettings(testWorld({ env: { CURATE_HOME: join(tmpdir(), 'curate-no-home') } }));
const place = 'nas:19530';
const [first, second, absent] = await modelsHere();

/** Two that are on this machine, and one of the catalogue that is not. */
async function modelsHere(): Promise<[ModelIdentity, ModelIdentity, ModelIdentity]> {
  const listed = await listModels(settings);
  const [one, other] = listed.filter(({ path }) => path !== null);
  const missing = listed.find(({ path }) => path === null);
  if (one === undefined || other === undefined || missing === undefined) throw new Error('the catalogue has changed');
  return [one, other, missing];
}

interface Indexed {
  readonly library: string;
  readonly model: ModelIdentity;
  readonly photos: number;
  /** As another machine named it. */
  readonly named?: string;
}

async function storeOf(...indexed: Indexed[]): Promise<MemoryStore> {
  const store = new MemoryStore('server');
  for (const { library, model, photos, named = model.id } of indexed) {
    await store.putLibrary({ id: library, name: library, root: '', model: named });
    await store.table(model).upsert(Array.from({ length: photos }, (_, index) => photo(`${library}/${index}.jpg`)));
  }
  return store;
}

test('a machine that remembers none takes the one of the index, and of several that of most photos', async () => {
  const one = await storeOf({ library: 'family', model: second, photos: 2 });
  expect(await storedModel(one, settings, { remembered: null, place })).toBe(second.id);
  const several = await storeOf(
    { library: 'family', model: second, photos: 3 },
    { library: 'work', model: first, photos: 2 },
  );
  expect(await storedModel(several, settings, { remembered: null, place })).toBe(second.id);
});

test('the library that is about to be indexed keeps its own, whatever this machine used before', async () => {
  const store = await storeOf(
    { library: 'family', model: second, photos: 1 },
    { library: 'work', model: first, photos: 9 },
  );
  expect(await storedModel(store, settings, { remembered: first.id, place, library: 'family' })).toBe(second.id);
  expect(await storedModel(store, settings, { remembered: first.id, place, library: 'new' })).toBe(first.id);
});

test('what is remembered holds while a library is of it, and not once other machines have gone over to another', async () => {
  const store = await storeOf(
    { library: 'family', model: first, photos: 5 },
    { library: 'work', model: second, photos: 1 },
  );
  expect(await storedModel(store, settings, { remembered: second.id, place })).toBe(second.id);
  // The rows of the model that was left stay.
  await store.putLibrary({ id: 'work', name: 'work', root: '', model: first.id });
  expect(await storedModel(store, settings, { remembered: second.id, place })).toBe(first.id);
});

test('nothing indexed is no model, and 0.1.0 noted none with its libraries', async () => {
  expect(await storedModel(await storeOf(), settings, { remembered: null, place })).toBeNull();
  const old = await storeOf();
  await old.putLibrary({ id: 'family', name: 'family', root: '/photos' });
  await old.table(second).upsert([photo('a.jpg')]);
  expect(await storedModel(old, settings, { remembered: null, place })).toBe(second.id);
  expect(await storedModel(old, settings, { remembered: first.id, place })).toBe(first.id);
});

test('a model that is not on this machine is said to be lacking, with the way to get it', async () => {
  const listed = await storeOf({ library: 'family', model: absent, photos: 1 });
  await expect(storedModel(listed, settings, { remembered: null, place })).rejects.toMatchObject({
    code: 'model_missing',
    message: `The index at nas:19530 was made with the model ${absent.id}, which is not on this machine.`,
    hint: `Get it first: curate model pull ${absent.id}`,
  });
  const own = { id: 'mine', sha256: 'f'.repeat(64), dim: 4 };
  const store = await storeOf({ library: 'family', model: own, photos: 1, named: 'C:\\models\\mine.onnx' });
  await expect(storedModel(store, settings, { remembered: null, place })).rejects.toMatchObject({
    code: 'model_missing',
    hint: expect.stringMatching(/^Copy mine\.onnx and mine\.json .* --model mine\.onnx$/),
  });
  // It was named there once.
  const file = '/home/anna/mine.onnx';
  expect(await storedModel(store, settings, { remembered: file, place })).toBe(file);
});
