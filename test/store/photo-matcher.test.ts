import { expect, it } from 'vitest';
import { unsaid } from '../../src/store/photo-matcher.ts';

const passes = (filter: Parameters<typeof unsaid>[0], path: string) => unsaid(filter)?.({ path, camera: null }) ?? true;

it.each([
  ['IMG (1).jpg', 'trip/IMG (1).jpg', true],
  ['IMG (1).jpg', 'IMG 1.jpg', false],
  ['*(1).jpg', 'IMG_7(1).jpg', true],
  ['*(1).jpg', 'IMG_7.jpg', false],
  ['IMG \\(1\\).jpg', 'IMG (1).jpg', true],
  ['a|b.jpg', 'b.jpg', false],
  ['{IMG,DSC}_[0-9](?).*', 'dsc_4(2).JPG', true],
])('takes parentheses in the name pattern %j for what they are in %j', (name, path, expected) => {
  expect(passes({ name }, path)).toBe(expected);
});

it('knows a name in composed and decomposed Unicode', () => {
  const [typed, onDisk] = ['M\u00fcller', 'Mu\u0308ller'];
  expect(passes({ exclude: [`${typed}/`] }, `${onDisk}/a.jpg`)).toBe(false);
  expect(passes({ exclude: [`${onDisk}/`] }, `${typed}/a.jpg`)).toBe(false);
  expect(passes({ name: `${typed}*` }, `trip/${onDisk}.jpg`)).toBe(true);
});
