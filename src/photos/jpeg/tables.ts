import type { HuffmanTable } from './header.ts';

/** Offsets in a table as wasm/jpeg/bits.ts reads it, and repeats them. */
const MAX_CODE = 2048;
const DELTA = 2116;
const SYMBOLS = 2184;
const SKIP = 2440;
const FIRST_BITS = 10;
const SKIP_BITS = 13;
/** Bytes of a table, at most. */
export const TABLE_BYTES = SKIP + (2 << SKIP_BITS);

/** The last of a block's coefficients. */
const LAST = 63;

/** A Huffman table laid out for the kernel. Null when its codes do not fit its lengths. */
export function layOut({ counts, symbols }: HuffmanTable): Uint8Array | null {
  const bytes = new Uint8Array(SKIP);
  const first = new Uint16Array(bytes.buffer, 0, 1 << FIRST_BITS);
  const maxCode = new Int32Array(bytes.buffer, MAX_CODE, 17).fill(-1);
  const delta = new Int32Array(bytes.buffer, DELTA, 17);
  bytes.set(symbols, SYMBOLS);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] ?? 0;
    delta[length] = index - code;
    for (let i = 0; i < count; i++, code++, index++) {
      const entry = (length << 8) | (symbols[index] ?? 0);
      if (length <= FIRST_BITS) first.fill(entry, code << (FIRST_BITS - length), (code + 1) << (FIRST_BITS - length));
    }
    if (count > 0) maxCode[length] = code - 1;
    // No code is all ones.
    if (count > 0 && code >= 1 << length) return null;
    code <<= 1;
  }
  return bytes;
}

/** Cameras write the same few tables again and again, and laying one out takes half a millisecond. */
const laidOut = new Map<string, Uint8Array>();
const MOST_LAID_OUT = 32;

/** As `layOut`, with what several codes of a scan of all coefficients are skipped by. */
export function layOutSkipping(table: HuffmanTable): Uint8Array | null {
  const key = Buffer.concat([table.counts, table.symbols]).toString('latin1');
  const known = laidOut.get(key);
  if (known !== undefined) return known;
  const plain = layOut(table);
  if (plain === null) return null;
  const fresh = new Uint8Array(TABLE_BYTES);
  fresh.set(plain);
  const next = codes(table);
  const skip = new Uint16Array(fresh.buffer, SKIP, 1 << SKIP_BITS);
  for (let bits = 0; bits < skip.length; bits++) skip[bits] = skippable(next, bits);
  if (laidOut.size >= MOST_LAID_OUT) laidOut.clear();
  laidOut.set(key, fresh);
  return fresh;
}

/** By the next 13 bits: length << 8 | symbol; 0 where the code is longer. */
function codes({ counts, symbols }: HuffmanTable): Uint16Array {
  const next = new Uint16Array(1 << SKIP_BITS);
  let index = 0;
  let at = 0;
  for (let length = 1; length <= SKIP_BITS; length++) {
    for (let i = 0; i < (counts[length - 1] ?? 0); i++, index++) {
      const end = at + (1 << (SKIP_BITS - length));
      next.fill((length << 8) | (symbols[index] ?? 0), at, end);
      at = end;
    }
  }
  return next;
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
