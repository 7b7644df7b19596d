import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { drawGrid, halfBlocks } from '../../src/output/terminal/picture-grid.ts';
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

it('lets a terminal that draws pictures draw them, as wide as their place', async () => {
  const world = testWorld({ env: { TERM: 'xterm-kitty' } });
  Object.assign(world.stdout, { isTTY: true });
  await drawGrid(world, white, photos.slice(0, 2), 80);
  expect(world.out()).toContain('\u001b_Ga=T,f=100,q=2,c=50,');
  expect(world.out()).toContain('1  a.jpg');
});
