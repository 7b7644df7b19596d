import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resizeBicubic, type Window } from '../../src/embedding/resize.ts';
import { generatedImage } from '../support/generated.ts';

test('resizing gives the bytes that Pillow gives', () => {
  const file = readFileSync(new URL('../data/pillow/resize.bin', import.meta.url));
  let cases = 0;
  for (let at = 0; at < file.length; cases++) {
    const [w, h, width, height, left, top, right, bottom, seed] = Array.from({ length: 9 }, (_, i) =>
      file.readUInt32LE(at + i * 4),
    ) as [number, number, number, number, number, number, number, number, number];
    const window = { left, top, width: right - left, height: bottom - top };
    const pixels = file.subarray(at + 36, at + 36 + window.width * window.height * 3);
    const actual = resizeBicubic(generatedImage(w, h, seed), { width, height }, window);
    if (!pixels.equals(actual)) {
      expect.fail(`${w}x${h} to ${width}x${height}, window ${JSON.stringify(window)}: ${differences(pixels, actual)}`);
    }
    at += 36 + pixels.length;
  }
  expect(cases).toBe(248);
});

function differences(expected: Uint8Array, actual: Uint8Array): string {
  const different = expected.reduce((n, value, i) => n + Number(value !== actual[i]), 0);
  return `${different} of ${expected.length} samples differ`;
}

const side = fc.integer({ min: 1, max: 80 });

test('a window of the resized image is the same as the window cut out of the whole', () => {
  const sizes = fc.tuple(side, side, side, side, fc.nat());
  const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(sizes, fractions, ([w, h, width, height, seed], [a, b, c, d]) => {
      const image = generatedImage(w, h, seed);
      const [left, wide] = span(width, a, b);
      const [top, high] = span(height, c, d);
      const window = { left, top, width: wide, height: high };
      const whole = resizeBicubic(image, { width, height });
      expect(resizeBicubic(image, { width, height }, window)).toEqual(cut(whole, width, window));
    }),
  );
});

/** Start and length of a part of `size`. */
function span(size: number, a = 0, b = 0): [number, number] {
  const start = Math.floor(a * (size - 1));
  return [start, 1 + Math.floor(b * (size - 1 - start))];
}

function cut(whole: Uint8Array, width: number, window: Window): Uint8Array {
  const rows = Array.from({ length: window.height }, (_, y) => {
    const from = ((window.top + y) * width + window.left) * 3;
    return whole.subarray(from, from + window.width * 3);
  });
  return new Uint8Array(Buffer.concat(rows));
}

test('an even surface keeps its colour, and a size that stays keeps every byte', () => {
  fc.assert(
    fc.property(side, side, side, side, fc.integer({ min: 0, max: 255 }), (w, h, width, height, level) => {
      const even = { data: new Uint8Array(w * h * 3).fill(level), width: w, height: h };
      expect(resizeBicubic(even, { width, height }).every((value) => value === level)).toBe(true);
      const image = generatedImage(w, h, level);
      expect(resizeBicubic(image, { width: w, height: h })).toEqual(image.data);
    }),
  );
});
