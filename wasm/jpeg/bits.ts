/** A Huffman table as src/photos/jpeg/tables.ts lays it out: offsets in bytes. */
export const FIRST: usize = 0; // u16[1024], by 10 bits: length << 8 | symbol; 0 where the code is longer
const MAX_CODE: usize = 2048; // i32[17], by length: the largest code of that length, or -1
const DELTA: usize = 2116; // i32[17], by length: index of its symbol less the code
const SYMBOLS: usize = 2184; // u8[256]
/** What a scan with all coefficients has of its AC tables as well. */
export const SKIP: usize = 2440; // u16[8192], by 13 bits: end of block << 11 | coefficients << 5 | bits; 0 where none

/** What every scan's parameters begin with, i32 each. */
const INPUT: usize = 0;
const INPUT_END: usize = 4;
const RESTART_INTERVAL: usize = 8; // MCUs, 0 for none

/** Bytes free in front of the input, which its copy without stuffing is written to and never catches up. */
const LEAD: usize = 64;

/** Where the copy of the current run of MCUs begins and ends; 16 bytes of zero follow. */
export let clean: usize = 0;
export let cleanEnd: usize = 0;
/** MCUs between restarts; as good as infinite where there are none. */
export let interval: u32 = 0;
let input: usize = 0;
let inputEnd: usize = 0;

/** Copies bytes up to a marker, without the zero stuffed behind each 0xFF. Returns where the marker is. */
function unstuff(from: usize, end: usize, to: usize): usize {
  const ff = i8x16.splat(-1);
  while (from + 17 <= end) {
    const bytes = v128.load(from);
    v128.store(to, bytes);
    const found = i8x16.bitmask(i8x16.eq(bytes, ff));
    if (found === 0) {
      from += 16;
      to += 16;
      continue;
    }
    const at = <usize>ctz(found);
    if (load<u8>(from + at + 1) !== 0) {
      cleanEnd = to + at;
      return from + at;
    }
    from += at + 2;
    to += at + 1;
  }
  while (from < end) {
    const byte = load<u8>(from);
    if (byte === 0xff && (from + 1 === end || load<u8>(from + 1) !== 0)) break;
    store<u8>(to, byte);
    to += 1;
    from += byte === 0xff ? 2 : 1;
  }
  cleanEnd = to;
  return from;
}

export function openScan(parameters: usize): void {
  input = load<usize>(parameters + INPUT);
  inputEnd = load<usize>(parameters + INPUT_END);
  clean = input - LEAD;
  interval = load<u32>(parameters + RESTART_INTERVAL);
  if (interval === 0) interval = u32.MAX_VALUE;
}

/**
 * Starts the run of MCUs that begins with number `mcu`, having checked the end of the one before.
 * @param next where that one's bits not yet loaded are
 * @param count how many loaded ones it left
 */
export function startRun(mcu: u32, next: usize, count: i32): bool {
  if (mcu > 0) {
    const marker = 0xd0 + ((mcu / interval - 1) & 7);
    if (!endsRight(next, count) || input + 2 > inputEnd || load<u8>(input + 1) !== marker) return false;
    input += 2;
  }
  input = unstuff(input, inputEnd, clean);
  v128.store(cleanEnd, i64x2.splat(0));
  return true;
}

/** Where the marker behind a scan is; 0 when the scan does not end where its bytes do. */
export function endScan(next: usize, count: i32): usize {
  // Any number of 0xFF may stand before a marker.
  while (input + 2 < inputEnd && load<u8>(input + 1) === 0xff) input += 1;
  return endsRight(next, count) ? input : 0;
}

/** Coded bytes are as good as random: this many times 16 that are all the same are a hole in the file. */
const HOLE: i32 = 4;

/**
 * Passes over a scan of `mcus` MCUs undecoded. Returns where the marker behind it is; 0 when its restarts are not as they
 * should be, or there is a hole in it.
 */
export function passScan(mcus: u32): usize {
  const restarts = (mcus - 1) / interval;
  for (let restart: u32 = 0; restart <= restarts; restart++) {
    if (restart > 0) {
      if (input + 2 > inputEnd || load<u8>(input + 1) !== 0xd0 + ((restart - 1) & 7)) return 0;
      input += 2;
    }
    input = unstuff(input, inputEnd, clean);
    // As many MCUs take a bit at least.
    if (cleanEnd === clean) return 0;
    let same = 0;
    for (let at = clean; at + 16 <= cleanEnd && same < HOLE; at += 16) {
      same = i8x16.all_true(i8x16.eq(v128.load(at), v128.load8_splat(at))) ? same + 1 : 0;
    }
    if (same === HOLE) return 0;
  }
  while (input + 2 < inputEnd && load<u8>(input + 1) === 0xff) input += 1;
  return input;
}

/** Whether a run of MCUs ended where its bytes do: nothing missing, no more than padding left over. */
function endsRight(next: usize, count: i32): bool {
  const used = <i32>(next - clean) * 8 - count;
  const left = <i32>(cleanEnd - clean) * 8 - used;
  return left >= 0 && left < 16;
}

/** Length << 8 | symbol of a code of more than 10 bits at the top of `bits`; -1 when there is none. */
export function longCode(table: usize, bits: u64): i32 {
  const window = <i32>(bits >> 48);
  for (let length = 11; length <= 16; length++) {
    const code = window >> (16 - length);
    if (code <= load<i32>(table + MAX_CODE + <usize>length * 4)) {
      const index = (code + load<i32>(table + DELTA + <usize>length * 4)) & 255;
      return (length << 8) | <i32>load<u8>(table + SYMBOLS + <usize>index);
    }
  }
  return -1;
}

/**
 * The `size` bits at the top of `bits` as the value they stand for (EXTEND, ITU-T T.81, F.2.2.1). Without a branch:
 * signs are as good as random, and half of them would be guessed wrong.
 */
export function extended(bits: u64, size: i32): i32 {
  const isNegative = ~(<i32>(<i64>bits >> 63));
  return <i32>((bits >> 1) >> (63 - size)) + (isNegative & (1 - (1 << size)));
}
