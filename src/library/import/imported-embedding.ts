import type { Embedder, EmbedRequest, EmbedResult } from '../../embedding/port.ts';
import { sumsOf } from './locate.ts';
import type { VectorFile } from './vector-file.ts';

/** Reads photos with a real embedder, and takes their vectors from the file. */
export class ImportedEmbedding {
  taken = 0;
  left = 0;
  readonly #vectors: VectorFile;
  readonly #byFile: ReadonlyMap<string, number>;
  readonly #bySum: ReadonlyMap<string, number>;
  readonly #wrong: ReadonlySet<number>;

  constructor(
    vectors: VectorFile,
    usable: ReadonlySet<number>,
    byFile: ReadonlyMap<string, number>,
    wrong: ReadonlySet<number>,
  ) {
    this.#vectors = vectors;
    this.#byFile = byFile;
    this.#wrong = wrong;
    this.#bySum = sumsOf(vectors, usable);
  }

  over(embedder: Embedder): Embedder {
    return {
      model: embedder.model,
      capacity: embedder.capacity,
      close: () => embedder.close(),
      embed: (request) => this.#embed(embedder, request),
    };
  }

  async #embed(
    embedder: Embedder,
    { file, isKnown = () => false, isStale = () => false }: EmbedRequest,
  ): Promise<EmbedResult> {
    const result = await embedder.embed({
      file,
      isKnown: () => true,
      // What is known of it here needs no more than its content; else its facts are read.
      isStale: async (sha256) => ((await isKnown(sha256)) ? isStale(sha256) : this.#rowOf(file, sha256) !== null),
    });
    if (result.kind !== 'known' || (await isKnown(result.sha256))) return result;
    const { sha256, size, mtimeMs, facts } = result;
    const row = this.#rowOf(file, sha256);
    if (row === null || facts === undefined) {
      this.left += 1;
      return { kind: 'fault', fault: { code: 'not_found', reason: 'the file of vectors does not have it' } };
    }
    this.taken += 1;
    return { kind: 'embedded', photo: { sha256, size, mtimeMs, ...facts, vector: await this.#vectors.array.row(row) } };
  }

  #rowOf(file: string, sha256: string): number | null {
    const row = this.#bySum.get(sha256) ?? this.#byFile.get(file);
    if (row === undefined || this.#wrong.has(row)) return null;
    const said = this.#vectors.photos[row]?.sha256 ?? sha256;
    return said === sha256 ? row : null;
  }
}
