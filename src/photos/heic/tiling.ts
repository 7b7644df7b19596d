import { exifOrientation } from '../metadata/exif-orientation.ts';
import type { Size } from '../pixels.ts';
import { type HeicItems, understood } from './items.ts';

/** How luma and chroma stand for colours (ITU-T H.273). */
export interface Coding {
  readonly matrix: number;
  readonly fullRange: boolean;
}

/** A picture coded with HEVC, by itself or in equal tiles that cover it row by row. */
export interface HeicTiling {
  /** As stored; see `orientation`. */
  readonly size: Size;
  readonly tile: Size;
  readonly columns: number;
  /** Each one's coded bytes. */
  readonly tiles: readonly Buffer[];
  /** The decoder's configuration, `hvcC`, the same for all. */
  readonly configuration: Buffer;
  /** What the file says; null leaves it to the coded pictures. */
  readonly coding: Coding | null;
  /** EXIF orientation, 1 to 8, that its own rotations and mirrorings, or EXIF, come to. */
  readonly orientation: number;
}

/** The tiling of the primary picture; null when it is of another kind, or anything about it is unusual or wrong. */
export function heicTiling(items: HeicItems): HeicTiling | null {
  return understood(() => readTiling(items), null);
}

function readTiling(items: HeicItems): HeicTiling | null {
  const { primary } = items;
  const isGrid = items.type(primary) === 'grid';
  const tiles = isGrid ? items.references(primary, 'dimg') : [primary];
  const [first] = tiles;
  if (first === undefined || tiles.some((tile) => items.type(tile) !== 'hvc1')) return null;
  const tile = extent(items, first);
  const size = extent(items, primary);
  const configuration = only(items, first, 'hvcC');
  const grid = isGrid ? readGrid(items.bytes(primary)) : { ...size, columns: 1, rows: 1 };
  if (grid.width !== size.width || grid.height !== size.height || tiles.length !== grid.columns * grid.rows)
    return null;
  const covers = (tiles: number, each: number, whole: number): boolean =>
    (tiles - 1) * each < whole && tiles * each >= whole;
  if (!covers(grid.columns, tile.width, size.width) || !covers(grid.rows, tile.height, size.height)) return null;
  for (const each of isGrid ? tiles : []) {
    const equal = extent(items, each).width === tile.width && extent(items, each).height === tile.height;
    if (!equal || !only(items, each, 'hvcC').equals(configuration)) return null;
    if (items.properties(each).some(({ name }) => ['irot', 'imir', 'clap'].includes(name))) return null;
  }
  const orientation = ownOrientation(items) ?? heicOrientation(items);
  if (items.properties(primary).some(({ name }) => name === 'clap')) return null;
  return {
    size,
    tile,
    columns: grid.columns,
    tiles: tiles.map((each) => items.bytes(each)),
    configuration,
    coding: coding(items, primary) ?? coding(items, first),
    orientation,
  };
}

/** ISO/IEC 23008-12, 6.6.2.3. */
function readGrid(grid: Buffer): Size & { readonly rows: number; readonly columns: number } {
  const [rows, columns] = [grid.readUInt8(2) + 1, grid.readUInt8(3) + 1];
  const isLong = (grid.readUInt8(1) & 1) === 1;
  if (isLong) return { rows, columns, width: grid.readUInt32BE(4), height: grid.readUInt32BE(8) };
  return { rows, columns, width: grid.readUInt16BE(4), height: grid.readUInt16BE(6) };
}

/** @throws RangeError unless there is exactly one. */
function only(items: HeicItems, item: number, name: string): Buffer {
  const [found, ...others] = items.properties(item).filter((property) => property.name === name);
  if (found === undefined || others.length > 0) throw new RangeError(`${name} is not there once`);
  return found.data;
}

function extent(items: HeicItems, item: number): Size {
  const ispe = only(items, item, 'ispe');
  return { width: ispe.readUInt32BE(4), height: ispe.readUInt32BE(8) };
}

function coding(items: HeicItems, item: number): Coding | null {
  for (const { name, data } of items.properties(item)) {
    if (name !== 'colr' || data.toString('latin1', 0, 4) !== 'nclx') continue;
    return { matrix: data.readUInt16BE(8), fullRange: (data.readUInt8(10) & 0x80) !== 0 };
  }
  return null;
}

/** By orientation, the one after a quarter turn anticlockwise, after a flip of top and bottom, and of left and right. */
const ROTATED = [0, 8, 5, 6, 7, 4, 1, 2, 3];
const FLIPPED = [0, 4, 3, 2, 1, 8, 7, 6, 5];
const MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7];

/** What the picture's own properties come to, in their order; null when it neither turns nor mirrors itself. */
function ownOrientation(items: HeicItems): number | null {
  let orientation: number | null = null;
  const apply = (table: readonly number[]): void => {
    orientation = table[orientation ?? 1] ?? 1;
  };
  for (const { name, data } of items.properties(items.primary)) {
    if (name === 'imir') apply((data.readUInt8(0) & 1) === 1 ? MIRRORED : FLIPPED);
    if (name !== 'irot') continue;
    orientation ??= 1;
    for (let turns = data.readUInt8(0) & 3; turns > 0; turns--) apply(ROTATED);
  }
  return orientation;
}

/**
 * The EXIF orientation, 1 to 8, by which the primary picture is to be turned. A picture with a rotation or mirroring of
 * its own is turned by that, and EXIF only repeats it; some phones and editors write EXIF alone.
 */
export function heicOrientation(items: HeicItems): number {
  const turnsItself = items.properties(items.primary).some(({ name }) => name === 'irot' || name === 'imir');
  if (turnsItself) return 1;
  for (const item of items.ofType('Exif')) {
    const described = items.references(item, 'cdsc');
    if (described.length > 0 && !described.includes(items.primary)) continue;
    const orientation = understood(() => exifOrientation(tiffBlock(items.bytes(item))), null);
    if (orientation !== null) return orientation;
  }
  return 1;
}

/** An Exif item begins with the distance to its TIFF block, 4 bytes (ISO/IEC 23008-12, annex A). */
function tiffBlock(item: Buffer): Buffer {
  const block = item.subarray(4 + item.readUInt32BE(0));
  // Some count from behind these six bytes.
  return block.toString('latin1', 0, 6) === 'Exif\0\0' ? block.subarray(6) : block;
}
