import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import type { Embedder, EmbeddingModel, EmbedRequest, EmbedResult } from '../../src/embedding/port.ts';
import { toUnitLength } from '../../src/embedding/vector.ts';
import { photoId } from '../../src/library/paths.ts';
import type { Session } from '../../src/library/session.ts';
import { parseWords } from '../../src/library/words/parse.ts';
import { loadWords, type Words } from '../../src/library/words/vocabulary.ts';
import { FACTS_VERSION } from '../../src/photos/facts.ts';
import { UNDATED } from '../../src/photos/metadata/taken.ts';
import { MemoryStore } from './memory-store.ts';
import { memorySession } from './session.ts';
import { bundledModel } from './words.ts';

/**
 * A library of "photos" that show what their files say ("dog", "dog beach"): their vectors are the bundled model's own
 * directions of those words' classes, so that the real words find them without a photo being decoded.
 */
export class PaintedLibrary {
  readonly home: string;
  readonly model: EmbeddingModel;
  readonly words: Words;
  readonly store = new MemoryStore();
  /** Files that were embedded, in order. */
  readonly embedded: string[] = [];

  private constructor(home: string, model: EmbeddingModel, words: Words) {
    this.home = home;
    this.model = model;
    this.words = words;
  }

  static async open(): Promise<PaintedLibrary> {
    const home = await realpath(await mkdtemp(join(tmpdir(), 'curate-painted-')));
    const model = await bundledModel('resnet50', home);
    return new PaintedLibrary(home, model, await loadWords(model));
  }

  get session(): Session {
    return memorySession({ home: this.home, store: this.store, embedder: this.embedder });
  }

  get embedder(): Embedder {
    return {
      model: this.model,
      capacity: 3,
      embed: (request) => this.#embed(request),
      close: async () => undefined,
    };
  }

  /** Puts a photo of what `shows` says on the disk, and in the index unless told otherwise. @returns its absolute path */
  async put(path: string, shows: string, { indexed = true } = {}): Promise<string> {
    const file = join(this.home, 'photos', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, shows);
    if (!indexed) return file;
    const result = await this.#embed({ file });
    this.embedded.pop();
    if (result.kind !== 'embedded') throw new Error(`${path} was not embedded`);
    await this.store.putLibrary({ id: 'lib', name: 'Photos', root: join(this.home, 'photos') });
    await this.store.table(this.model).upsert([{ ...result.photo, id: photoId('lib', path), library: 'lib', path }]);
    return file;
  }

  async #embed({ file }: EmbedRequest): Promise<EmbedResult> {
    const [bytes, { size, mtimeMs }] = await Promise.all([readFile(file), stat(file)]);
    this.embedded.push(file);
    const shows = parseWords(bytes.toString(), this.words.vocabulary);
    if (shows.kind === 'unknown') return faultOf(file);
    const vector = new Float32Array(this.model.dim);
    for (const { classes } of shows.words) {
      this.words.classifier.direction(classes.slice(0, 1)).forEach((value, i) => {
        vector[i] = (vector[i] ?? 0) + value;
      });
    }
    const facts = { width: 4, height: 3, ...UNDATED, camera: null, quality: 1, facts: FACTS_VERSION };
    const sha256 = Buffer.from(bytes).toString('hex').padEnd(64, '0').slice(0, 64);
    const photo = { sha256, size, mtimeMs: Math.round(mtimeMs), ...facts, vector: toUnitLength(vector) };
    return { kind: 'embedded', photo };
  }

  remove(): Promise<void> {
    return rm(this.home, { recursive: true, force: true });
  }
}

/** A file whose name does not say that it is a photo passes for none. */
function faultOf(file: string): EmbedResult {
  return extname(file) === ''
    ? { kind: 'fault', fault: { code: 'not_an_image', reason: 'is not an image' } }
    : { kind: 'fault', fault: { code: 'corrupt', reason: 'is damaged' } };
}
