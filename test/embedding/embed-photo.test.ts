import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbedDeps, embedPhoto } from '../../src/embedding/embed-photo.ts';
import { testModel } from '../support/hash-embedder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-ahead-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('small files are read ahead of their turn, large ones are not held in memory until then', async () => {
  const small = join(folder, 'small.jpg');
  const large = join(folder, 'large.jpg');
  for (const file of [small, large]) await writeFile(file, 'no photo');
  await truncate(large, 65e6);
  let begin = (): void => undefined;
  const turn = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const { input } = testModel;
  const infer = new Promise<never>(() => undefined);
  const deps: EmbedDeps = {
    input,
    exact: false,
    infer,
    elapsed: () => performance.now(),
    inTurn: (work) => turn.then(work),
  };
  const results = [small, large].map((file) => embedPhoto(file, null, deps));
  await sleep(300);
  // What was read before does not need its file any more.
  for (const file of [small, large]) await rm(file);
  begin();
  const codes = (await Promise.all(results)).map(({ result }) => (result.kind === 'fault' ? result.fault.code : ''));
  expect(codes).toEqual(['not_an_image', 'not_found']);
});
