import { stripVTControlCharacters } from 'node:util';
import { decodeAsync } from 'sixel';
import { expect, it, vi } from 'vitest';
import { drawGrid, drawPhotos, halfBlocks, sixelOn } from '../../src/output/terminal/picture-grid.ts';
import { faulty } from '../../src/photos/fault.ts';
import type { RenderPhoto } from '../../src/photos/render.ts';
import { testWorld } from '../support/world.ts';

it('draws two pixels a cell, and writes a colour only where it changes', () => {
  // A red pixel above a green one, twice, then black above nothing.
  const data = Buffer.from([255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0]);
  expect(halfBlocks({ data, width: 2, height: 3 })).toBe(
    '\u001b[38;2;255;0;0;48;2;0;255;0m▀▀\u001b[0m\n\u001b[38;2;0;0;0;48;2;0;0;0m▀▀\u001b[0m\n',
  );
});

/** A white photo, twice as wide as high. */
const white: RenderPhoto = async ({ box }) => {
  const [width, height] = [box.width, Math.floor(box.width / 2)];
  return {
    kind: 'rendition',
    width,
    height,
    data: Buffer.alloc(width * height * 3, 255),
    sha256: '',
  };
};

const photos = ['a.jpg', 'a name that is much too long for its place.jpg', 'c.jpg', 'away.jpg'].map((name, i) => ({
  file: `/photos/${name}`,
  label: String(i + 1),
  available: name !== 'away.jpg',
}));

it('fills rows as wide as the terminal, with names below', async () => {
  const world = testWorld();
  await drawGrid(world, white, photos, 80);
  const lines = stripVTControlCharacters(world.out()).split('\n');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  expect(lines[9]).toMatch(/^1 {2}a\.jpg +2 {2}a name.*…its place\.jpg +3 {2}c\.jpg$|^1 {2}a\.jpg +2 {2}.*…/);
  expect(lines[9]?.endsWith('3  c.jpg')).toBe(true);
  expect(lines.some((line) => line.startsWith('4  away.jpg'))).toBe(true);
});

it('says which photos could not be read, and why; those that are away are none of them', async () => {
  const world = testWorld();
  const render: RenderPhoto = async (request) =>
    request.file.endsWith('c.jpg') ? faulty('corrupt', 'is damaged') : white(request);
  expect(await drawGrid(world, render, photos, 80)).toEqual([{ file: '/photos/c.jpg', reason: 'is damaged' }]);
  expect(world.out()).toContain('3  c.jpg');
});

it('draws nothing where one photo alone was to be drawn and cannot be read', async () => {
  const world = testWorld();
  const [photo] = photos;
  const unread: RenderPhoto = async () => faulty('corrupt', 'is damaged');
  expect(await drawGrid(world, unread, photo === undefined ? [] : [photo], 80)).toHaveLength(1);
  expect(world.out()).toBe('');
});

it('lets a terminal that draws pictures draw them, as wide as their place', async () => {
  const world = testWorld({ env: { TERM: 'xterm-kitty' } });
  Object.assign(world.stdout, { isTTY: true });
  await drawGrid(world, white, photos.slice(0, 2), 80);
  expect(world.out()).toContain('\u001b_Ga=T,f=100,q=2,c=50,');
  expect(world.out()).toContain('1  a.jpg');
});

/** A terminal at both ends, which answers what it is asked. */
function terminal(answer: string | null): ReturnType<typeof testWorld> {
  const world = testWorld({ env: { TERM: 'xterm-256color' } });
  let raw = false;
  const stdin = Object.assign(world.stdin, {
    isTTY: true,
    isRaw: false,
    setRawMode: (mode: boolean) => {
      raw = mode;
    },
  });
  const write = world.stdout.write.bind(world.stdout);
  Object.assign(world.stdout, {
    isTTY: true,
    write: (text: string) => {
      if (text.includes('\u001b[c')) expect(raw).toBe(true);
      if (text.includes('\u001b[c') && answer !== null) stdin.push(answer);
      return write(text);
    },
  });
  return world;
}

it.each([
  ['\u001b[6;18;9t\u001b[?62;4;22c', { width: 9, height: 18 }],
  ['x\u001b[?65;1;4c', { width: 10, height: 20 }],
  ['\u001b[?4;6c', null],
  ['\u001b[?62;14;42c', null],
])('a terminal that answers %j draws sixels, or not', async (answer, cell) => {
  expect(await sixelOn(terminal(answer))).toEqual(cell);
});

it('photos are drawn as sixels where the terminal says so, else as half-blocks', async () => {
  const sixel = terminal('\u001b[6;18;9t\u001b[?62;4c');
  await drawPhotos(sixel, white, photos.slice(0, 1));
  expect(sixel.out().split('\u001b[c')[1]).toContain('\u001bP');
  const plain = terminal('\u001b[?62c');
  await drawPhotos(plain, white, photos.slice(0, 1));
  expect(plain.out()).toContain('▀');
});

it('a terminal that answers nothing is waited for no longer than a moment', async () => {
  vi.useFakeTimers();
  const asked = sixelOn(terminal(null));
  await vi.advanceTimersByTimeAsync(1000);
  expect(await asked).toBeNull();
  vi.useRealTimers();
});

it('nobody is asked what a pipe, a multiplexer or a terminal with pictures of its own would answer', async () => {
  for (const env of [{ TMUX: '/tmp/x' }, { TERM: 'screen' }, { TERM: 'xterm-kitty' }, { TERM: 'dumb' }]) {
    const world = { ...terminal('\u001b[?62;4c'), env };
    expect(await sixelOn(world)).toBeNull();
    expect(world.out()).toBe('');
  }
  expect(await sixelOn(testWorld())).toBeNull();
});

it('draws sixels that are the photos, in whole rows of six pixels', async () => {
  const world = terminal(null);
  // Behind the rows of this photo lies more memory, as behind those that decoders give.
  const red: RenderPhoto = async ({ box: { width, height } }) => {
    const data = Buffer.from(new ArrayBuffer(width * height * 3 + 999), 999);
    for (let at = 0; at < data.length; at += 3) data.set([255, 0, 0], at);
    return { kind: 'rendition', width, height, data, sha256: '' };
  };
  await drawGrid(world, red, photos.slice(0, 2), 80, { sixel: { width: 8, height: 17 } });
  const drawn = world.out().slice(world.out().indexOf('\u001bP'));
  const decoded = await decodeAsync(drawn.slice(drawn.indexOf('q') + 1, drawn.indexOf('\u001b\\')));
  expect([decoded.width, decoded.height]).toEqual([50 * 8, 150]);
  const [left, gap] = [decoded.data32[0] ?? 0, decoded.data32[25 * 8] ?? 0];
  expect([left & 0xffffff, gap & 0xffffff]).toEqual([0x0000ff, 0x000000]);
  expect(world.out()).toContain('1  a.jpg');
});
