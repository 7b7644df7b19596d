// Progressive JPEG (ITU-T T.81, annex G). Of a block only the four coefficients of lowest frequency are kept. Of the
// others it is enough to know which are not zero, since that says how many correction bits a later scan has for the
// block. The scans that bring the last bit, half of a file and more than half of its cost, do not show at a reduced
// size: they are passed over by their markers.
import { clean, cleanEnd, endScan, extended, FIRST, interval, longCode, openScan, passScan, startRun } from './bits';
import { drawBlock } from './pixels';

/** Parameters behind those of every scan, i32 each; then those of its components. */
const MCUS_ACROSS: usize = 12;
const MCUS_DOWN: usize = 16;
const FROM: usize = 20; // the first coefficient, in zigzag order
const TO: usize = 24; // and the last
const HIGH: usize = 28; // bit below which the scans before left off; 0 in a first scan
const LOW: usize = 32; // the lowest bit that this scan brings
const STEPS: usize = 36; // room for what layOutSteps writes
const COMPONENT_COUNT: usize = 40;
const COMPONENTS: usize = 44;

const COMPONENT_BYTES: usize = 24;
const ACROSS: usize = 0; // blocks in an MCU
const DOWN: usize = 4;
const TABLE: usize = 8;
const BLOCKS: usize = 12;
const STRIDE: usize = 16; // blocks
const PREDICTION: usize = 20;

/** A block: i16[4], its coefficients (0,0), (0,1), (1,0) and (1,1); u64, bit k set where coefficient k is not zero. */
const BLOCK_BYTES: usize = 16;
const NON_ZERO: usize = 8;
/** (1,1) in zigzag order: those behind it are not kept. */
const LAST_KEPT: usize = 4;
const KEPT: u64 = 0b10110;

/** Decodes a scan. Returns where the marker behind it is; 0 when anything is not as it should be. */
export function progressive(parameters: usize): usize {
  openScan(parameters);
  const isFirst = load<u32>(parameters + HIGH) === 0;
  const from = load<usize>(parameters + FROM);
  if (from === 0) return isFirst ? dcFirst(parameters) : dcRefinement(parameters);
  if (load<u32>(parameters + LOW) === 0 && (!isFirst || from > LAST_KEPT)) {
    return passScan(load<u32>(parameters + MCUS_ACROSS) * load<u32>(parameters + MCUS_DOWN));
  }
  return isFirst ? acFirst(parameters) : acRefinement(parameters);
}

function startPredictions(parameters: usize, components: usize): void {
  for (let c: usize = 0; c < components; c++) store<i32>(parameters + COMPONENTS + c * COMPONENT_BYTES + PREDICTION, 0);
}

function blockAt(component: usize, mcuX: usize, mcuY: usize, block: usize): usize {
  const across = load<usize>(component + ACROSS);
  const x = mcuX * across + (block & (across - 1));
  const y = mcuY * load<usize>(component + DOWN) + (block >> (across - 1));
  return load<usize>(component + BLOCKS) + (y * load<usize>(component + STRIDE) + x) * BLOCK_BYTES;
}

/** G.1.2.1 */
function dcFirst(parameters: usize): usize {
  const across = load<usize>(parameters + MCUS_ACROSS);
  const down = load<usize>(parameters + MCUS_DOWN);
  const low = load<i32>(parameters + LOW);
  const components = load<usize>(parameters + COMPONENT_COUNT);
  let bits: u64 = 0;
  let count: i32 = 0;
  let next: usize = 0;
  let mcu: u32 = 0;
  let untilRestart: u32 = 0;
  for (let mcuY: usize = 0; mcuY < down; mcuY++) {
    for (let mcuX: usize = 0; mcuX < across; mcuX++, mcu++) {
      if (untilRestart === 0) {
        if (!startRun(mcu, next, count)) return 0;
        startPredictions(parameters, components);
        bits = 0;
        count = 0;
        next = clean;
        untilRestart = interval;
      }
      untilRestart--;
      for (let c: usize = 0; c < components; c++) {
        const component = parameters + COMPONENTS + c * COMPONENT_BYTES;
        const table = load<usize>(component + TABLE);
        const blocks = load<usize>(component + ACROSS) * load<usize>(component + DOWN);
        let prediction = load<i32>(component + PREDICTION);
        for (let block: usize = 0; block < blocks; block++) {
          if (count <= 32) {
            bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
            next += 4;
            count += 32;
          }
          let code = <i32>load<u16>(table + FIRST + <usize>(bits >> 54) * 2);
          if (code === 0) code = longCode(table, bits);
          if (code < 0) return 0;
          const size = code & 15;
          bits <<= code >> 8;
          prediction += extended(bits, size);
          bits <<= size;
          count -= (code >> 8) + size;
          store<i16>(blockAt(component, mcuX, mcuY, block), <i16>(prediction << low));
        }
        store<i32>(component + PREDICTION, prediction);
      }
      if (next > cleanEnd + 8) return 0;
    }
  }
  return endScan(next, count);
}

