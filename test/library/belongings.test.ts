import { expect, it } from 'vitest';
import { withBelongings } from '../../src/library/act/belongings.ts';

/** The files that go when these photos of one folder are moved. */
async function going(photos: string[], ...names: string[]): Promise<string[]> {
  const bundles = await withBelongings(
    photos.map((name) => `/photos/${name}`),
    async () => [...photos, ...names],
  );
  return bundles.flatMap(({ files }) => files.map((file) => file.replace('/photos/', ''))).sort();
}

it('takes along the RAW, sidecars of either, and Apple\u2019s edits', async () => {
  expect(
    await going(
      ['IMG_1.jpg'],
      'IMG_1.CR2',
      'img_1.xmp',
      'IMG_1.jpg.xmp',
      'IMG_1.CR2.xmp',
      'IMG_1.AAE',
      'IMG_10.xmp',
      'IMG_1.txt',
    ),
  ).toEqual(['IMG_1.AAE', 'IMG_1.CR2', 'IMG_1.CR2.xmp', 'IMG_1.jpg', 'IMG_1.jpg.xmp', 'img_1.xmp']);
});

it('leaves what another photo that stays has as much of a claim to', async () => {
  expect(await going(['a.jpg'], 'a.png', 'a.xmp', 'a.jpg.xmp', 'a.nef')).toEqual(['a.jpg', 'a.jpg.xmp']);
  expect(await going(['a.jpg', 'a.png'], 'a.xmp', 'a.nef')).toEqual(['a.jpg', 'a.nef', 'a.png', 'a.xmp']);
});

it('takes along the JPEG of a RAW', async () => {
  expect(await going(['a.nef'], 'a.jpg', 'a.nef.pp3', 'b.jpg')).toEqual(['a.jpg', 'a.nef', 'a.nef.pp3']);
});
