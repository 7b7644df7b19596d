import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { bundledFile } from '../../../src/embedding/catalogue.ts';
import { Classifier } from '../../../src/embedding/classifier/classifier.ts';
import { toUnitLength } from '../../../src/embedding/vector.ts';
import { rankCandidates } from '../../../src/library/query/rank-terms.ts';
import { readVocabulary } from '../../../src/library/words/vocabulary.ts';
import { photo } from '../../store/samples.ts';
import { MemoryTable } from '../../support/memory-store.ts';

const classifier = new Classifier(readFileSync(bundledFile('resnet50.words.bin')), {
  classes: 1000,
  dim: 2048,
  scale: 30,
});
const words = { classifier, vocabulary: readVocabulary(readFileSync(bundledFile('words.json'), 'utf8')) };
const word = (...classes: number[]) => ({ kind: 'word', classes, weight: 1 }) as const;
const castle = classifier.direction([483]);
const collie = classifier.direction([232]);
const mixed = (...parts: readonly (readonly [number, Float32Array])[]): Float32Array =>
  toUnitLength(castle.map((_, i) => parts.reduce((sum, [share, vector]) => sum + share * (vector[i] ?? 0), 0)));
/** Shows nothing that a class stands for. */
const noise = mixed([1, castle.map((_, i) => Math.sin(1 + 78.233 * i))]);

async function tableOf(vectors: readonly Float32Array[]): Promise<MemoryTable> {
  const table = new MemoryTable();
  await table.upsert(vectors.map((vector, i) => photo(`${i}.jpg`, { vector })));
  return table;
}
const firstOf = async (table: MemoryTable, terms: readonly ReturnType<typeof word>[], exact = false) =>
  (await rankCandidates(table, { words, similar: 0.62, terms, k: 1, filter: null, exact }))[0]?.path;

it('finds what is all of the terms, though hundreds are more like each of them', async () => {
  const table = await tableOf([
    ...Array.from({ length: 110 }, () => castle),
    ...Array.from({ length: 110 }, () => collie),
    mixed([1, castle], [1, collie]),
  ]);
  expect(await firstOf(table, [word(483), word(232)])).toBe('220.jpg');
});

it('looks at every photo where the search is to be exact', async () => {
  // A hundred and ten lie nearer to the word, and are half something else.
  const table = await tableOf([
    ...Array.from({ length: 110 }, () => mixed([1, castle], [1, collie])),
    mixed([0.6, castle], [0.8, noise]),
  ]);
  expect(await firstOf(table, [word(483)])).not.toBe('110.jpg');
  expect(await firstOf(table, [word(483)], true)).toBe('110.jpg');
});
