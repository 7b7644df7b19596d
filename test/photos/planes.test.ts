import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averaged, averages, differ, differOnTheWhole, lumaOf, type Plane } from '../../src/photos/planes.ts';

const sizes = fc.record({ width: fc.integer({ min: 1, max: 45 }), height: fc.integer({ min: 1, max: 45 }) });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const plane = (size: { width: number; height: number }): fc.Arbitrary<Plane> =>
  bytes(size.width * size.height).map((values) => ({ ...size, values }));

describe('the averages of cells', () => {
  /** By how much of each pixel lies in a cell. */
  function byAreas({ width, height }: Plane, value: (i: number) => number, into: { width: number; height: number }) {
    const shared = (pixel: number, cell: number, pixels: number, cells: number): number => {
      const [from, to] = [(cell * pixels) / cells, ((cell + 1) * pixels) / cells];
      return Math.max(0, Math.min(to, pixel + 1) - Math.max(from, pixel));
    };
    return Array.from({ length: into.width * into.height }, (_, cell) => {
      let [sum, area] = [0, 0];
      for (let i = 0; i < width * height; i += 1) {
        const part =
          shared(i % width, cell % into.width, width, into.width) *
          shared(Math.floor(i / width), Math.floor(cell / into.width), height, into.height);
        sum += part * value(i);
        area += part;
      }
      return sum / area;
    });
  }

  it('weigh each pixel by how much of it lies in the cell, channel by channel', () => {
    const three = fc
      .tuple(sizes, sizes)
      .chain(([size, into]) =>
        fc.record({ size: fc.constant(size), into: fc.constant(into), rgb: bytes(size.width * size.height * 3) }),
      );
    fc.assert(
      fc.property(three, ({ size, into, rgb }) => {
        const grids = averages({ ...size, values: rgb, channels: 3 }, into);
        for (const [channel, grid] of grids.entries()) {
          const expected = byAreas({ ...size, values: rgb }, (i) => rgb[i * 3 + channel] ?? 0, into);
          for (const [cell, value] of grid.entries()) expect(value).toBeCloseTo(expected[cell] ?? Number.NaN, 8);
        }
        const [again = new Float64Array()] = averages({ ...into, values: grids[0] ?? new Float64Array() }, into);
        for (const [cell, value] of again.entries()) expect(value).toBeCloseTo(grids[0]?.[cell] ?? Number.NaN, 8);
      }),
      { numRuns: 40 },
    );
  });

  it('are those of bytes, rounded', () => {
    const two = fc.tuple(sizes.chain(plane), sizes);
    fc.assert(
      fc.property(two, ([one, into]) => {
        const expected = byAreas(one, (i) => one.values[i] ?? 0, into);
        const { values } = averaged(one, into);
        expect(values).toHaveLength(expected.length);
        // One in the middle of two levels is rounded up, however its sum was rounded here.
        for (const [cell, value] of values.entries()) expect(value).toBe(Math.round((expected[cell] ?? 0) + 1e-9));
      }),
      { numRuns: 40 },
    );
    const white = { width: 2048, height: 4096, values: new Uint8Array(2 ** 23).fill(255) };
    expect(averaged(white, { width: 3, height: 5 }).values).toEqual(new Uint8Array(15).fill(255));
    expect(() => averaged({ ...white, height: 4097 }, { width: 1, height: 1 })).toThrow(RangeError);
  });

  it('leave a plane of the same size as it is', () => {
    fc.assert(
      fc.property(sizes.chain(plane), (one) => {
        expect(averaged(one, one)).toEqual(one);
      }),
      { numRuns: 40 },
    );
  });
});

it('luma is that of Rec. 601, rounded', () => {
  const rgb = Uint8Array.from({ length: 3 * 256 }, (_, i) => (i * 97) % 256);
  const luma = (i: number): number =>
    Math.round(0.299 * (rgb[i * 3] ?? 0) + 0.587 * (rgb[i * 3 + 1] ?? 0) + 0.114 * (rgb[i * 3 + 2] ?? 0));
  expect([...lumaOf(rgb, { width: 64, height: 4 }).values]).toEqual(Array.from({ length: 256 }, (_, i) => luma(i)));
});

