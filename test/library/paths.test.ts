import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inside, isBelow, outermost } from '../../src/library/paths.ts';

/** Names that begin alike, or with the dots that stand for the folder above. */
const names = fc.array(fc.constantFrom('a', 'ab', '..a', '...', 'b', 'A'), { maxLength: 4 });
const isWithin = (folder: readonly string[], path: readonly string[]): boolean =>
  folder.every((name, i) => name === path[i]);

it.skipIf(process.platform === 'win32')('a path lies in a folder when it begins with its names, whole', () => {
  fc.assert(
    fc.property(names, names, (folder, path) => {
      const rest = isWithin(folder, path) ? path.slice(folder.length).join('/') : null;
      expect(inside(`/${folder.join('/')}`, `/${path.join('/')}`)).toBe(rest);
      expect(isBelow(path.join('/'), folder.join('/'))).toBe(rest !== null);
    }),
    { numRuns: 300 },
  );
  expect([inside('family:', '/family'), inside('/family', 'family:')]).toEqual([null, null]);
});

it.skipIf(process.platform === 'win32')('of folders those stay, once each, that lie in no other', () => {
  fc.assert(
    fc.property(fc.array(names, { maxLength: 6 }), (folders) => {
      const distinct = folders.filter((one, i) => folders.findIndex((other) => other.join() === one.join()) === i);
      const outer = distinct.filter((one) => distinct.every((other) => other === one || !isWithin(other, one)));
      expect(outermost(folders.map((one) => `/${one.join('/')}`))).toEqual(outer.map((one) => `/${one.join('/')}`));
    }),
  );
});
