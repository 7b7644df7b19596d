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
