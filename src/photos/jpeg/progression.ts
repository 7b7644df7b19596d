import type { JpegScan } from './header.ts';

const COEFFICIENTS = 64;
const NOTHING = -1;

/** What the scans of a progressive JPEG have brought so far: each coefficient's lowest bit, as ITU-T T.81, G.1.1 has it. */
export class Progression {
  readonly #lowest = [0, 1, 2].map(() => new Int8Array(COEFFICIENTS).fill(NOTHING));

  /** Counts a scan; false when it does not follow those before it. */
  take({ components, from, to, high, low }: JpegScan): boolean {
    const isDc = from === 0;
    if (isDc ? to !== 0 : to < from || to >= COEFFICIENTS || components.length !== 1) return false;
    if (high === 0 ? low > 13 : low !== high - 1) return false;
    for (const { index } of components) {
      const lowest = this.#lowest[index];
      if (lowest === undefined || (!isDc && lowest[0] === NOTHING)) return false;
      const brought = lowest.subarray(from, to + 1);
      if (brought.some((bit) => bit !== (high === 0 ? NOTHING : high))) return false;
      brought.fill(low);
    }
    return true;
  }

  /** Whether every bit of every coefficient is there. */
  isComplete(): boolean {
    return this.#lowest.every((lowest) => lowest.every((bit) => bit === 0));
  }
}
