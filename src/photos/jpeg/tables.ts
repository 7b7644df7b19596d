import type { HuffmanTable } from './header.ts';

/** Bytes of a table as wasm/jpeg.ts reads it. */
export const TABLE_BYTES = 18_824;
/** Offsets in it, which wasm/jpeg.ts repeats. */
const SKIP = 2048;
const MAX_CODE = 18_432;
const DELTA = 18_500;
const SYMBOLS = 18_568;

const FIRST_BITS = 10;
const SKIP_BITS = 13;
/** The last of a block's coefficients. */
const LAST = 63;

/** Cameras write the same few tables again and again, and laying one out takes half a millisecond. */
const laidOut = new Map<string, Uint8Array>();
const MOST_LAID_OUT = 32;

/** A Huffman table laid out for wasm/jpeg.ts. Null when its codes do not fit its lengths. */
export function layOut(table: HuffmanTable): Uint8Array | null {
  const key = Buffer.concat([table.counts, table.symbols]).toString('latin1');
  const known = laidOut.get(key);
  if (known !== undefined) return known;
  const fresh = build(table);
  if (fresh === null) return null;
  if (laidOut.size >= MOST_LAID_OUT) laidOut.clear();
  laidOut.set(key, fresh);
  return fresh;
}

function build({ counts, symbols }: HuffmanTable): Uint8Array | null {
  const bytes = new Uint8Array(TABLE_BYTES);
  const first = new Uint16Array(bytes.buffer, 0, 1 << FIRST_BITS);
  const skip = new Uint16Array(bytes.buffer, SKIP, 1 << SKIP_BITS);
  const maxCode = new Int32Array(bytes.buffer, MAX_CODE, 17).fill(-1);
  const delta = new Int32Array(bytes.buffer, DELTA, 17);
  bytes.set(symbols, SYMBOLS);
  // By the next 13 bits: length << 8 | symbol; 0 where the code is longer.
  const next = new Uint16Array(1 << SKIP_BITS);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] ?? 0;
    delta[length] = index - code;
    for (let i = 0; i < count; i++, code++, index++) {
      const entry = (length << 8) | (symbols[index] ?? 0);
      for (const [table, bits] of [[first, FIRST_BITS] as const, [next, SKIP_BITS] as const]) {
        if (length <= bits) table.fill(entry, code << (bits - length), (code + 1) << (bits - length));
      }
    }
    if (count > 0) maxCode[length] = code - 1;
    if (code > 1 << length) return null;
    code <<= 1;
  }
  for (let bits = 0; bits < skip.length; bits++) skip[bits] = skippable(next, bits);
  return bytes;
}

/**
 * The AC codes that lie whole in the next 13 bits, to be skipped with the values behind them, which may lie beyond:
 * end of block << 11 | coefficients << 5 | bits. 0 when there is none.
 */
function skippable(next: Uint16Array, window: number): number {
  let bits = 0;
  let coefficients = 0;
  while (bits < SKIP_BITS) {
    const entry = next[(window << bits) & (next.length - 1)] ?? 0;
    const length = entry >> 8;
    if (length === 0 || length > SKIP_BITS - bits) break;
    const size = entry & 15;
    const run = (entry >> 4) & 15;
    if (size === 0 && run !== 15) return (1 << 11) | (coefficients << 5) | (bits + length);
    if (coefficients + run + 1 > LAST) break;
    coefficients += run + 1;
    bits += length + size;
  }
  return (coefficients << 5) | bits;
}
