import type { RgbImage, Size } from './pixels.ts';

/** Where the first frame of a GIF lies, and what is beneath and around it. */
export interface OpaqueGif {
  /** The file with its first frame made opaque: transparent pixels show the palette's colour beneath. */
  readonly bytes: Uint8Array;
  readonly frame: Size & { readonly left: number; readonly top: number };
  /** Of the pixels that the frame leaves out. */
  readonly ground: readonly [number, number, number];
}

const HEADER_BYTES = 13;
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const IMAGE = 0x2c;
const HAS_PALETTE = 0x80;
const IS_TRANSPARENT = 0x01;

/**
 * What Pillow's `convert('RGB')`, and so the reference, makes of a GIF (GIF89a, 18 to 23): a transparent pixel is one
 * of its index's colour, as is what a first frame smaller than the picture leaves out, or else of index 0. libvips
 * gives black. Null where the structure breaks off before the first frame.
 */
export function opaqueGif(bytes: Uint8Array): OpaqueGif | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const opaque = Uint8Array.from(bytes);
  let transparent = 0;
  try {
    const shared = palette(bytes, view.getUint8(10), HEADER_BYTES);
    for (let at = shared.end; ; ) {
      const block = view.getUint8(at);
      if (block === EXTENSION) {
        if (view.getUint8(at + 1) === GRAPHIC_CONTROL && view.getUint8(at + 3) & IS_TRANSPARENT) {
          opaque[at + 3] = view.getUint8(at + 3) & ~IS_TRANSPARENT;
          transparent = view.getUint8(at + 6);
        }
        at = behindBlocks(view, at + 2);
      } else if (block === IMAGE) {
        const [left, top] = [view.getUint16(at + 1, true), view.getUint16(at + 3, true)];
        const [width, height] = [view.getUint16(at + 5, true), view.getUint16(at + 7, true)];
        const own = palette(bytes, view.getUint8(at + 9), at + 10);
        const colours = own.end > at + 10 ? own.colours : shared.colours;
        const [r = 0, g = 0, b = 0] = colours.subarray(transparent * 3, transparent * 3 + 3);
        return { bytes: opaque, frame: { left, top, width, height }, ground: [r, g, b] };
      } else return null;
    }
  } catch (error) {
    // The view's: the file ends.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** How many frames a GIF holds, counted up to `most` and to where its structure breaks off. */
export function gifFrames(bytes: Uint8Array, most: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frames = 0;
  try {
    for (let at = palette(bytes, view.getUint8(10), HEADER_BYTES).end; frames < most; ) {
      const block = view.getUint8(at);
      if (block === EXTENSION) at = behindBlocks(view, at + 2);
      else if (block === IMAGE) {
        frames += 1;
        // Behind its colours stands the size of the codes, and then the pixels.
        at = behindBlocks(view, palette(bytes, view.getUint8(at + 9), at + 10).end + 1);
      } else break;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return frames;
}

/** Where a series of blocks ends: each begins with its length, and the last is empty. */
function behindBlocks(view: DataView, from: number): number {
  let at = from;
  while (view.getUint8(at) !== 0) at += 1 + view.getUint8(at);
  return at + 1;
}

function palette(bytes: Uint8Array, flags: number, at: number): { readonly colours: Uint8Array; readonly end: number } {
  const end = flags & HAS_PALETTE ? at + 3 * 2 ** ((flags & 7) + 1) : at;
  return { colours: bytes.subarray(at, end), end };
}

/** Whether a frame leaves any of the picture out. */
export function isPartial({ frame }: OpaqueGif, { width, height }: Size): boolean {
  return frame.left > 0 || frame.top > 0 || frame.width < width || frame.height < height;
}

/** The picture with its ground around the first frame. */
export function withGround({ data, width, height }: RgbImage, { frame, ground }: OpaqueGif): RgbImage {
  const painted = new Uint8Array(width * height * 3);
  for (let i = 0; i < painted.length; i += 3) painted.set(ground, i);
  const right = Math.min(frame.left + frame.width, width);
  for (let y = frame.top; y < Math.min(frame.top + frame.height, height) && frame.left < right; y++) {
    const from = (y * width + frame.left) * 3;
    painted.set(data.subarray(from, (y * width + right) * 3), from);
  }
  return { data: painted, width, height };
}
