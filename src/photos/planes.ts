import { Arena, instantiate, type KernelMemory } from '../wasm.ts';
import type { Size } from './pixels.ts';
import { PRINT_KERNEL } from './print-kernel.ts';

/** Values of one kind, a byte a pixel, row by row. */
export interface Plane extends Size {
  readonly values: Uint8Array;
}

/** Addresses and steps in bytes; see wasm/print.ts. */
interface PrintKernel extends KernelMemory {
  luma(pixels: number, count: number, output: number): void;
  averages(
    values: number,
    bytes: number,
    width: number,
    height: number,
    step: number,
    across: number,
    down: number,
    room: number,
    output: number,
  ): void;
  shrink(
    values: number,
    width: number,
    height: number,
    across: number,
    down: number,
    room: number,
    output: number,
  ): void;
  differ(
    one: number,
    other: number,
    width: number,
    height: number,
    most: number,
    edge: number,
    apart: number,
    known: number,
  ): number;
  differOnTheWhole(
    one: number,
    other: number,
    width: number,
    height: number,
    most: number,
    edge: number,
    columns: number,
  ): number;
}

let loaded: PrintKernel | null = null;

function kernel(): PrintKernel {
  loaded ??= instantiate<PrintKernel>(PRINT_KERNEL);
  return loaded;
}

/** Luma (Rec. 601) of rows of RGB bytes. */
export function lumaOf(data: Uint8Array, { width, height }: Size): Plane {
  const count = width * height;
  const arena = new Arena();
  const [pixels, output] = [arena.reserve(count * 3), arena.reserve(count)];
  const memory = arena.open(kernel());
  memory.set(data.subarray(0, count * 3), pixels);
  kernel().luma(pixels, count, output);
  return { width, height, values: memory.slice(output, output + count) };
}

interface Values extends Size {
  /** Row by row. */
  readonly values: Uint8Array | Float64Array;
  /** How many values stand beside each other for a pixel, which are averaged each by itself; one unless given. */
  readonly channels?: number;
}

/**
 * The mean of each of so many cells across and down, pixels on a border shared between the cells; one such grid a channel.
 */
export function averages({ values, width, height, channels = 1 }: Values, into: Size): Float64Array[] {
  const cells = into.width * into.height;
  const bytes = values.BYTES_PER_ELEMENT;
  const arena = new Arena();
  const from = arena.reserve(values.byteLength);
  const room = arena.reserve((height + 2) * into.width * Float64Array.BYTES_PER_ELEMENT);
  const output = arena.reserve(cells * Float64Array.BYTES_PER_ELEMENT);
  const memory = arena.open(kernel());
  memory.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), from);
  return Array.from({ length: channels }, (_, channel) => {
    const [first, step] = [from + channel * bytes, channels * bytes];
    kernel().averages(first, bytes, width, height, step, into.width, into.height, room, output);
    return new Float64Array(memory.buffer.slice(output, output + cells * Float64Array.BYTES_PER_ELEMENT));
  });
}

/** So many pixels at the most can be averaged without a number of 32 bits running over. */
const MOST_AVERAGED = 2 ** 23;

/**
 * A plane of so many pixels, each the mean of those that it stands for.
 * @throws RangeError for one of more than eight million pixels
 */
export function averaged(plane: Plane, into: Size): Plane {
  const { values, width, height } = plane;
  if (width * height > MOST_AVERAGED) throw new RangeError(`${width} x ${height} pixels cannot be averaged`);
  const cells = into.width * into.height;
  const arena = new Arena();
  const from = arena.reserve(values.length);
  const room = arena.reserve(16 * (into.width + into.height + width + 7));
  const output = arena.reserve(cells);
  const memory = arena.open(kernel());
  memory.set(values, from);
  kernel().shrink(from, width, height, into.width, into.height, room, output);
  return { ...into, values: memory.slice(output, output + cells) };
}

/** Values from 0 to 255, each to the nearest whole number. `Math.round` takes ten times as long. */
export function rounded(values: Float64Array): Uint8Array {
  const whole = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1) whole[i] = ((values[i] as number) + 0.5) | 0;
  return whole;
}

/**
 * Whether anywhere three by three pixels of two planes of one size are further apart in sum than `most` levels, beyond what
 * the share `edge` of the step around each pixel explains.
 */
export function differ(one: Plane, other: Plane, { most, edge }: { readonly most: number; readonly edge: number }) {
  const { width, height } = one;
  const count = width * height;
  const arena = new Arena();
  const [a, b, apart] = [arena.reserve(count), arena.reserve(count), arena.reserve(count)];
  const known = arena.reserve(count * Float32Array.BYTES_PER_ELEMENT);
  const memory = arena.open(kernel());
  memory.set(one.values, a);
  memory.set(other.values, b);
  return kernel().differ(a, b, width, height, most, edge, apart, known) !== 0;
}

/**
 * Whether anywhere three by three pixels of two planes of one size are, all together, brighter or darker by more than `most`
 * levels in sum, beyond what the share `edge` of the step within two pixels around explains.
 */
export function differOnTheWhole(
  one: Plane,
  other: Plane,
  { most, edge }: { readonly most: number; readonly edge: number },
) {
  const { width, height } = one;
  const count = width * height;
  const arena = new Arena();
  const [a, b] = [arena.reserve(count + BEHIND), arena.reserve(count + BEHIND)];
  const room = 2 * (width + BEHIND);
  const columns = arena.reserve(room);
  const memory = arena.open(kernel());
  memory.set(one.values, a);
  memory.set(other.values, b);
  memory.fill(0, columns, columns + room);
  return kernel().differOnTheWhole(a, b, width, height, most, edge, columns) !== 0;
}

/** Values behind the last one that the kernel reads, eight at a time. */
const BEHIND = 8;
