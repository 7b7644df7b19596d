import type { Device } from './device.ts';
import type { EmbeddingModel, EmbedResult, StageTimings } from './port.ts';

/** Comes first. */
export interface OpenWorker {
  readonly kind: 'open';
  readonly model: EmbeddingModel;
  readonly exact: boolean;
  readonly gentle: boolean;
  readonly device: Device;
  /** For each photo. */
  readonly threads: number;
  readonly cacheDir: string;
}

/** Of bytes: whether they have a vector, and whether the facts kept beside it are to be read again. */
export type Answer = 'unknown' | 'known' | 'stale';

export type ToWorker =
  | OpenWorker
  /** `ask`: the hash may be known, and is asked about before anything is decoded. */
  | { readonly kind: 'embed'; readonly id: number; readonly file: string; readonly ask: boolean }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer };

export type FromWorker =
  /** The model is open. Photos may be sent before. */
  | { readonly kind: 'ready'; readonly fallback: string | null }
  | { readonly kind: 'question'; readonly id: number; readonly sha256: string }
  | { readonly kind: 'result'; readonly id: number; readonly result: EmbedResult; readonly timings: StageTimings }
  /** Nothing to do with a photo: the model cannot be opened or run. */
  | { readonly kind: 'broken'; readonly message: string };