/** G.1.2.1.1: a bit for each block. */
function dcRefinement(parameters: usize): usize {
  const across = load<usize>(parameters + MCUS_ACROSS);
  const down = load<usize>(parameters + MCUS_DOWN);
  const low = load<i32>(parameters + LOW);
  const components = load<usize>(parameters + COMPONENT_COUNT);
  let bits: u64 = 0;
  let count: i32 = 0;
  let next: usize = 0;
  let mcu: u32 = 0;
  let untilRestart: u32 = 0;
  for (let mcuY: usize = 0; mcuY < down; mcuY++) {
    for (let mcuX: usize = 0; mcuX < across; mcuX++, mcu++) {
      if (untilRestart === 0) {
        if (!startRun(mcu, next, count)) return 0;
        bits = 0;
        count = 0;
        next = clean;
        untilRestart = interval;
      }
      untilRestart--;
      // Ten blocks at most.
      if (count <= 32) {
        bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
        next += 4;
        count += 32;
      }
      for (let c: usize = 0; c < components; c++) {
        const component = parameters + COMPONENTS + c * COMPONENT_BYTES;
        const blocks = load<usize>(component + ACROSS) * load<usize>(component + DOWN);
        for (let block: usize = 0; block < blocks; block++) {
          const at = blockAt(component, mcuX, mcuY, block);
          store<i16>(at, load<i16>(at) | ((<i16>(bits >> 63)) << (<i16>low)));
          bits <<= 1;
          count -= 1;
        }
      }
      if (next > cleanEnd + 8) return 0;
    }
  }
  return endScan(next, count);
}

function keep(block: usize, k: usize, value: i32): void {
  if (k === 3) return;
  store<i16>(block + (k === LAST_KEPT ? 6 : k * 2), <i16>value);
}

/** G.1.2.2 */
function acFirst(parameters: usize): usize {
  const across = load<usize>(parameters + MCUS_ACROSS);
  const down = load<usize>(parameters + MCUS_DOWN);
  const from = load<usize>(parameters + FROM);
  const to = load<usize>(parameters + TO);
  const low = load<i32>(parameters + LOW);
  const table = load<usize>(parameters + COMPONENTS + TABLE);
  const stride = load<usize>(parameters + COMPONENTS + STRIDE) * BLOCK_BYTES;
  let row = load<usize>(parameters + COMPONENTS + BLOCKS);
  let bits: u64 = 0;
  let count: i32 = 0;
  let next: usize = 0;
  let mcu: u32 = 0;
  let untilRestart: u32 = 0;
  // Blocks left that have no further coefficient.
  let emptyBlocks: i32 = 0;
  for (let y: usize = 0; y < down; y++, row += stride) {
    for (let block = row; block < row + across * BLOCK_BYTES; block += BLOCK_BYTES, mcu++) {
      if (untilRestart === 0) {
        if (emptyBlocks > 0 || !startRun(mcu, next, count)) return 0;
        bits = 0;
        count = 0;
        next = clean;
        untilRestart = interval;
      }
      untilRestart--;
      if (emptyBlocks > 0) {
        emptyBlocks--;
        continue;
      }
      let nonZero = load<u64>(block + NON_ZERO);
      for (let k = from; k <= to; k++) {
        if (count <= 32) {
          bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
          next += 4;
          count += 32;
        }
        let code = <i32>load<u16>(table + FIRST + <usize>(bits >> 54) * 2);
        if (code === 0) code = longCode(table, bits);
        if (code < 0) return 0;
        const size = code & 15;
        const run = (code >> 4) & 15;
        bits <<= code >> 8;
        count -= code >> 8;
        if (size === 0 && run < 15) {
          emptyBlocks = (1 << run) - 1 + <i32>((bits >> 1) >> (63 - run));
          bits <<= run;
          count -= run;
          break;
        }
        k += run;
        if (k > to) return 0;
        if (size === 0) continue;
        if (k <= LAST_KEPT) keep(block, k, extended(bits, size) << low);
        bits <<= size;
        count -= size;
        nonZero |= (<u64>1) << k;
      }
      store<u64>(block + NON_ZERO, nonZero);
      if (next > cleanEnd + 8) return 0;
    }
  }
  return emptyBlocks > 0 ? 0 : endScan(next, count);
}

