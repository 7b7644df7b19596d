// Of each block of 8 x 8 coefficients (ITU-T T.81) only those are decoded that the reduced size needs: the first, or
// the four or sixteen of lowest frequency. The others are skipped several at a time, by tables that say how many codes,
// with the values behind them, lie in the next 13 bits.
import { clean, cleanEnd, endScan, extended, FIRST, interval, longCode, openScan, SKIP, startRun } from './bits';
import { drawBlock, drawHalf, HALF_LAST, HALF_ROOM } from './pixels';

/** Parameters behind those of every scan, i32 each; then those of three components. */
const MCUS_ACROSS: usize = 12;
const MCUS_DOWN: usize = 16;
const SIDE: usize = 20; // samples left of each 8: 1, 2 or 4
const HALF: usize = 24; // room for the sixteen coefficients of a block
const COMPONENTS: usize = 28;

const COMPONENT_BYTES: usize = 48;
const ACROSS: usize = 0; // blocks in an MCU
const DOWN: usize = 4;
const DC_TABLE: usize = 8;
const AC_TABLE: usize = 12;
const PLANE: usize = 16;
const STRIDE: usize = 20;
const SCALES: usize = 24; // see drawBlock
const PREDICTION: usize = 40;
const HALF_SCALES: usize = 44; // see drawHalf

function startPredictions(parameters: usize): void {
  for (let c: usize = 0; c < 3; c++) store<i32>(parameters + COMPONENTS + c * COMPONENT_BYTES + PREDICTION, 0);
}

/**
 * Decodes a whole interleaved scan of three components into their planes. Returns where the marker behind it is; 0 when
 * anything is not as it should be.
 */
export function baseline(parameters: usize): usize {
  const across = load<u32>(parameters + MCUS_ACROSS);
  const total = across * load<u32>(parameters + MCUS_DOWN);
  const side = load<usize>(parameters + SIDE);
  const half = load<usize>(parameters + HALF);
  const lastKept: usize = side === 4 ? HALF_LAST : side === 2 ? 4 : 0; // in zigzag order
  openScan(parameters);

  // The next bits, first at the top; how many; and where the following ones are.
  let bits: u64 = 0;
  let count: i32 = 0;
  let next: usize = 0;
  let mcuX: usize = 0;
  let mcuY: usize = 0;
  let untilRestart: u32 = 0;
  for (let mcu: u32 = 0; mcu < total; mcu++) {
    if (untilRestart === 0) {
      if (!startRun(mcu, next, count)) return 0;
      startPredictions(parameters);
      bits = 0;
      count = 0;
      next = clean;
      untilRestart = interval;
    }
    untilRestart--;
    for (let c: usize = 0; c < 3; c++) {
      const component = parameters + COMPONENTS + c * COMPONENT_BYTES;
      const blocksAcross = load<usize>(component + ACROSS);
      const blocksDown = load<usize>(component + DOWN);
      const dcTable = load<usize>(component + DC_TABLE);
      const acTable = load<usize>(component + AC_TABLE);
      const stride = load<usize>(component + STRIDE);
      const halfScales = load<usize>(component + HALF_SCALES);
      let prediction = load<i32>(component + PREDICTION);
      for (let block: usize = 0; block < blocksAcross * blocksDown; block++) {
        // As many as there is room for, however many there are: at the beginning of a block that cannot be guessed.
        bits |= bswap<u64>(load<u64>(next)) >> count;
        next += (63 - count) >> 3;
        count |= 56;
        let code = <i32>load<u16>(dcTable + FIRST + <usize>(bits >> 54) * 2);
        if (code === 0) code = longCode(dcTable, bits);
        if (code < 0) return 0;
        const dcSize = code & 15;
        bits <<= code >> 8;
        prediction += extended(bits, dcSize);
        bits <<= dcSize;
        count -= (code >> 8) + dcSize;

        let k: usize = 1;
        let right = 0; // coefficient (0,1), at 1 in zigzag order
        let down = 0; // (1,0), at 2
        let diagonal = 0; // (1,1), at 4
        if (side === 4) memory.fill(half, 0, HALF_ROOM);
        while (k <= lastKept) {
          if (count <= 32) {
            bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
            next += 4;
            count += 32;
          }
          code = <i32>load<u16>(acTable + FIRST + <usize>(bits >> 54) * 2);
          if (code === 0) code = longCode(acTable, bits);
          if (code < 0) return 0;
          const size = code & 15;
          const run = <usize>((code >> 4) & 15);
          bits <<= code >> 8;
          const value = extended(bits, size);
          bits <<= size;
          count -= (code >> 8) + size;
          if (size === 0) {
            k = run === 15 ? k + 16 : 64;
            continue;
          }
          k += run;
          if (side === 4) {
            if (k <= HALF_LAST) {
              const place = halfScales + k * 8;
              store<f32>(half + load<u32>(place), <f32>value * load<f32>(place + 4));
            }
          } else if (k === 1) right = value;
          else if (k === 2) down = value;
          else if (k === 4) diagonal = value;
          k += 1;
        }
        while (k < 64) {
          if (count <= 32) {
            bits |= (<u64>bswap<u32>(load<u32>(next))) << (32 - count);
            next += 4;
            count += 32;
          }
          const skip = <i32>load<u16>(acTable + SKIP + <usize>(bits >> 51) * 2);
          const to = k + <usize>((skip >> 5) & 63);
          // A block may end with its 63rd coefficient and no code for its end: what follows is the next block's.
          if (skip !== 0 && to < 64) {
            bits <<= skip & 31;
            count -= skip & 31;
            k = to;
            if (skip >> 11 !== 0) break;
            continue;
          }
          code = <i32>load<u16>(acTable + FIRST + <usize>(bits >> 54) * 2);
          if (code === 0) code = longCode(acTable, bits);
          if (code < 0) return 0;
          const size = code & 15;
          const run = <usize>((code >> 4) & 15);
          bits <<= (code >> 8) + size;
          count -= (code >> 8) + size;
          if (size === 0 && run !== 15) break;
          k += run + 1;
        }
        if (k > 64) return 0;

        const x = mcuX * blocksAcross + (block & (blocksAcross - 1));
        const y = mcuY * blocksDown + (block >> (blocksAcross - 1));
        const at = load<usize>(component + PLANE) + y * side * stride + x * side;
        if (side === 4) drawHalf(at, stride, half, <f32>prediction * load<f32>(halfScales + 4));
        else drawBlock(at, stride, side, component + SCALES, prediction, right, down, diagonal);
      }
      store<i32>(component + PREDICTION, prediction);
    }
    // Garbage may run past its end; what it then reads is its own memory, and the check below finds it out.
    if (next > cleanEnd + 8) return 0;
    mcuX += 1;
    if (mcuX === across) {
      mcuX = 0;
      mcuY += 1;
    }
  }
  return endScan(next, count);
}
