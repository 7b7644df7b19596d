import type { PhotoFacts } from '../photos/facts.ts';
import type { Faulty, PhotoFault } from '../photos/fault.ts';

export type { PhotoFault };

/** How pixels become the model's input: a value from the catalogue. */
export interface InputSpec {
  /** Tensor name; null means the model's only input. */
  readonly name: string | null;
  /** Side of the square centre crop, pixels. */
  readonly size: number;
  /** The short side is resized to this before cropping, pixels. */
  readonly resizeShortSide: number;
  /** Divides 0..255 before mean and std: 255 or 1. */
  readonly scale: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Calibrated per model: scales differ wildly between models. */
export interface Thresholds {
  /** Root cosine (see `rootCosine`) from which two photos are nearly the same picture. */
  readonly nearDuplicate: number;
  /** Root cosine from which two photos taken within seconds are of one burst. */
  readonly burst: number;
  /** Cosine from which people call two photos alike. */
  readonly similar: number;
}

/** What ranking by more than the cosine needs to know of a model. */
export interface RankingCalibration {
  /** Absolute path of the features' mean and deviation: float32 [2, dim]. */
  readonly statistics: string;
  /** Agreement from which a photo shows the query's subject. */
  readonly alike: number;
  /** Of different photographs, for libraries too small to have their own. */
  readonly pairs: PairSimilarities;
}

/**
 * How similar random pairs of photos are. Plain numbers, so that it can be kept as JSON, per library and model, and made
 * again as the library grows.
 */
export interface PairSimilarities {
  /** Cosines that the shares 1, 0.99 ... 0.01 of random pairs reach: falling shares, rising cosines. */
  readonly quantiles: readonly number[];
  /** Generalised Pareto distribution of what lies above the last quantile. */
  readonly tail: { readonly shape: number; readonly scale: number };
  /** Photos in the library when it was made. */
  readonly photos: number;
}

/** A model that is on this machine and was checked. */
export interface EmbeddingModel {
  readonly id: string;
  /** Of the ONNX file: the identity of every vector made with it. */
  readonly sha256: string;
  /** Absolute path. */
  readonly file: string;
  readonly dim: number;
  readonly input: InputSpec;
  /** Output tensor name; null means the model's only output. */
  readonly output: string | null;
  /** `average` pools a [N, C, H, W] output over H and W; `none` takes [N, dim] as it is. */
  readonly pooling: 'none' | 'average';
  readonly thresholds: Thresholds;
  /** Null for a model whose features nobody has measured: hits then are ranked on the features as they are. */
  readonly ranking: RankingCalibration | null;
}

/** What is known of a photo once its bytes were read and decoded. */
export interface EmbeddedPhoto extends PhotoFacts {
  readonly sha256: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Unit length. */
  readonly vector: Float32Array;
}

export type EmbedResult =
  | { readonly kind: 'embedded'; readonly photo: EmbeddedPhoto }
  /** `isKnown` said so of the bytes' hash: nothing was decoded, but where `isStale` asked for the facts. */
  | {
      readonly kind: 'known';
      readonly sha256: string;
      readonly size: number;
      readonly mtimeMs: number;
      readonly facts?: PhotoFacts;
    }
  | Faulty;

export interface EmbedRequest {
  /** Absolute native path. */
  readonly file: string;
  /** Whether bytes of this sha256 have a vector already: such a file is only hashed. */
  isKnown?(sha256: string): Promise<boolean> | boolean;
  /** Whether what is kept of such bytes besides their vector is to be read again; asked when they are known. */
  isStale?(sha256: string): Promise<boolean> | boolean;
}

/** Photos to unit vectors, off the main thread. */
export interface Embedder {
  readonly model: EmbeddingModel;
  /** How many requests to keep in flight to keep every core busy. */
  readonly capacity: number;
  embed(request: EmbedRequest): Promise<EmbedResult>;
  close(): Promise<void>;
}

/** Wall time of a photo's stages, milliseconds; a stage that was not reached is missing. */
export type StageTimings = { -readonly [stage in Stage]?: number };
export type Stage = 'read' | 'hash' | 'decode' | 'exif' | 'sharpness' | 'resize' | 'infer';
