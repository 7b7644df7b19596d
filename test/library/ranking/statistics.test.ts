import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rankingStatistics, readStatistics } from '../../../src/library/ranking/statistics.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-statistics-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a file of mean and deviation is read back, value by value', async () => {
  const file = join(folder, 'two.f32');
  const bytes = Buffer.alloc(16);
  [0.5, 0.25, 0.125, 0.375].forEach((value, i) => {
    bytes.writeFloatLE(value, 4 * i);
  });
  await writeFile(file, bytes);
  const { mean, inverse } = await readStatistics(file, 2);
  expect([...mean]).toEqual([0.5, 0.25]);
  // A tenth of the mean deviation is added to each before the root.
  expect([...inverse].map((value) => value ** -2)).toEqual([expect.closeTo(0.15, 6), expect.closeTo(0.4, 6)]);
});

test('a file of another size is refused, with its name', async () => {
  const file = join(folder, 'short.f32');
  await writeFile(file, Buffer.alloc(12));
  await expect(readStatistics(file, 2)).rejects.toThrow(/short\.f32 has 12 bytes, not 16/);
});

test('a dimension that never varies is not divided by zero', () => {
  const { inverse } = rankingStatistics(new Float32Array(2), new Float32Array(2));
  expect([...inverse]).toEqual([1, 1]);
});
