import { readFile } from 'node:fs/promises';
import { bundledFile, loadCatalogue } from '../../embedding/catalogue.ts';
import type { Classifier } from '../../embedding/classifier/classifier.ts';
import { openClassifier } from '../../embedding/classifier/open.ts';
import type { EmbeddingModel } from '../../embedding/port.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';

export interface Words {
  readonly vocabulary: Vocabulary;
  readonly classifier: Classifier;
}

/**
 * The words that a model knows.
 * @throws UserError `words_unavailable` when it knows none, `model_checksum` when a file of them is damaged.
 */
export async function loadWords(model: EmbeddingModel): Promise<Words> {
  const { vocabulary, classifier } = await openClassifier(model);
  return { vocabulary: readVocabulary(vocabulary.toString('utf8')), classifier };
}

/** The words that a model of the catalogue knows, as the table has them, without loading the model. @param id null for the default */
export async function knownWords(id: string | null): Promise<readonly string[]> {
  const { models, default: usual } = await loadCatalogue();
  const words = models.find((model) => model.id === (id ?? usual))?.words ?? null;
  if (words === null) return [];
  return [...readVocabulary(await readFile(bundledFile(words.vocabulary.file), 'utf8')).words.keys()];
}
