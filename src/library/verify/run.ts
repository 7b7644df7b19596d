import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Embedder } from '../../embedding/port.ts';
import { cosine, rootCosine } from '../../embedding/vector.ts';
import { interruptedError, messageOf, UserError } from '../../errors.ts';
import { decodePhoto } from '../../photos/decode.ts';
import type { RgbImage } from '../../photos/pixels.ts';
import { readPhotoFile } from '../../photos/read.ts';
import type { Hit, PhotoIndex } from '../../store/port.ts';
import { fetchNearest, type Ranker, rank, rankerOf } from '../ranking/ranker.ts';
import type { SampledPhoto } from './sample.ts';
import { type Kind, TOP } from './score.ts';
import { makeVariant, VARIANTS } from './variants.ts';

export interface VerifyDeps extends PhotoIndex {
  openEmbedder(): Promise<Embedder>;
  /** Where a private folder for the variants is made, and removed again. */
  readonly tmp: string;
  onProgress(done: number, total: number): void;
  readonly interrupted: AbortSignal;
}

export interface VerifiedPhoto {
  readonly file: string;
  /** Of the stored vector and a fresh one. */
  readonly selfCosine: number;
  /** From 1; null when the photo was not found. */
  readonly ranks: ReadonlyMap<Kind, number | null>;
}

/** Why a photo of the sample is left out after all. */
type Unfit = 'changed' | 'unreadable';

/**
 * Embeds every photo and its variants and searches with them. The variants are written into a private folder that
 * is gone afterwards, however this ends. @throws UserError `interrupted`, and what the store throws.
 */
export async function verifyPhotos(
  deps: VerifyDeps,
  photos: readonly SampledPhoto[],
): Promise<{ readonly verified: readonly VerifiedPhoto[]; readonly unfit: readonly Unfit[] }> {
  const folder = await mkdtemp(join(deps.tmp, 'curate-verify-')).catch((error) => {
    throw unwritable(deps.tmp, error);
  });
  try {
    const embedder = await deps.openEmbedder();
    try {
      const outcomes = await new Verification(deps, embedder, await rankerOf(embedder.model), folder, photos).run();
      return {
        verified: outcomes.filter((outcome) => typeof outcome === 'object'),
        unfit: outcomes.filter((outcome) => typeof outcome === 'string'),
      };
    } finally {
      await embedder.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function unwritable(folder: string, cause: unknown): UserError {
  return new UserError('tmp_unwritable', `Altered copies cannot be written to ${folder}: ${messageOf(cause)}.`, {
    hint: 'Make room there, or set TMPDIR to another folder.',
    cause,
  });
}

class Verification {
  readonly #deps: VerifyDeps;
  readonly #embedder: Embedder;
  readonly #ranker: Ranker;
  readonly #folder: string;
  readonly #photos: readonly SampledPhoto[];
  #next = 0;
  #done = 0;
  #broken = false;

  constructor(deps: VerifyDeps, embedder: Embedder, ranker: Ranker, folder: string, photos: readonly SampledPhoto[]) {
    this.#deps = deps;
    this.#embedder = embedder;
    this.#ranker = ranker;
    this.#folder = folder;
    this.#photos = photos;
  }

  async run(): Promise<(VerifiedPhoto | Unfit)[]> {
    // All of them have ended before the folder is removed.
    const lanes = await Promise.allSettled(Array.from({ length: this.#embedder.capacity }, () => this.#lane()));
    const failed = lanes.find((lane) => lane.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return lanes.flatMap((lane) => (lane.status === 'fulfilled' ? lane.value : []));
  }

  async #lane(): Promise<(VerifiedPhoto | Unfit)[]> {
    const outcomes: (VerifiedPhoto | Unfit)[] = [];
    try {
      while (!this.#broken) {
        const number = this.#next++;
        const sampled = this.#photos[number];
        if (sampled === undefined) break;
        outcomes.push(await this.#verify(sampled, number));
        this.#done += 1;
        this.#deps.onProgress(this.#done, this.#photos.length);
      }
    } catch (error) {
      // The other lanes stop too: what failed is no single photo.
      this.#broken = true;
      throw error;
    }
    return outcomes;
  }

  async #verify({ photo, file }: SampledPhoto, number: number): Promise<VerifiedPhoto | Unfit> {
    this.#throwIfInterrupted();
    // First in the embedder's own process: a photo that crashes its decoder must not reach ours.
    const fresh = await this.#embedder.embed({ file });
    if (fresh.kind !== 'embedded') return 'unreadable';
    if (fresh.photo.sha256 !== photo.sha256) return 'changed';
    const image = await decode(file, this.#embedder.model.input.resizeShortSide);
    if (image === null) return 'unreadable';
    const vectors = new Map<Kind, Float32Array>([['unaltered', fresh.photo.vector]]);
    for (const variant of VARIANTS) {
      this.#throwIfInterrupted();
      const jpeg = await makeVariant(variant, image, number % 4);
      vectors.set(variant, await this.#embed(jpeg, join(this.#folder, `${number}-${variant}.jpg`)));
    }
    const found = await this.#search(vectors);
    const ids = new Set([photo.id, ...[...found.values()].flat().map(({ id }) => id)]);
    const rows = new Map((await this.#deps.table.rows([...ids])).map((row) => [row.id, row]));
    const stored = rows.get(photo.id);
    if (stored?.sha256 !== photo.sha256) return 'changed';
    const isTheSame = (hit: Hit): boolean => {
      const vector = rows.get(hit.id)?.vector;
      if (hit.id === photo.id || vector === undefined) return hit.id === photo.id;
      return rootCosine(stored.vector, vector) >= this.#embedder.model.thresholds.nearDuplicate;
    };
    const ranks = new Map([...found].map(([kind, hits]) => [kind, hits.findIndex(isTheSame) + 1 || null]));
    return { file, selfCosine: cosine(stored.vector, fresh.photo.vector), ranks };
  }

  #throwIfInterrupted(): void {
    if (this.#deps.interrupted.aborted) throw interruptedError('Interrupted; nothing was changed.');
  }

  async #embed(jpeg: Buffer, file: string): Promise<Float32Array> {
    await writeFile(file, jpeg, { mode: 0o600 }).catch((error) => {
      throw unwritable(this.#folder, error);
    });
    const result = await this.#embedder.embed({ file });
    await rm(file);
    if (result.kind !== 'embedded') throw new Error(`a variant that curate made cannot be embedded: ${file}`);
    return result.photo.vector;
  }

  async #search(vectors: ReadonlyMap<Kind, Float32Array>): Promise<Map<Kind, Hit[]>> {
    const search = async ([kind, vector]: [Kind, Float32Array]): Promise<[Kind, Hit[]]> => {
      const nearest = await fetchNearest(this.#deps.table, vector, { k: TOP });
      const ranked = rank(vector, nearest, this.#ranker).slice(0, TOP);
      return [kind, ranked.map(({ hit }) => hit)];
    };
    return new Map(await Promise.all([...vectors].map(search)));
  }
}

/** JPEG cannot hold more pixels in a row. */
const MAX_SIDE = 65_500;

/** The photo at a size that crops of it can still be judged at; null when it cannot be made a JPEG of. */
async function decode(file: string, shortSide: number): Promise<RgbImage | null> {
  const read = await readPhotoFile(file);
  if (read.kind === 'fault') return null;
  const decoded = await decodePhoto(read.bytes, { reduceFor: shortSide });
  if (decoded.kind === 'fault' || Math.max(decoded.image.width, decoded.image.height) > MAX_SIDE) return null;
  return decoded.image;
}
