import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { UserError } from '../../errors.ts';
import { Arena, instantiate, type KernelMemory } from '../../wasm.ts';
import { bundledFile, type Catalogue, type CatalogueEntry, loadCatalogue } from '../catalogue.ts';
import type { EmbeddingModel } from '../port.ts';
import { toUnitLength } from '../vector.ts';
import { LOGITS_KERNEL } from './logits-kernel.ts';

/** See wasm/logits.ts; addresses in bytes. */
interface LogitsKernel extends KernelMemory {
  components(values: number, count: number, output: number): void;
  products(vectors: number, count: number, rows: number, classes: number, dim: number, output: number): void;
  softmax(products: number, classes: number, factors: number, biases: number, output: number): void;
}

/** Vectors that go through the kernel at a time: even, and few enough to stay in the processor's cache. */
const BLOCK = 32;
/** What 1 is as a component of a vector in the kernel. */
const ONE = 32767;
const FLOAT_BYTES = 4;
const DOUBLE_BYTES = 8;

interface ClassifierShape {
  /** A multiple of four. */
  readonly classes: number;
  /** A multiple of eight. */
  readonly dim: number;
  /** Length that a photo's features have before they are brought to unit length, roughly: it scales the products. */
  readonly scale: number;
}

/**
 * The layer that a model was trained with, behind the features that curate stores: what share of a photo each class
 * takes. Its rows are directions in the space of the stored vectors.
 *
 * In WebAssembly: the products, on 8-bit rows, are 35 times as fast as the same loops in JavaScript.
 */
export class Classifier {
  readonly classes: number;
  readonly dim: number;
  readonly #kernel = instantiate<LogitsKernel>(LOGITS_KERNEL);
  readonly #scales: Float32Array;
  readonly #rows: Int8Array;
  readonly #at: Readonly<Record<'rows' | 'values' | 'vectors' | 'products' | 'factors' | 'biases' | 'shares', number>>;

  /**
   * @param bytes little-endian: float32 [classes] scales, float32 [classes] biases, int8 [classes, dim] rows.
   * @throws RangeError when they are not as many as the shape says.
   */
  constructor(bytes: Uint8Array, { classes, dim, scale }: ClassifierShape) {
    const expected = classes * (2 * FLOAT_BYTES + dim);
    if (bytes.byteLength !== expected) {
      throw new RangeError(`a classifier of ${bytes.byteLength} bytes, expected ${expected}`);
    }
    this.classes = classes;
    this.dim = dim;
    this.#scales = floats(bytes, 0, classes);
    const behind = classes * 2 * FLOAT_BYTES;
    this.#rows = new Int8Array(bytes.buffer, bytes.byteOffset + behind, classes * dim).slice();
    const arena = new Arena();
    this.#at = {
      rows: arena.reserve(classes * dim),
      values: arena.reserve(BLOCK * dim * FLOAT_BYTES),
      vectors: arena.reserve(BLOCK * dim * 2),
      products: arena.reserve(BLOCK * classes * 4),
      factors: arena.reserve(classes * DOUBLE_BYTES),
      biases: arena.reserve(classes * FLOAT_BYTES),
      shares: arena.reserve(classes * FLOAT_BYTES),
    };
    const memory = arena.open(this.#kernel);
    memory.set(new Uint8Array(this.#rows.buffer), this.#at.rows);
    // From a product of the kernel's to a logit.
    const factors = Float64Array.from(this.#scales, (value) => (scale * value) / ONE);
    new Float64Array(memory.buffer, this.#at.factors, classes).set(factors);
    new Float32Array(memory.buffer, this.#at.biases, classes).set(floats(bytes, classes, classes));
  }

  /**
   * The softmax over the classes of each vector of unit length: [vectors][classes], each sums to 1.
   * @throws RangeError for a vector of another length.
   */
  probabilities(vectors: readonly Float32Array[]): Float32Array[] {
    const { classes, dim } = this;
    const kernel = this.#kernel;
    const at = this.#at;
    const { buffer } = kernel.memory;
    const values = new Float32Array(buffer, at.values, BLOCK * dim);
    const shares = new Float32Array(buffer, at.shares, classes);
    const all: Float32Array[] = [];
    for (let from = 0; from < vectors.length; from += BLOCK) {
      const block = vectors.slice(from, from + BLOCK);
      block.forEach((vector, i) => {
        if (vector.length !== dim) throw new RangeError(`a vector of ${vector.length}, expected ${dim}`);
        values.set(vector, i * dim);
      });
      kernel.components(at.values, block.length * dim, at.vectors);
      // The kernel takes two at a time: behind an odd last one, whatever was there before.
      const count = block.length + (block.length % 2);
      kernel.products(at.vectors, count, at.rows, classes, dim, at.products);
      for (let i = 0; i < block.length; i++) {
        kernel.softmax(at.products + i * classes * 4, classes, at.factors, at.biases, at.shares);
        all.push(shares.slice());
      }
    }
    return all;
  }

  /** Where in the space of the vectors the photos of these classes lie, together: unit length. */
  direction(classes: readonly number[]): Float32Array {
    const sum = new Float32Array(this.dim);
    for (const index of classes) {
      const scale = this.#scales[index] ?? 0;
      const row = index * this.dim;
      for (let d = 0; d < this.dim; d++) sum[d] = (sum[d] ?? 0) + scale * (this.#rows[row + d] ?? 0);
    }
    return toUnitLength(sum);
  }
}

function floats(bytes: Uint8Array, from: number, count: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset + from * FLOAT_BYTES, count * FLOAT_BYTES);
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(i * FLOAT_BYTES, true));
}

/** The classes of ImageNet's challenge of 2012, which every model with words was trained on. */
const CLASSES = 1000;

/**
 * The classifier behind a model's vectors, and the table of words that goes with it as it lies in its file.
 * @throws UserError `words_unavailable` when the model has none, `model_checksum` when a file is damaged.
 */
export async function openClassifier(model: EmbeddingModel): Promise<{ classifier: Classifier; vocabulary: Buffer }> {
  const { models } = await loadCatalogue();
  const words = wordsOf(model, models);
  if (words === null) {
    const able = models.filter((entry) => entry.words !== null).map(({ id }) => id);
    throw new UserError('words_unavailable', `The model ${model.id} knows no words.`, {
      hint: `Use a photo instead, or index with a model that does: ${able.join(', ')}.`,
      kind: 'usage',
    });
  }
  const [vocabulary, weights] = await Promise.all([bundled(words.vocabulary), bundled(words.classifier)]);
  return { vocabulary, classifier: new Classifier(weights, { classes: CLASSES, dim: model.dim, scale: words.scale }) };
}

/** What a model's classifier is told from every other by; null for a model that has none. */
export async function classifierOf(model: EmbeddingModel): Promise<string | null> {
  const words = wordsOf(model, (await loadCatalogue()).models);
  return words && `${words.classifier.sha256} ${words.scale}`;
}

/** By its content: a bundled model that is named by its file knows its words, too. */
function wordsOf({ sha256 }: EmbeddingModel, models: Catalogue['models']): CatalogueEntry['words'] {
  return models.find((model) => model.sha256 === sha256)?.words ?? null;
}

async function bundled({ file, sha256 }: { readonly file: string; readonly sha256: string }): Promise<Buffer> {
  const path = bundledFile(file);
  const bytes = await readFile(path);
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes;
  throw new UserError('model_checksum', `${path} is damaged: its sha256 is not the catalogue's.`, {
    hint: 'Install curate again: npm ci.',
  });
}
