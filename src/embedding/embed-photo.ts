import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { decodePhoto, reducedSize } from '../photos/decode.ts';
import { FACTS_VERSION } from '../photos/facts.ts';
import type { Faulty } from '../photos/fault.ts';
import { readExif } from '../photos/metadata/exif.ts';
import { centreSquare, type RgbImage } from '../photos/pixels.ts';
import { type PhotoFile, readPhotoFile } from '../photos/read.ts';
import { sharpness } from '../photos/sharpness.ts';
import type { Infer } from './inference.ts';
import type { EmbedResult, InputSpec, StageTimings } from './port.ts';
import { preprocess } from './preprocess.ts';
import type { Answer } from './protocol.ts';
import { resizeBicubic } from './resize.ts';
import { toUnitLength } from './vector.ts';

export interface EmbedDeps {
  readonly input: InputSpec;
  /** Decode every pixel. */
  readonly exact: boolean;
  /** Opened while the first photos are read. */
  readonly infer: Promise<Infer>;
  /** Runs what uses the processor, one photo at a time; reading goes on beside it. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Milliseconds since some moment in the past. */
  readonly elapsed: () => number;
}

type Ask = (sha256: string) => Promise<Answer>;

export interface TimedResult {
  readonly result: EmbedResult;
  readonly timings: StageTimings;
}

/**
 * A photo's file to its unit vector and what is known of it; one read serves hash, EXIF and pixels.
 * @param ask What is known of bytes of this sha256 already; null where nothing can be.
 */
export async function embedPhoto(path: string, ask: Ask | null, deps: EmbedDeps): Promise<TimedResult> {
  const clock = new Stopwatch(deps.elapsed);
  const read = async (): Promise<PhotoFile | Faulty> => {
    clock.start();
    const file = await readPhotoFile(path);
    clock.lap('read');
    return file;
  };
  const ahead = (await isLarge(path)) ? null : await read();
  if (ahead?.kind === 'fault') return { result: ahead, timings: clock.laps };
  const result = await deps.inTurn(async () => {
    const file = ahead ?? (await read());
    return file.kind === 'fault' ? file : await embedFile(file, ask, deps, clock);
  });
  return { result, timings: clock.laps };
}

/** Larger files are not read ahead: the three of a worker at a time could take several gigabytes. */
const READ_AHEAD_BYTES = 64e6;

async function isLarge(path: string): Promise<boolean> {
  return stat(path).then(
    ({ size }) => size > READ_AHEAD_BYTES,
    () => false,
  );
}

async function embedFile(
  { bytes, size, mtimeMs }: PhotoFile,
  ask: Ask | null,
  { input, exact, infer }: EmbedDeps,
  clock: Stopwatch,
): Promise<EmbedResult> {
  clock.start();
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  clock.lap('hash');
  const answer = (await ask?.(sha256)) ?? 'unknown';
  if (answer === 'known') return { kind: 'known', sha256, size, mtimeMs };
  const decoded = await decodePhoto(bytes, { reduceFor: exact ? null : input.resizeShortSide, centreSquare: true });
  clock.lap('decode');
  if (decoded.kind === 'fault') return decoded;
  const exif = await readExif(decoded.exif, bytes);
  clock.lap('exif');
  // Of every format the part that is decoded of each.
  const judged = exact ? reduced(decoded.image, input.resizeShortSide) : decoded.image;
  const quality = sharpness(judged, centreSquare(judged));
  clock.lap('sharpness');
  const { width, height } = decoded.size;
  const facts = { width, height, ...exif, quality, facts: FACTS_VERSION };
  if (answer === 'stale') return { kind: 'known', sha256, size, mtimeMs, facts };
  const pixels = preprocess(decoded.image, decoded.size, input);
  clock.lap('resize');
  const vector = toUnitLength(await (await infer)(pixels));
  clock.lap('infer');
  return { kind: 'embedded', photo: { sha256, size, mtimeMs, ...facts, vector } };
}

/** An image decoded in full at about the size of a reduced decode: at every pixel, noise would pass for sharpness. */
function reduced(image: RgbImage, target: number): RgbImage {
  const size = reducedSize(image, target);
  return size === null ? image : { data: resizeBicubic(image, size), ...size };
}

/** Wall time of one photo's stages, milliseconds. */
class Stopwatch {
  readonly laps: StageTimings = {};
  readonly #elapsed: () => number;
  #since: number;

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
    this.#since = elapsed();
  }

  start(): void {
    this.#since = this.#elapsed();
  }

  lap(stage: keyof StageTimings): void {
    const now = this.#elapsed();
    this.laps[stage] = now - this.#since;
    this.#since = now;
  }
}
