import { expect, it } from 'vitest';
import { companionsOf } from '../../../src/library/dedupe/units.ts';

const names = (photo: string, beside: readonly string[]): string[] =>
  companionsOf(photo, [photo, ...beside]).map(({ name, kind }) => `${kind} ${name}`);

it('takes RAW, film and sidecars along, whatever their case', () => {
  expect(
    names('IMG_1.JPG', [
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

it('knows the JSON of Google Takeout, also where its name was cut off', () => {
  expect(
    names('a.jpg', [
      'a.jpg.json',
      'a.jpg.supplemental-metadata.json',
      'a.jpg.supplem.json',
      'a.jpg.notes.json',
      'a.json',
    ]),
  ).toEqual(['sidecar a.jpg.json', 'sidecar a.jpg.supplemental-metadata.json', 'sidecar a.jpg.supplem.json']);
});

it('leaves what could belong to another photo where it is', () => {
  expect(names('a.jpg', ['a.png', 'a.xmp', 'a.jpg.xmp'])).toEqual(['sidecar a.jpg.xmp']);
  expect(names('a.png', ['a.jpg', 'a.cr2', 'a.xmp'])).toEqual([]);
});
