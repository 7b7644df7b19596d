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
  ['*"*', 'say "hi".jpg', true],
  ['!x.jpg', 'a.jpg', false],
  ['[!a]*', 'a.jpg', false],
  ['[!a]*', 'b.jpg', true],
])('takes signs that no shell reads in the name pattern %j for what they are in %j', (name, path, expected) => {
  expect(passes({ name }, path)).toBe(expected);
});

it('takes every other sign for itself, whatever stands before it', () => {
  const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
  for (const sign of ascii.filter((one) => !'*?[]{}\\/'.includes(one))) {
    for (const before of ['', 'a', '*', '?', '[a]', '{a,q}']) {
      const name = `${before}${sign}${sign}b`;
      const shown = before === '' ? '' : 'a';
      expect(passes({ name }, `${shown}${sign}${sign}b`), name).toBe(true);
      expect(passes({ name }, `${shown}b`), name).toBe(false);
      expect(passes({ name }, `${shown}${sign}b`) && before !== '*', name).toBe(false);
    }
  }
});

it('knows a name in composed and decomposed Unicode', () => {
  const [typed, onDisk] = ['M\u00fcller', 'Mu\u0308ller'];
  expect(passes({ exclude: [`${typed}/`] }, `${onDisk}/a.jpg`)).toBe(false);
  expect(passes({ exclude: [`${onDisk}/`] }, `${typed}/a.jpg`)).toBe(false);
  expect(passes({ name: `${typed}*` }, `trip/${onDisk}.jpg`)).toBe(true);
});
