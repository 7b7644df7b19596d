import { reducedFrame, turnOf } from '../metadata/exif-orientation.ts';
import type { RgbImage, Size } from '../pixels.ts';
import { dropHevcDecoder, type HevcDecoder, hevcDecoder } from './decoder.ts';
import { hasHole } from './holes.ts';
import { HeicItems, understood } from './items.ts';
import { type Coding, type HeicTiling, heicTiling } from './tiling.ts';

export interface ReducedHeic {
  /** Upright. */
  readonly image: RgbImage;
  /** Upright size of the whole photo. */
  readonly size: Size;
}

/**
 * Decodes a HEIC photo to a half, a quarter or less of its size, upright: the smallest that leaves the short side at
 * least `short` pixels. Several times as fast as libheif: FFmpeg's decoder, compiled with vector instructions; no in-loop
 * filters, which hardly show at this size; reduced before colours are converted; and, with `centreSquare`, only the tiles
 * under the middle of the photo, the rest being left grey.
 *
 * `unsuited` when it is not coded with HEVC by itself or in equal tiles, or too small or too large. `doubtful` when it is
 * damaged: a decode of every pixel has to tell how.
 */
export function decodeReducedHeic(
  bytes: Uint8Array,
  short: number,
  maxPixels: number,
  centreSquare: boolean,
): ReducedHeic | 'unsuited' | 'doubtful' {
  return decodeAt(bytes, maxPixels, {
    shiftOf: ({ width, height }) => SHIFTS.find((each) => Math.min(width, height) / 2 ** each >= short),
    seen: (size) => (centreSquare ? middle(size, short) : EVERYTHING),
  });
}

/**
 * The same with the long side, all of it, and only where the photo's edges are those of whole pixels: what is laid over
 * another rendition must not be shifted by a part of one.
 */
export function decodeExactlyReducedHeic(
  bytes: Uint8Array,
  long: number,
  maxPixels: number,
): ReducedHeic | 'unsuited' | 'doubtful' {
  return decodeAt(bytes, maxPixels, {
    shiftOf: ({ width, height }) =>
      SHIFTS.find((each) => {
        const unit = 2 ** each;
        return width % unit === 0 && height % unit === 0 && Math.max(width, height) / unit >= long;
      }),
    seen: () => EVERYTHING,
  });
}

interface Wanted {
  /** By how often the size is halved; undefined where that is not to be. */
  shiftOf(size: Size): number | undefined;
  seen(size: Size): Square;
}

function decodeAt(
  bytes: Uint8Array,
  maxPixels: number,
  { shiftOf, seen }: Wanted,
): ReducedHeic | 'unsuited' | 'doubtful' {
  if (hasHole(bytes)) return 'doubtful';
  const tiling = understood(() => heicTiling(new HeicItems(bytes)), null);
  if (tiling === null || tiling.size.width * tiling.size.height > maxPixels) return 'unsuited';
  const shift = shiftOf(tiling.size);
  if (shift === undefined || !divides(tiling, shift)) return 'unsuited';
  try {
    const image = new Decoding(tiling, shift).run(seen(tiling.size));
    if (typeof image === 'string') return image;
    const { width, height } = tiling.size;
    return { image, size: tiling.orientation < 5 ? { width, height } : { width: height, height: width } };
  } catch {
    // A trap, or no memory.
    dropHevcDecoder();
    return 'doubtful';
  }
}

/** Tried in this order; see MAX_SHIFT in wasm/hevc/decoder.c. */
const SHIFTS = [5, 4, 3, 2, 1];

/** Whether reduced tiles meet at whole pixels. */
function divides({ tile, columns, tiles }: HeicTiling, shift: number): boolean {
  const unit = 2 ** shift;
  return (columns === 1 || tile.width % unit === 0) && (tiles.length === columns || tile.height % unit === 0);
}

interface Square {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const EVERYTHING: Square = { left: 0, top: 0, right: Infinity, bottom: Infinity };

/** The square in the middle, and around it what a resize of the short side to `short` or less may reach. */
function middle({ width, height }: Size, short: number): Square {
  const side = Math.min(width, height);
  const margin = Math.ceil((8 * side) / short);
  return {
    left: (width - side) / 2 - margin,
    top: (height - side) / 2 - margin,
    right: (width + side) / 2 + margin,
    bottom: (height + side) / 2 + margin,
  };
}

/** A decoder whose memory grew beyond this, which a photo in tiles does not need, is not kept. */
const KEEP_BYTES = 64e6;
/** FFmpeg reads so many bytes past the end of what it decodes. */
const PADDING = 64;
const FACTS = 7;
const GREY = 128;

/** Of one photo. */
class Decoding {
  readonly #decoder: HevcDecoder = hevcDecoder();
  readonly #tiling: HeicTiling;
  readonly #shift: number;
  readonly #blocks: number[] = [];

  constructor(tiling: HeicTiling, shift: number) {
    this.#tiling = tiling;
    this.#shift = shift;
  }