// Steps of a refinement: by which of the next coefficients are still zero (a bit each, the nearest lowest) and by the
// next bits, what the codes that lie whole in these bits do. u16: block has ended << 15 | what the bit of each
// coefficient says << 11 | coefficients found << 7 | coefficients passed << 4 | bits; 0 where there is no such code.
const STEP_COEFFICIENTS: u32 = 4;
const STEP_BITS: u32 = 10;
const NEAREST: u32 = (1 << STEP_COEFFICIENTS) - 1;
/** Coded bytes from which on laying out the steps is worth it. */
const STEP_INPUT: usize = 20_000;

function layOutSteps(table: usize, steps: usize): void {
  for (let zeros: u32 = 0; zeros <= NEAREST; zeros++) {
    for (let window: u32 = 0; window < 1 << STEP_BITS; window++, steps += 2) {
      let bits: u32 = 0;
      let passed: u32 = 0;
      let found: u32 = 0;
      let ones: u32 = 0;
      let ended: u32 = 0;
      // While there is a zero left, the block has not ended.
      while (zeros >> passed !== 0) {
        const code = <u32>load<u16>(table + FIRST + <usize>((window << bits) & ((1 << STEP_BITS) - 1)) * 2);
        const length = code >> 8;
        if (code === 0 || bits + length > STEP_BITS) break;
        if ((code & 255) === 0) {
          bits += length;
          ended = 1;
          break;
        }
        if ((code & 15) !== 1) break;
        const run = (code >> 4) & 15;
        let left = zeros >> passed;
        for (let i: u32 = 0; i < run; i++) left &= left - 1;
        if (left === 0) break;
        const place = passed + ctz(left);
        if (bits + length + 1 + (place - passed - run) > STEP_BITS) break;
        bits += length + 1;
        found |= 1 << place;
        ones |= ((window >> (STEP_BITS - bits)) & 1) << place;
        for (; passed < place; passed++) {
          if (((zeros >> passed) & 1) !== 0) continue;
          bits += 1;
          ones |= ((window >> (STEP_BITS - bits)) & 1) << passed;
        }
        passed = place + 1;
      }
      store<u16>(steps, <u16>((ended << 15) | (ones << 11) | (found << 7) | (passed << 4) | bits));
    }
  }
}

/** Of the next correction bits, one each for the non-zero coefficients from `k` on, those for coefficients kept. */
function corrections(nonZero: u64, k: usize, end: usize, bits: u64): u64 {
  let ones: u64 = 0;
  for (; k < end && k <= LAST_KEPT; k++) {
    if (((nonZero >> k) & 1) === 0) continue;
    ones |= (bits >> 63) << k;
    bits <<= 1;
  }
  return ones;
}

/** Refines a coefficient that is kept. */
function refine(at: usize, k: u64, nonZero: u64, found: u64, ones: u64, unit: i32): void {
  const value = <i32>load<i16>(at);
  const one = <i32>(ones >> k) & 1;
  const sign = (value >> 31) | 1;
  const correction = <i32>(nonZero >> k) & one;
  const discovery = (<i32>(found >> k) & 1) * (2 * one - 1);
  store<i16>(at, <i16>(value + (correction * sign + discovery) * unit));
}

