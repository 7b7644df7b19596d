import fc from 'fast-check';
import type { PhotoFilter, PhotoRow, Shape } from '../../src/store/port.ts';
import { photo } from './samples.ts';

/* Photos that filters tell apart, filters over them, and what filters mean, in plain code. */

const CAMERAS = ['Canon EOS 5D', 'CANON PowerShot', 'Apple iPhone 15', null];
const FOLDERS = ['', 'trip/', 'trip/raw/', 'trip2/'];
/** Decomposed, as macOS hands names out; people type the composed form. */
const NAMES_BEGIN = ['IMG', 'DSC', 'DSC', 'IMG', 'Cafe\u0301', 'DSC', '.IMG'];
const ENDINGS = ['jpg', 'JPG', 'heic', 'cr2', 'png'];
const SIDES: readonly [number, number][] = [
  [4000, 3000],
  [3000, 4000],
  [1000, 1000],
  [1600, 1599],
];

/** 120 photos of two libraries, each at its own angle; the further, the less alike. */
export const FILTERED: readonly PhotoRow[] = Array.from({ length: 120 }, (_, i) => {
  const [width, height] = SIDES[i % 4] ?? [1, 1];
  const name = `${NAMES_BEGIN[i % 7]}_${String(i).padStart(4, '0')}.${ENDINGS[i % 5]}`;
  return photo(`${FOLDERS[(i * 7) % 4]}${name}`, {
    library: i % 3 === 2 ? 'other' : 'holiday',
    angle: ((i * 37) % 120) / 100,
    camera: CAMERAS[(i * 3 + Math.floor(i / 4)) % 4] ?? null,
    takenMs: i % 5 === 0 ? null : 1000 * (i + 1),
    mtimeMs: 2000 * (i + 1),
    width,
    height,
  });
});

/** Every other one between two milliseconds, and many at the very time of a photo. */
const ms = fc.oneof(
  fc.integer({ min: -1, max: 260 }).map((s) => s * 1000),
  fc.integer({ min: 0, max: 520_000 }).map((n) => n / 2),
);
const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 });

const restrictions: readonly fc.Arbitrary<PhotoFilter>[] = [
  fc.record({
    within: some(
      { library: 'holiday', folder: 'trip' },
      { library: 'holiday', folder: 'trip/raw' },
      { library: 'holiday', folder: '' },
      { library: 'other', folder: 'trip2' },
    ),
  }),
  fc.record(
    {
      takenAfterMs: ms,
      takenBeforeMs: ms,
      undated: fc.record({ afterMs: ms, beforeMs: ms }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  ),
  fc.record({ shapes: some<Shape>('landscape', 'portrait', 'square') }),
  fc.record({ minSide: fc.constantFrom(0, 1000, 1599, 1599.5, 1600, 3000, 3001) }),
  fc.record({ camera: fc.constantFrom('canon', 'EOS', 'iphone', 'nikon') }),
  fc.record({
    name: fc.constantFrom('img_*', '*.jpg', 'DSC_000?.*', '*_00[1-3]*', '{IMG,DSC}_001*', 'CAF\u00c9_*'),
  }),
  fc.record({ endings: some('jpg', 'heic', 'cr2') }),
  fc.record({ exclude: some('*.png', 'trip/', '/trip2', '!*.jpg', 'IMG_*', 'caf\u00e9_*') }),
];

/** Three restrictions at most: of more hardly any photo is left, and then one that is not looked at makes no difference. */
export const anyFilter: fc.Arbitrary<PhotoFilter> = fc
  .shuffledSubarray([...restrictions], { maxLength: 3 })
  .chain((chosen) => fc.tuple(...chosen))
  .map((parts) => Object.assign({}, ...parts));

/** What a name pattern of `anyFilter` means, as a regular expression. */
const NAMES: Readonly<Record<string, RegExp>> = {
  'img_*': /^img_/i,
  '*.jpg': /\.jpg$/i,
  'DSC_000?.*': /^dsc_000.\./i,
  '*_00[1-3]*': /_00[1-3]/i,
  '{IMG,DSC}_001*': /^(img|dsc)_001/i,
  'CAF\u00c9_*': /^cafe\u0301_/i,
};
const EXCLUDED: Readonly<Record<string, RegExp>> = {
  '*.png': /\.png$/i,
  'trip/': /^trip\//,
  '/trip2': /^trip2\//,
  'IMG_*': /(^|\/)img_[^/]*$/i,
  'caf\u00e9_*': /(^|\/)cafe\u0301_[^/]*$/i,
};

export function plainly(row: PhotoRow, filter: PhotoFilter): boolean {
  const { takenAfterMs, takenBeforeMs, undated } = filter;
  const isIn = ({ library, folder }: { readonly library: string; readonly folder: string }): boolean =>
    row.library === library && (folder === '' || row.path.startsWith(`${folder}/`));
  if (filter.within?.some(isIn) === false) return false;
  if (takenAfterMs !== undefined || takenBeforeMs !== undefined) {
    if (row.takenMs === null && undated === undefined) return false;
    const [time, from, until] =
      row.takenMs === null
        ? [row.mtimeMs, undated?.afterMs, undated?.beforeMs]
        : [row.takenMs, takenAfterMs, takenBeforeMs];
    if (from !== undefined && time < from) return false;
    if (until !== undefined && time >= until) return false;
  }
  const lean = Math.sign(row.width - row.height);
  if (filter.shapes?.some((shape) => ({ landscape: 1, portrait: -1, square: 0 })[shape] === lean) === false)
    return false;
  if (filter.minSide !== undefined && (row.width < filter.minSide || row.height < filter.minSide)) return false;
  if (filter.camera !== undefined && !row.camera?.toLowerCase().includes(filter.camera.toLowerCase())) return false;
  const name = row.path.split('/').at(-1) ?? '';
  if (filter.name !== undefined && !NAMES[filter.name]?.test(name)) return false;
  if (filter.endings?.some((ending) => name.toLowerCase().endsWith(`.${ending}`)) === false) return false;
  return !isExcluded(row.path, filter.exclude ?? []);
}

/** As git reads it: the last pattern that matches decides, but nothing in an excluded folder is taken back in. */
function isExcluded(path: string, patterns: readonly string[]): boolean {
  if (patterns.some((pattern) => /^\/?trip2?\/?$/.test(pattern) && EXCLUDED[pattern]?.test(path))) return true;
  const last = patterns.findLast((pattern) =>
    pattern.startsWith('!')
      ? EXCLUDED[pattern.slice(1)]?.test(path) || /\.jpg$/i.test(path)
      : EXCLUDED[pattern]?.test(path),
  );
  return last !== undefined && !last.startsWith('!');
}
