import { HeicItems, type Range, understood } from './items.ts';

/** No sound file has so many zero bytes in a row where pictures are coded. */
const HOLE = Buffer.alloc(16);

/**
 * Whether zeros stand where the primary picture or one of its tiles is coded, as an interrupted copy or a bad sector
 * leaves them. HEVC never writes three zero bytes in a row (ITU-T H.265, 7.4.2), but its decoder makes up whatever a
 * hole takes away, and says nothing. False also for a file that is not understood: its decoder will say why.
 */
export function hasHole(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ranges = understood(() => codedRanges(new HeicItems(bytes)), []);
  return joined(ranges).some(([from, to]) => buffer.subarray(from, to).includes(HOLE));
}

function codedRanges(items: HeicItems): Range[] {
  const { primary } = items;
  const coded = [primary, ...items.references(primary, 'dimg')].filter((item) => items.type(item) === 'hvc1');
  return [...new Set(coded)].flatMap((item) => items.ranges(item));
}

/** Overlapping ranges as one, so that no byte is looked at twice, however often a hostile file names it. */
function joined(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from < last[1]) result[result.length - 1] = [last[0], Math.max(last[1], to)];
    else result.push([from, to]);
  }
  return result;
}
