import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planTransfers } from '../../src/files/transfer/plan.ts';
import { FolderNames, folderReader, unitsOf } from '../../src/library/units.ts';

/** The files that go when these photos of one folder are moved. */
async function going(photos: string[], ...names: string[]): Promise<string[]> {
  const bundles = await unitsOf(
    photos.map((name) => `/photos/${name}`),
    folderReader(async () => [...photos, ...names]),
  );
  return bundles.flatMap(({ files }) => files.map((file) => file.replace('/photos/', ''))).sort();
}

const companions = (photo: string, beside: readonly string[]): string[] =>
  new FolderNames([photo, ...beside]).companionsOf([photo]).map(({ name, kind }) => `${kind} ${name}`);

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
  expect(companions('a.jpg', ['a.png', 'a.xmp', 'a.jpg.xmp'])).toEqual(['sidecar a.jpg.xmp']);
  expect(companions('a.png', ['a.jpg', 'a.cr2', 'a.xmp'])).toEqual([]);
  expect(companions('a.heic', ['a.jpg', 'a.dng', 'a.mov'])).toEqual([]);
});

it('keeps photos of one name in two folders apart', async () => {
  const bundles = await unitsOf(
    ['/a/1.jpg', '/b/1.jpg'],
    folderReader(async () => ['1.jpg', '1.xmp']),
  );
  expect(bundles.map(({ files }) => files)).toEqual([
    ['/a/1.jpg', '/a/1.xmp'],
    ['/b/1.jpg', '/b/1.xmp'],
  ]);
});

it('takes along the JPEG of a RAW', async () => {
  expect(await going(['a.nef'], 'a.jpg', 'a.nef.pp3', 'b.jpg')).toEqual(['a.jpg', 'a.nef', 'a.nef.pp3']);
});

it('takes RAW, film and sidecars along, whatever their case', () => {
  expect(
    companions('IMG_1.JPG', [
      'IMG_1.CR2',
      'img_1.xmp',
      'IMG_1.JPG.xmp',
      'IMG_1.AAE',
      'IMG_1.mov',
      'IMG_2.CR2',
      'IMG_10.xmp',
    ]),
  ).toEqual(['raw IMG_1.CR2', 'sidecar img_1.xmp', 'sidecar IMG_1.JPG.xmp', 'sidecar IMG_1.AAE', 'film IMG_1.mov']);
});

it('knows the film beside a photo of Google\u2019s phones, and what Takeout says of a film', () => {
  expect(companions('PXL_1.MP.jpg', ['PXL_1.MP', 'PXL_1.jpg', 'PXL_1.MP.jpg.json', 'PXL_1.MP.json'])).toEqual([
    'film PXL_1.MP',
    'sidecar PXL_1.MP.jpg.json',
    'sidecar PXL_1.MP.json',
  ]);
});

it('knows the versions that darktable and iOS keep', () => {
  expect(companions('a.cr2', ['a_01.cr2.xmp', 'a_02.cr2.xmp', 'a_02.cr2'])).toEqual(['sidecar a_01.cr2.xmp']);
  expect(companions('IMG_1.HEIC', ['IMG_O1.AAE', 'IMG_E1.HEIC', 'IMG_1.AAE'])).toEqual([
    'sidecar IMG_O1.AAE',
    'sidecar IMG_1.AAE',
  ]);
});

it('knows the JSON of Google Takeout, also where its name was cut off', () => {
  expect(
    companions('a.jpg', [
      'a.jpg.json',
      'a.jpg.supplemental-metadata.json',
      'a.jpg.supplem.json',
      'a.jpg.notes.json',
      'a.json',
    ]),
  ).toEqual(['sidecar a.jpg.json', 'sidecar a.jpg.supplemental-metadata.json', 'sidecar a.jpg.supplem.json']);
  const long = 'Screenshot_2023-01-01-12-00-00-000_com.android';
  expect(long).toHaveLength(46);
  expect(companions(`${long}.x.jpg`, [`${long}.json`])).toEqual([`sidecar ${long}.json`]);
  expect(companions(`${long}.x.jpg`, [`${long}.json`, `${long}.y.jpg`])).toEqual([]);
  expect(companions(`${long}.x.jpg`, [`${long.slice(0, 44)}.json`])).toEqual([]);
  const plain = 'x'.repeat(50);
  expect(companions(`${plain}.jpg`, [`${plain.slice(0, 46)}.json`])).toEqual([`sidecar ${plain.slice(0, 46)}.json`]);
});

it('tells Takeout\u2019s numbered files apart', () => {
  const names = ['a.jpg', 'a(1).jpg', 'a.jpg.json', 'a.jpg(1).json', 'a.jpg.supplemental-me(2).json', 'a(2).jpg'];
  const of = (photo: string): string[] => new FolderNames(names).companionsOf([photo]).map(({ name }) => name);
  expect(of('a.jpg')).toEqual(['a.jpg.json']);
  expect(of('a(1).jpg')).toEqual(['a.jpg(1).json']);
  expect(of('a(2).jpg')).toEqual(['a.jpg.supplemental-me(2).json']);
  expect(companions('a(1).jpg', ['a(1).jpg.json'])).toEqual(['sidecar a(1).jpg.json']);
});

it('numbers what belongs together so that it still does', async () => {
  const moved = async (photo: string, ...beside: string[]): Promise<string[]> => {
    const names = [photo, ...beside];
    const units = await unitsOf(
      [`/in/${photo}`],
      folderReader(async () => names),
    );
    const transfers = planTransfers(units, '/out', names);
    return transfers.map(({ to }) => to.replace('/out/', ''));
  };
  expect(await moved('a(1).jpg', 'a.jpg(1).json')).toEqual(['a-2(1).jpg', 'a-2.jpg(1).json']);
  expect(await moved('IMG_1.HEIC', 'IMG_O1.AAE')).toEqual(['IMG_1-2.HEIC', 'IMG_O1-2.AAE']);
  expect(await moved('caf\u00e9.jpg', 'cafe\u0301.xmp')).toEqual(['caf\u00e9-2.jpg', 'cafe\u0301-2.xmp']);
});

it('gives no file to two photos', () => {
  const name = fc
    .tuple(
      fc.constantFrom('a', 'a(1)', 'A', 'IMG_1', 'IMG_O1', 'a_01'),
      fc.constantFrom('.jpg', '.heic', '.png', '.cr2', '.mov', '.xmp', '.aae', '.jpg.xmp', '.jpg.json', '.jpg(1).json'),
    )
    .map(([stem, ending]) => stem + ending);
  fc.assert(
    fc.property(fc.uniqueArray(name, { selector: (text) => text.toLowerCase() }), (names) => {
      const folder = new FolderNames(names);
      const photos = names.filter((one) => /\.(jpg|heic|png|cr2)$/.test(one));
      const developed = photos.filter((one) => !one.endsWith('.cr2'));
      const taken = developed.flatMap((photo) => folder.companionsOf([photo]).map((companion) => companion.name));
      expect(new Set(taken).size).toBe(taken.length);
      for (const one of taken) expect(developed).not.toContain(one);
    }),
  );
});
