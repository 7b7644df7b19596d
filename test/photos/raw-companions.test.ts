import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rawCompanions } from '../../src/photos/kinds.ts';

describe('RAW files beside their JPEG', () => {
  it('are one photo with it, whatever the case of the names', () => {
    expect(rawCompanions(['a/IMG_1.CR2', 'a/img_1.jpg', 'a/IMG_2.NEF', 'a/IMG_2.HEIC'])).toEqual(
      new Map([
        ['a/IMG_1.CR2', 'a/img_1.jpg'],
        ['a/IMG_2.NEF', 'a/IMG_2.HEIC'],
      ]),
    );
  });

  it('are photos of their own in another folder, under another name, or alone', () => {
    expect(rawCompanions(['a/1.cr2', 'b/1.jpg', 'a/1b.jpg', '1.jpg', 'c/.dng', 'c/.jpg', 'a/1.png'])).toEqual(
      new Map(),
    );
  });

  it('are told from each other only where Unicode does', () => {
    expect(rawCompanions(['caf\u00e9.dng', 'cafe\u0301.jpg'])).toEqual(new Map([['caf\u00e9.dng', 'cafe\u0301.jpg']]));
  });

  it('leave a JPEG and a HEIC of one name two photos', () => {
    expect(rawCompanions(['1.jpg', '1.heic'])).toEqual(new Map());
  });

  it('always point to a file that is there and stands for itself', () => {
    const path = fc
      .tuple(
        fc.constantFrom('', 'a/', 'A/'),
        fc.constantFrom('x', 'X', 'y.z', 'é'),
        fc.constantFrom('jpg', 'JPG', 'cr2', 'DNG', 'heic', 'png'),
      )
      .map(([folder, name, ending]) => `${folder}${name}.${ending}`);
    fc.assert(
      fc.property(fc.uniqueArray(path), (paths) => {
        for (const [raw, standing] of rawCompanions(paths)) {
          expect(paths).toContain(raw);
          expect(paths).toContain(standing);
          expect(rawCompanions(paths).has(standing)).toBe(false);
        }
      }),
    );
  });
});
