import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { UserError } from '../../errors.ts';
import { bundledFile, loadCatalogue } from '../catalogue.ts';
import type { EmbeddingModel } from '../port.ts';
import { Classifier } from './classifier.ts';

/** The classes of ImageNet's challenge of 2012, which every model with words was trained on. */
const CLASSES = 1000;

/**
 * The classifier behind a model's vectors, and the table of words that goes with it as it lies in its file.
 * @throws UserError `words_unavailable` when the model has none, `model_checksum` when a file is damaged.
 */
export async function openClassifier(model: EmbeddingModel): Promise<{ classifier: Classifier; vocabulary: Buffer }> {
  const { models } = await loadCatalogue();
  // By its content: a bundled model that is named by its file knows its words, too.
  const words = models.find(({ sha256 }) => sha256 === model.sha256)?.words ?? null;
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

async function bundled({ file, sha256 }: { readonly file: string; readonly sha256: string }): Promise<Buffer> {
  const path = bundledFile(file);
  const bytes = await readFile(path);
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes;
  throw new UserError('model_checksum', `${path} is damaged: its sha256 is not the catalogue's.`, {
    hint: 'Install curate again: npm ci.',
  });
}