describe('two planes differ', () => {
  /** The definition, pixel by pixel. */
  function differPlainly(one: Plane, other: Plane, { most, edge }: { most: number; edge: number }): boolean {
    const { width, height } = one;
    const isInner = (i: number): boolean => {
      const [x, y] = [i % width, Math.floor(i / width)];
      return x > 0 && y > 0 && x < width - 1 && y < height - 1;
    };
    const around = (i: number): number[] =>
      [-width, 0, width].flatMap((line) => [i + line - 1, i + line, i + line + 1]);
    const step = ({ values }: Plane, i: number): number => {
      const its = around(i).map((at) => values[at] ?? 0);
      return Math.max(...its) - Math.min(...its);
    };
    const excess = (i: number): number =>
      isInner(i)
        ? Math.max(
            0,
            Math.abs((one.values[i] ?? 0) - (other.values[i] ?? 0)) - edge * Math.max(step(one, i), step(other, i)),
          )
        : 0;
    return one.values.some((_, i) => isInner(i) && around(i).reduce((sum, at) => sum + excess(at), 0) > most);
  }

  it('where three by three pixels are further apart than edges make them, also beside the border', () => {
    const pairs = sizes.chain((size) => fc.tuple(plane(size), plane(size), fc.integer({ min: 0, max: 255 })));
    const answers = new Set<boolean>();
    fc.assert(
      fc.property(pairs, fc.double({ min: 0, max: 0.5, noNaN: true }), ([one, noise, apart], edge) => {
        // Nearly the same, and now and then not.
        const values = one.values.map((value, i) => ((noise.values[i] ?? 0) < apart ? value : value ^ 15));
        const bounds = { most: 40, edge };
        const expected = differPlainly(one, { ...one, values }, bounds);
        answers.add(expected);
        expect(differ(one, { ...one, values }, bounds)).toBe(expected);
      }),
      { numRuns: 100 },
    );
    expect(answers.size).toBe(2);
    const grey: Plane = { width: 40, height: 30, values: new Uint8Array(1200).fill(90) };
    for (const at of [41, 78, 28 * 40 + 1, 28 * 40 + 38]) {
      const spot = { ...grey, values: grey.values.with(at, 210) };
      expect(differ(grey, spot, { most: 60, edge: 0.35 })).toBe(true);
    }
    expect(differ(grey, { ...grey, values: grey.values.with(40, 210) }, { most: 60, edge: 0.35 })).toBe(false);
  });
});

describe('two planes differ on the whole', () => {
  /** The definition, pixel by pixel. */
  function differPlainly(one: Plane, other: Plane, { most, edge }: { most: number; edge: number }): boolean {
    const { width, height } = one;
    const around = (i: number, reach: number): number[] => {
      const along = Array.from({ length: 2 * reach + 1 }, (_, at) => at - reach);
      return along.flatMap((line) => along.map((at) => i + line * width + at));
    };
    const step = ({ values }: Plane, i: number): number => {
      const its = around(i, 2).map((at) => values[at] ?? 0);
      return Math.max(...its) - Math.min(...its);
    };
    return one.values.some((_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      if (x < 2 || y < 2 || x + 2 >= width || y + 2 >= height) return false;
      const sum = around(i, 1).reduce((all, at) => all + (one.values[at] ?? 0) - (other.values[at] ?? 0), 0);
      return Math.abs(sum) - edge * Math.max(step(one, i), step(other, i)) > most;
    });
  }

  it('where three by three pixels are brighter or darker in sum than edges make them', () => {
    const pairs = sizes.chain((size) => fc.tuple(plane(size), plane(size), fc.integer({ min: 0, max: 255 })));
    const answers = new Set<boolean>();
    fc.assert(
      fc.property(pairs, fc.double({ min: 0, max: 0.5, noNaN: true }), ([one, noise, apart], edge) => {
        // Nearly the same, and now and then not.
        const values = one.values.map((value, i) => ((noise.values[i] ?? 0) < apart ? value : value ^ 31));
        const bounds = { most: 60, edge };
        const expected = differPlainly(one, { ...one, values }, bounds);
        answers.add(expected);
        expect(differOnTheWhole(one, { ...one, values }, bounds)).toBe(expected);
      }),
      { numRuns: 100 },
    );
    expect(answers.size).toBe(2);
  });

  it('by a spot, but for the two pixels along the border, and not by noise that cancels itself out', () => {
    const grey: Plane = { width: 40, height: 30, values: new Uint8Array(1200).fill(90) };
    const bounds = { most: 60, edge: 0.2 };
    for (const at of [82, 117, 27 * 40 + 2, 27 * 40 + 37]) {
      expect(differOnTheWhole(grey, { ...grey, values: grey.values.with(at, 210) }, bounds)).toBe(true);
    }
    const corner = grey.values.with(0, 210);
    expect(differOnTheWhole(grey, { ...grey, values: corner }, bounds)).toBe(false);
    const noisy = grey.values.map((value, i) => value + (i % 2 === 0 ? 20 : -20));
    expect(differOnTheWhole(grey, { ...grey, values: noisy }, bounds)).toBe(false);
  });
});
