import { readFile } from 'node:fs/promises';
import type { EmbeddingModel } from '../../embedding/port.ts';

/** Of a model's unit vectors, per dimension, over many photographs. */
export interface RankingStatistics {
  readonly mean: Float32Array;
  /** What a deviation from the mean is multiplied by; above 0. */
  readonly inverse: Float64Array;
}

/** Keeps dimensions that hardly ever speak from speaking loudest. */
const SMOOTHING = 0.1;

/**
 * Statistics of mean and standard deviation. Half of the usual z-score: (sigma + 0.1 mean sigma)^0.5, as a whole one
 * makes too much of rare features.
 */
export function rankingStatistics(mean: Float32Array, deviation: Float32Array): RankingStatistics {
  const smallest = (SMOOTHING * deviation.reduce((sum, value) => sum + value, 0)) / deviation.length;
  // A deviation of zero throughout tells nothing apart.
  const scale = deviation.map((value) => Math.sqrt(value + smallest) || 1);
  return { mean, inverse: Float64Array.from(scale, (value) => 1 / value) };
}

/**
 * Reads what `models/derive/ranking.py` writes: float32, little-endian, [2, dim], mean and standard deviation.
 * @throws RangeError when the file is of another size
 */
export async function readStatistics(file: string, dim: number): Promise<RankingStatistics> {
  const bytes = await readFile(file);
  if (bytes.length !== 2 * 4 * dim) throw new RangeError(`${file} has ${bytes.length} bytes, not ${2 * 4 * dim}`);
  // A copy, since it may lie at any address; processors that Node.js runs on are little-endian.
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return rankingStatistics(values.subarray(0, dim), values.subarray(dim));
}

/** The statistics that come with a model; null when it has none. @throws RangeError as {@link readStatistics} does */
export async function statisticsOf(model: EmbeddingModel): Promise<RankingStatistics | null> {
  return model.ranking === null ? null : await readStatistics(model.ranking.statistics, model.dim);
}
