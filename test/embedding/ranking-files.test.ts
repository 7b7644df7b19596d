import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { bundledFile, loadCatalogue } from '../../src/embedding/catalogue.ts';
import { readStatistics } from '../../src/library/ranking/statistics.ts';

test('every bundled model comes with the statistics that the catalogue names', async () => {
  const { models } = await loadCatalogue();
  for (const { id, bundled, ranking, dim } of models) {
    expect(ranking !== null, id).toBe(bundled);
    if (ranking === null) continue;
    const file = bundledFile(ranking.statistics.file);
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    expect(digest, file).toBe(ranking.statistics.sha256);
    const { mean, inverse } = await readStatistics(file, dim);
    // Of unit vectors: the mean is shorter, and every dimension varies.
    expect(Math.hypot(...mean)).toBeLessThan(1);
    expect(Math.min(...inverse)).toBeGreaterThan(0);
    expect(Math.max(...inverse)).toBeLessThan(Number.POSITIVE_INFINITY);
  }
});
