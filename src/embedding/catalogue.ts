import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const triple = z.tuple([z.number(), z.number(), z.number()]);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const inputSchema = z.strictObject({
  name: z.string().nullable(),
  layout: z.literal('NCHW'),
  channels: z.literal('RGB'),
  size: z.int().positive(),
  resizeShortSide: z.int().positive(),
  scale: z.number().positive(),
  mean: triple,
  std: triple,
});

const thresholdsSchema = z.strictObject({ nearDuplicate: z.number(), burst: z.number(), similar: z.number() });

/** What both a catalogue entry and the description beside a custom ONNX file say. */
const descriptionShape = {
  input: inputSchema,
  output: z.string().nullable(),
  pooling: z.enum(['none', 'average']),
  dim: z.int().positive(),
  thresholds: thresholdsSchema.nullable(),
};

/** `FILE.json` beside a custom `FILE.onnx`. */
export const descriptionSchema = z.strictObject({ id: z.string().optional(), ...descriptionShape });

const checkedFile = z.strictObject({ file: z.string(), sha256 });

/** The words a model knows: which classes each is, and the classifier that tells the classes apart. */
const wordsSchema = z.strictObject({
  vocabulary: checkedFile,
  classifier: checkedFile,
  /** Of the logits on vectors of unit length. */
  scale: z.number().positive(),
});

/** How similar random pairs of photos are: see `PairSimilarities`. */
export const pairSimilaritiesSchema = z.strictObject({
  quantiles: z.array(z.number()).length(100),
  tail: z.strictObject({ shape: z.number(), scale: z.number().positive() }),
  photos: z.int().positive(),
});

/** Statistics of the features, for ranking by more than the cosine. */
const rankingSchema = z.strictObject({ statistics: checkedFile, alike: z.number(), pairs: pairSimilaritiesSchema });

const entrySchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  bundled: z.boolean(),
  file: z.string(),
  sha256,
  /** Id of a model that finds as well in less time; null where there is none. */
  faster: z.string().nullable(),
  /** Exact, where known. */
  bytes: z.int().positive().nullable(),
  approxBytes: z.int().positive().nullable(),
  licence: z.string(),
  licenceFile: z.string(),
  source: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('derived'), package: z.string(), script: z.string() }),
    z.strictObject({ kind: z.literal('huggingface'), repository: z.string(), revision: z.string(), path: z.string() }),
  ]),
  ...descriptionShape,
  /** Null for a model that knows no words. */
  words: wordsSchema.nullable(),
  /** Null for a model whose features nobody has measured. */
  ranking: rankingSchema.nullable(),
});

const catalogueSchema = z.strictObject({ default: z.string(), models: z.array(entrySchema) });

export type CatalogueEntry = z.infer<typeof entrySchema>;
export type Catalogue = z.infer<typeof catalogueSchema>;

/** Absolute path of a file that comes with curate in `models/`. */
export function bundledFile(name: string): string {
  return fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
}

/** Every model that curate knows of. @throws when the catalogue that comes with curate is damaged. */
export async function loadCatalogue(): Promise<Catalogue> {
  return catalogueSchema.parse(JSON.parse(await readFile(bundledFile('catalogue.json'), 'utf8')));
}
