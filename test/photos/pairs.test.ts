import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupPairs } from '../../src/photos/pairs.ts';

const alone = (path: string) => ({ path, companions: [] });

describe('what counts as one photo', () => {
  test.each([
    ['a RAW file beside its JPEG', ['IMG_1.CR2', 'IMG_1.JPG'], 'IMG_1.JPG', ['IMG_1.CR2']],
    ['a RAW file beside its HEIC', ['a/IMG_1.DNG', 'a/IMG_1.HEIC'], 'a/IMG_1.HEIC', ['a/IMG_1.DNG']],
    ['names that differ in case', ['DSC_7.NEF', 'dsc_7.jpg'], 'dsc_7.jpg', ['DSC_7.NEF']],
    ['names spelt with composed and decomposed accents', ['Küche.raf', 'Küche.jpeg'], 'Küche.jpeg', ['Küche.raf']],
    ['a Live Photo', ['IMG_2.HEIC', 'IMG_2.MOV'], 'IMG_2.HEIC', ['IMG_2.MOV']],
    ['a HEIC and the JPEG exported beside it', ['IMG_3.HEIC', 'IMG_3.jpg'], 'IMG_3.jpg', ['IMG_3.HEIC']],
    [
      'a photo in every form at once',
      ['x.ARW', 'x.HEIC', 'x.JPG', 'x.MOV', 'x.dng'],
      'x.JPG',
      ['x.ARW', 'x.HEIC', 'x.MOV', 'x.dng'],
    ],
  ])('%s', (_, paths, path, companions) => {
    expect(groupPairs(paths)).toEqual([{ path, companions }]);
  });
});

describe('what stays apart', () => {
  test.each([
    ['the same name in two folders', ['a/IMG_1.CR2', 'b/IMG_1.JPG']],
    ['folders that differ in case', ['A/IMG_1.CR2', 'a/IMG_1.JPG']],
    ['another name', ['IMG_1 (1).HEIC', 'IMG_1.JPG', 'IMG_10.CR2']],
    ['two JPEGs whose names differ in case', ['IMG_1.JPG', 'IMG_1.jpg']],
    ['a RAW file and an edited copy in another format', ['IMG_1.CR2', 'IMG_1.tif']],
    ['two RAW files without a JPEG', ['IMG_1.CR2', 'IMG_1.DNG']],
    ['a film beside a RAW file', ['IMG_1.CR2', 'IMG_1.MOV']],
    ['names that are nothing but an ending', ['.CR2', '.jpg', 'a/.CR2', 'a/.jpg']],
    ['names without an ending', ['IMG_1', 'IMG_1.CR2', 'folder.jpg/IMG_1']],
  ])('%s', (_, paths) => {
    expect(groupPairs(paths)).toEqual(paths.toSorted().map(alone));
  });
});

test('a RAW file goes to the JPEG whose name is written as its own is', () => {
  expect(groupPairs(['IMG_1.JPG', 'img_1.jpg', 'img_1.nef'])).toEqual([
    alone('IMG_1.JPG'),
    { path: 'img_1.jpg', companions: ['img_1.nef'] },
  ]);
});

describe('for any folder', () => {
  const name = fc.tuple(
    fc.constantFrom('', 'a/', 'A/', 'a/b.c/'),
    fc.constantFrom('x', 'X', 'x.y', 'é', 'e\u0301', ''),
    fc.constantFrom('.jpg', '.JPG', '.jpeg', '.heic', '.HIF', '.cr2', '.NEF', '.dng', '.mov', '.png', '.', ''),
  );
  const folder = fc.uniqueArray(
    name.map((parts) => parts.join('')).filter((path) => path !== ''),
    { maxLength: 40 },
  );
  const stem = (path: string): string => {
    const [slash, dot] = [path.lastIndexOf('/') + 1, path.lastIndexOf('.')];
    return path.slice(0, slash) + path.slice(slash, dot).toLowerCase().normalize('NFC');
  };
  const ending = (path: string): string => path.slice(path.lastIndexOf('.')).toLowerCase();

  test('every file appears exactly once', () => {
    fc.assert(
      fc.property(folder, (paths) => {
        const listed = groupPairs(paths).flatMap(({ path, companions }) => [path, ...companions]);
        expect(listed.toSorted()).toEqual(paths.toSorted());
      }),
    );
  });

  test('the order in which files were found does not matter', () => {
    const shuffled = folder.chain((paths) =>
      fc.tuple(fc.constant(paths), fc.shuffledSubarray(paths, { minLength: paths.length })),
    );
    fc.assert(
      fc.property(shuffled, ([paths, other]) => {
        expect(groupPairs(other)).toEqual(groupPairs(paths));
      }),
    );
  });

  test('companions have their photo’s name, and a JPEG or HEIC stands for them', () => {
    fc.assert(
      fc.property(folder, (paths) => {
        for (const { path, companions } of groupPairs(paths)) {
          if (companions.length > 0) expect(ending(path)).toMatch(/^\.(jpe?g|heic|hif)$/);
          for (const companion of companions) {
            expect(stem(companion)).toBe(stem(path));
            expect(ending(companion)).not.toBe(ending(path));
          }
        }
      }),
    );
  });

  test('no RAW file or film stands alone where a JPEG or HEIC of its name lies beside it', () => {
    fc.assert(
      fc.property(folder, (paths) => {
        const stills = new Set(paths.filter((path) => /[^/]\.(jpe?g|heic|hif)$/i.test(path)).map(stem));
        const heads = groupPairs(paths).map(({ path }) => path);
        const orphans = heads.filter((path) => /[^/]\.(cr2|nef|dng|mov)$/i.test(path) && stills.has(stem(path)));
        expect(orphans).toEqual([]);
      }),
    );
  });

  test('a file of another name changes nothing for the rest', () => {
    fc.assert(
      fc.property(folder, (paths) => {
        const rest = groupPairs([...paths, 'other/elsewhere.jpg']).filter(({ path }) => path !== 'other/elsewhere.jpg');
        expect(rest).toEqual(groupPairs(paths));
      }),
    );
  });
});
