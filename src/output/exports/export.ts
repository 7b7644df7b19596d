import type { IndexedPhoto } from '../../library/exported.ts';
import type { ModelIdentity } from '../../store/port.ts';
import { exportCsv, exportLines } from './lines.ts';
import { exportNpy } from './npy.ts';
import { exportParquet } from './parquet.ts';

/** Writes photos to a file, which appears when it is whole, and returns how many they were. */
export type Export = (file: string, photos: AsyncIterable<IndexedPhoto>, model: ModelIdentity) => Promise<number>;

/** By the ending of the file's name. */
export const EXPORTS: ReadonlyMap<string, Export> = new Map([
  ['.npy', exportNpy],
  ['.parquet', exportParquet],
  ['.csv', exportCsv],
  ['.jsonl', exportLines],
]);
