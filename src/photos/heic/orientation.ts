import { exifOrientation } from '../metadata/exif-orientation.ts';
import { type HeicItems, understood } from './items.ts';

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