/** G.1.2.3 */
function acRefinement(parameters: usize): usize {
  const across = load<usize>(parameters + MCUS_ACROSS);
  const down = load<usize>(parameters + MCUS_DOWN);
  const from = load<usize>(parameters + FROM);
  const to = load<usize>(parameters + TO);
  const unit: i32 = 1 << load<i32>(parameters + LOW);
  const steps = load<usize>(parameters + STEPS);
  const table = load<usize>(parameters + COMPONENTS + TABLE);
  const stride = load<usize>(parameters + COMPONENTS + STRIDE) * BLOCK_BYTES;
  const upTo: u64 = u64.MAX_VALUE >> (63 - to);
  let row = load<usize>(parameters + COMPONENTS + BLOCKS);
  let bits: u64 = 0;
  let count: i32 = 0;
  let next: usize = 0;
  let mcu: u32 = 0;
  let untilRestart: u32 = 0;
  let hasSteps = false;
  // Blocks left, from this one on, that have correction bits alone.
  let endedBlocks: i32 = 0;
  for (let y: usize = 0; y < down; y++, row += stride) {
    for (let block = row; block < row + across * BLOCK_BYTES; block += BLOCK_BYTES, mcu++) {
      if (untilRestart === 0) {
        if (endedBlocks > 0 || !startRun(mcu, next, count)) return 0;
        if (mcu === 0 && cleanEnd - clean > STEP_INPUT) {
          layOutSteps(table, steps);
          hasSteps = true;
        }
        bits = 0;
        count = 0;
        next = clean;
        untilRestart = interval;
      }
      untilRestart--;
      const nonZero = load<u64>(block + NON_ZERO);
      const zero = ~nonZero & upTo;
      let found: u64 = 0;
      // Of each coefficient found, whether it is positive; of each that was not zero, whether it grows.
      let ones: u64 = 0;
      let k = from;
      while (endedBlocks === 0 && k <= to) {
        if (count <= 32) {
          bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
          next += 4;
          count += 32;
        }
        if (hasSteps) {
          const nearest = <usize>(zero >> k) & NEAREST;
          const step = load<u16>(
            steps + ((nearest << (<usize>STEP_BITS)) | <usize>(bits >> <u64>(64 - STEP_BITS))) * 2,
          );
          if (step !== 0) {
            found |= (<u64>((step >> 7) & NEAREST)) << k;
            ones |= (<u64>((step >> 11) & NEAREST)) << k;
            k += (step >> 4) & 7;
            bits <<= step & 15;
            count -= step & 15;
            endedBlocks = <i32>(step >> 15);
            continue;
          }
        }
        let code = <i32>load<u16>(table + FIRST + <usize>(bits >> 54) * 2);
        if (code === 0) code = longCode(table, bits);
        if (code < 0) return 0;
        const size = code & 15;
        const run = (code >> 4) & 15;
        bits <<= code >> 8;
        count -= code >> 8;
        if (size === 0 && run < 15) {
          endedBlocks = (1 << run) + <i32>((bits >> 1) >> (63 - run));
          bits <<= run;
          count -= run;
          break;
        }
        if (size > 1) return 0;
        const sign = bits >> 63;
        bits <<= size;
        count -= size;
        // The place of the zero behind `run` others; each non-zero coefficient passed on the way has a bit.
        let zeros = zero >> k;
        for (let i = run; i > 0; i--) zeros &= zeros - 1;
        if (zeros === 0) return 0;
        const place = k + <usize>ctz(zeros);
        let passed = <i32>(place - k) - run;
        if (k <= LAST_KEPT) ones |= corrections(nonZero, k, place, bits);
        while (passed > count) {
          passed -= count;
          bits = (<u64>bswap<u32>(load<u32>(next))) << 32;
          next += 4;
          count = 32;
        }
        bits <<= passed;
        count -= passed;
        found |= (<u64>size) << place;
        ones |= sign << place;
        k = place + 1;
      }
      if (endedBlocks > 0) {
        endedBlocks--;
        if (count <= 32) {
          bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
          next += 4;
          count += 32;
        }
        let left = <i32>popcnt((nonZero & upTo) >> k);
        if (k <= LAST_KEPT) ones |= corrections(nonZero, k, to + 1, bits);
        while (left > count) {
          left -= count;
          bits = (<u64>bswap<u32>(load<u32>(next))) << 32;
          next += 4;
          count = 32;
        }
        bits <<= left;
        count -= left;
      }
      if (from <= LAST_KEPT && ((ones | found) & KEPT) !== 0) {
        refine(block + 2, 1, nonZero, found, ones, unit);
        refine(block + 4, 2, nonZero, found, ones, unit);
        refine(block + 6, 4, nonZero, found, ones, unit);
      }
      store<u64>(block + NON_ZERO, nonZero | found);
      if (next > cleanEnd + 8) return 0;
    }
  }
  return endedBlocks > 0 ? 0 : endScan(next, count);
}

/** Draws a component's blocks into its plane; `scales` as drawBlock takes them. */
export function drawBlocks(
  blocks: usize,
  across: usize,
  down: usize,
  plane: usize,
  stride: usize,
  side: usize,
  scales: usize,
): void {
  for (let y: usize = 0; y < down; y++) {
    for (let x: usize = 0; x < across; x++, blocks += BLOCK_BYTES) {
      drawBlock(
        plane + y * side * stride + x * side,
        stride,
        side,
        scales,
        load<i16>(blocks),
        load<i16>(blocks + 2),
        load<i16>(blocks + 4),
        load<i16>(blocks + 6),
      );
    }
  }
}
