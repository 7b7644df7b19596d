import { expect, it } from 'vitest';
import { storeScreen } from '../../src/output/terminal/store-events.ts';
import { testWorld } from '../support/world.ts';

it('says what a server is waited for, once for each new thing to say', () => {
  const world = testWorld();
  const show = storeScreen(world);
  const place = 'nas:19530';
  for (const seconds of [2, 4, 4]) show({ kind: 'remote', step: 'waiting', place, seconds });
  show({ kind: 'remote', step: 'loading', place, percent: 57 });
  show({ kind: 'server', step: 'starting' });
  expect(world.err()).toBe(
    'Waiting for Milvus at nas:19530 (2 s).\nWaiting for Milvus at nas:19530 (4 s).\n' +
      'Milvus at nas:19530 is loading the index into memory (57 %).\n',
  );
});