  run(square: Square): RgbImage | 'unsuited' | 'doubtful' {
    try {
      return this.#decode(square);
    } finally {
      for (const block of this.#blocks) this.#decoder.release(block);
      if (this.#decoder.memory.buffer.byteLength > KEEP_BYTES) dropHevcDecoder();
    }
  }

  #decode(square: Square): RgbImage | 'unsuited' | 'doubtful' {
    const { size, tile, columns, tiles, configuration, orientation } = this.#tiling;
    // A coded picture is cropped to its size from whole blocks of at most 64 pixels.
    const maxPixels = (tile.width + 64) * (tile.height + 64);
    if (this.#decoder.open(this.#place(configuration), configuration.length, maxPixels) < 0) return 'doubtful';
    const facts = this.#allocate(FACTS * 4);
    const conversion = this.#allocate(6 * 4);

    const unit = 2 ** this.#shift;
    const [width, height] = [Math.ceil(size.width / unit), Math.ceil(size.height / unit)];
    const output = this.#allocate(width * height * 3);
    this.#memory.fill(GREY, output, output + width * height * 3);
    const { exchanged, fromRight, fromBottom } = turnOf(orientation);
    const upright = exchanged ? { width: height, height: width } : { width, height };
    // Steps in the upright image for one to the right and one down in the stored one.
    const [right, down] = exchanged ? [upright.width * 3, 3] : [3, upright.width * 3];
    const [across, along] = [fromRight ? -right : right, fromBottom ? -down : down];
    const first = output + (fromRight ? (width - 1) * right : 0) + (fromBottom ? (height - 1) * down : 0);

    for (const [i, picture] of tiles.entries()) {
      const [left, top] = [(i % columns) * tile.width, Math.floor(i / columns) * tile.height];
      const [shown, high] = [Math.min(tile.width, size.width - left), Math.min(tile.height, size.height - top)];
      const isSeen =
        left < square.right && left + shown > square.left && top < square.bottom && top + high > square.top;
      if (!isSeen) continue;
      const at = this.#place(picture);
      const error = this.#decoder.decode(at, picture.length, facts);
      this.#decoder.release(this.#blocks.pop() ?? 0);
      if (error < 0) return 'doubtful';
      const numbers = new Int32Array(this.#decoder.memory.buffer, facts, FACTS);
      const [codedWidth, codedHeight, , halvedAcross, halvedDown, fullRange, matrix] = numbers;
      if (codedWidth !== tile.width || codedHeight !== tile.height) return 'doubtful';
      if (Math.max(halvedAcross ?? 0, halvedDown ?? 0) > this.#shift) return 'unsuited';
      const weights = conversionOf(this.#tiling.coding, { matrix: matrix ?? 0, fullRange: fullRange === 1 });
      if (weights === null) return 'unsuited';
      new Float32Array(this.#decoder.memory.buffer, conversion, weights.length).set(weights);
      const to = first + (left / unit) * across + (top / unit) * along;
      this.#decoder.reduce(this.#shift, shown, high, conversion, to, across, along);
    }
    const data = this.#memory.slice(output, output + width * height * 3);
    return { data, ...upright, frame: reducedFrame(size, unit, orientation) };
  }

  /** A view of the memory, which moves when it grows. */
  get #memory(): Uint8Array {
    return new Uint8Array(this.#decoder.memory.buffer);
  }

  #allocate(bytes: number): number {
    const at = this.#decoder.allocate(bytes);
    if (at === 0) throw new Error('the decoder has no memory left');
    this.#blocks.push(at);
    return at;
  }

  #place(bytes: Uint8Array): number {
    const at = this.#allocate(bytes.length + PADDING);
    this.#memory.set(bytes, at);
    this.#memory.fill(0, at + bytes.length, at + bytes.length + PADDING);
    return at;
  }
}

/** Shares of red and blue in luma, by the number of the matrix (ITU-T H.273, table 4). */
const SHARES: Readonly<Record<number, readonly [red: number, blue: number]>> = {
  1: [0.2126, 0.0722],
  // Unspecified: as JPEG has it.
  2: [0.299, 0.114],
  4: [0.3, 0.11],
  5: [0.299, 0.114],
  6: [0.299, 0.114],
  7: [0.212, 0.087],
  9: [0.2627, 0.0593],
};

/**
 * How luma and chroma of 8 bits become colours, as `reduce` in wasm/hevc/decoder.c takes it; null for a matrix that is
 * no such thing. What the file says counts before what the coded pictures say, but a full range said by either is full.
 */
export function conversionOf(file: Coding | null, picture: Coding): readonly number[] | null {
  const shares = SHARES[(file ?? picture).matrix];
  if (shares === undefined) return null;
  const fullRange = picture.fullRange || file?.fullRange === true;
  const [red, blue] = shares;
  const green = 1 - red - blue;
  const [gain, offset, chroma] = fullRange ? [1, 0, 1] : [255 / 219, 16, 255 / 224];
  const [toRed, toBlue] = [2 * (1 - red) * chroma, 2 * (1 - blue) * chroma];
  return [gain, offset, toRed, (toBlue * blue) / green, (toRed * red) / green, toBlue];
}
