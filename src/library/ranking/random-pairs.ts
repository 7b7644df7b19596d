import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { pairSimilaritiesSchema } from '../../embedding/catalogue.ts';
import type { EmbeddingModel, PairSimilarities } from '../../embedding/port.ts';
import { cosine, rootCosine } from '../../embedding/vector.ts';
import { writeWhole } from '../../files/atomic-write.ts';
import { makeOwnFolders } from '../../files/folders.ts';
import type { PhotoIndex } from '../../store/port.ts';
import { rowsInPortions } from '../rows.ts';
import { isOutdated, pairSimilarities, randomPairs } from './likeness.ts';

/** With fewer photos the model's own calibration says more. */
const FEWEST = 500;
/** Photos that pairs are drawn from: their vectors take 16 MB. */
const SAMPLE = 2000;
/** Rows asked for at a time. */
const PORTION = 500;

const schema = z.strictObject({
  /** Files from before pairs of near-duplicates were left out lack it: what they say is drawn anew. */
  without: z.literal('near-duplicates'),
  libraries: z.array(z.string()),
  pairs: pairSimilaritiesSchema,
});

type ModelOf = Pick<EmbeddingModel, 'sha256' | 'ranking'>;

const fileOf = (dataFolder: string, { sha256 }: ModelOf): string => join(dataFolder, 'pairs', `${sha256}.json`);

/** What is kept of the person's own photos, or else the model's calibration; null when there is neither. */
export async function pairsOf(dataFolder: string, model: ModelOf): Promise<PairSimilarities | null> {
  return (await kept(dataFolder, model))?.pairs ?? model.ranking?.pairs ?? null;
}

async function kept(dataFolder: string, model: ModelOf): Promise<z.infer<typeof schema> | null> {
  return readFile(fileOf(dataFolder, model), 'utf8')
    .then(
      (text) => schema.parse(JSON.parse(text)),
      // Also when it is damaged: the next index run writes a new one.
      () => null,
    )
    .catch(() => null);
}

/**
 * Draws new random pairs of the indexed photos when their number has changed by a quarter, or the libraries have. Then it
 * lists the ids and reads the vectors of 2,000 rows; otherwise it counts. With too few photos nothing is kept. Pairs of
 * near-duplicates are left out: where each photo is there twice, its copy would be no more than "alike".
 * @param random uniform in [0, 1)
 */
export async function refreshPairs(
  { store, table }: PhotoIndex,
  dataFolder: string,
  model: ModelOf & Pick<EmbeddingModel, 'thresholds'>,
  random: () => number,
): Promise<void> {
  const photos = await table.count();
  // Of a library that has shrunk, what was kept no longer is true.
  if (photos < FEWEST) return await rm(fileOf(dataFolder, model), { force: true });
  const libraries = (await store.libraries()).map(({ id }) => id);
  const before = await kept(dataFolder, model);
  const same = before !== null && before.libraries.join() === libraries.join();
  if (same && !isOutdated(before.pairs, photos)) return;
  const vectors = await sampleVectors({ store, table }, libraries, random);
  if (vectors.length < FEWEST) return;
  const cosines = randomPairs(vectors.length, random).flatMap(([i, j]) => {
    const [one, other] = [vectors[i], vectors[j]];
    if (one === undefined || other === undefined) return [];
    return rootCosine(one, other) >= model.thresholds.nearDuplicate ? [] : [cosine(one, other)];
  });
  if (cosines.length < FEWEST) return await rm(fileOf(dataFolder, model), { force: true });
  await makeOwnFolders(join(dataFolder, 'pairs'));
  const pairs = pairSimilarities(cosines, photos);
  const text = JSON.stringify({ without: 'near-duplicates', libraries, pairs });
  await writeWhole(fileOf(dataFolder, model), `${text}\n`, 0o600);
}

/** Of photos that are each equally likely (reservoir sampling; Vitter 1985, algorithm R). */
async function sampleVectors(
  { table }: PhotoIndex,
  libraries: readonly string[],
  random: () => number,
): Promise<Float32Array[]> {
  const ids: string[] = [];
  let seen = 0;
  for (const library of libraries) {
    for await (const { id } of table.photos(library)) {
      const place = seen < SAMPLE ? seen : Math.floor(random() * (seen + 1));
      if (place < SAMPLE) ids[place] = id;
      seen += 1;
    }
  }
  const vectors: Float32Array[] = [];
  for await (const rows of rowsInPortions(table, ids, PORTION)) vectors.push(...rows.map(({ vector }) => vector));
  return vectors;
}
