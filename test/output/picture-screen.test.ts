import { expect, it } from 'vitest';
import { PictureScreen } from '../../src/output/terminal/picture-screen.ts';
import { testWorld } from '../support/world.ts';

it('tells what making a picture reports, a line each and in order, but not what goes without saying', async () => {
  const world = testWorld();
  const screen = new PictureScreen(world);
  const picture = { path: '/p/a.png', lineage: '/p/a.png.json', sha256: '', width: 1, height: 1, bytes: 1 };
  screen.show({ kind: 'waiting', seconds: 1.2 });
  screen.show({ kind: 'partial', index: 0, file: '/p/a.partial-1.png', bytes: new Uint8Array() });
  screen.show({ kind: 'saved', picture, format: 'png', asked: 'png' });
  screen.show({ kind: 'saved', picture, format: 'jpeg', asked: 'png' });
  await screen.settled();
  expect(world.err().split('\n')).toEqual([
    'The server asks to wait 2 s; then it is asked again.',
    'Partial picture 1: /p/a.partial-1.png',
    '/p/a.png is a JPEG, although PNG was asked for.',
    '',
  ]);
  expect(world.out()).toBe('');
});
