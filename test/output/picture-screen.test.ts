import { afterEach, expect, it, vi } from 'vitest';
import { PictureScreen } from '../../src/output/terminal/picture-screen.ts';
import { testWorld } from '../support/world.ts';

afterEach(() => vi.useRealTimers());

it('tells what making a picture reports, a line each and in order, but not what goes without saying', async () => {
  const world = testWorld();
  const screen = new PictureScreen(world);
  const picture = { path: '/p/a.png', lineage: '/p/a.png.json', sha256: '', width: 1, height: 1, bytes: 1 };
  screen.show({ kind: 'waiting', seconds: 1.2 });
  screen.show({ kind: 'partial', index: 0, file: '/p/a.partial-1.png', bytes: new Uint8Array() });
  screen.show({ kind: 'saved', picture, format: 'png', asked: 'png', size: '1x1' });
  screen.show({ kind: 'saved', picture, format: 'jpeg', asked: 'png', size: '1x2' });
  await screen.settled();
  expect(world.err().split('\n')).toEqual([
    'The server asks to wait 2 s; then it is asked again. Ctrl-C ends that.',
    'Partial picture 1: /p/a.partial-1.png',
    '/p/a.png is a JPEG, although PNG was asked for.',
    '/p/a.png has 1x1 pixels, although 1x2 was asked for.',
    '',
  ]);
  expect(world.out()).toBe('');
});

/** A world whose standard error is a terminal of that many columns, and whose clock is the fake one. */
function terminal(columns: number) {
  const world = testWorld({ elapsed: () => Date.now(), env: { TERM: 'xterm' } });
  Object.assign(world.stderr, { isTTY: true, columns });
  return world;
}

it('counts the seconds on a terminal while the picture is awaited, and says what Ctrl-C does', async () => {
  vi.useFakeTimers();
  const world = terminal(80);
  const screen = new PictureScreen(world);
  vi.advanceTimersByTime(5000);
  expect(world.err()).toBe('');
  screen.show({ kind: 'sent' });
  vi.advanceTimersByTime(65_000);
  const line = 'Waiting for the picture: 1 min 5 s. Ctrl-C gives up, but it may be billed.';
  expect(world.err().endsWith(`\r\u001b[2K${line}`)).toBe(true);
  await screen.settled();
  const after = world.err();
  expect(after.endsWith('\r\u001b[2K')).toBe(true);
  vi.advanceTimersByTime(5000);
  expect(world.err()).toBe(after);
});

it('takes the line away for what stays, and before a narrow terminal would break it', async () => {
  vi.useFakeTimers();
  const world = terminal(30);
  const screen = new PictureScreen(world);
  screen.show({ kind: 'sent' });
  vi.advanceTimersByTime(1000);
  expect(world.err().replace('\r\u001b[2K', '').length).toBeLessThan(30);
  screen.show({ kind: 'partial', index: 0, file: null, bytes: new Uint8Array() });
  await vi.advanceTimersByTimeAsync(0);
  expect(world.err().endsWith('\r\u001b[2KPartial picture 1 could not be written\n')).toBe(true);
  await screen.settled();
});

it('counts nothing where nobody looks', async () => {
  vi.useFakeTimers();
  const world = testWorld();
  const screen = new PictureScreen(world);
  screen.show({ kind: 'sent' });
  vi.advanceTimersByTime(65_000);
  await screen.settled();
  expect(world.err()).toBe('');
});
