import { isAbsolute, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { messageOf, UserError } from '../../errors.ts';
import { COMPLEXITIES, QUALITIES } from '../port.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const usd = z.number().nullable();

const reference = z.object({
  /** Absolute when the person gave it so, or found in a library; else relative to the lineage file's folder. */
  path: z.string(),
  /** `picture` is the one being refined. */
  role: z.enum(['query', 'reference', 'picture']),
  /** Of the original file. */
  sha256: hash,
  /** Of the bytes that were sent. */
  sentSha256: hash,
  sentBytes: z.number(),
  width: z.number(),
  height: z.number(),
  /** Cosine similarity to the query; null when it was not searched for. */
  score: z.number().nullable(),
  reason: z.string(),
});

export const lineageSchema = z.object({
  schema: z.literal('curate.lineage/1'),
  created: z.iso.datetime(),
  /** Version of curate. */
  curate: z.string(),
  verb: z.enum(['comic', 'refine', 'replay']),
  /** As the person wrote it. */
  prompt: z.string(),
  /** As it was sent. */
  text: z.string(),
  model: z.string(),
  endpoint: z.enum(['openai', 'azure', 'compatible']),
  api: z.enum(['images.edit', 'responses']),
  /** Leads the conversation; null for images.edit. */
  conversationModel: z.string().nullable(),
  /** The turn this one went on from. */
  previousResponseId: z.string().nullable(),
  /** As they were sent, under the API's names. */
  parameters: z.object({
    size: z.string(),
    quality: z.enum([...QUALITIES, 'auto']),
    complexity: z.enum(COMPLEXITIES).optional(),
    n: z.number(),
    output_format: z.enum(['png', 'jpeg', 'webp']),
    background: z.enum(['transparent', 'opaque', 'auto']).optional(),
    stream: z.literal(true).optional(),
    partial_images: z.number().optional(),
  }),
  references: z.array(reference),
  /** The picture that was refined; relative to this file's folder unless it was given absolute. */
  parent: z.object({ path: z.string(), sha256: hash }).nullable(),
  /** One request may make several pictures, each with a lineage file of its own. */
  request: z.object({ id: z.uuid(), started: z.iso.datetime(), seconds: z.number() }),
  requestIds: z.array(z.string()),
  responseIds: z.array(z.string()),
  /** As the API reported it, of the whole request; null when it did not. */
  usage: z.record(z.string(), z.unknown()).nullable(),
  /** Of the whole request, US dollars; null when unknown. `doubtful` when usage may have been counted several times. */
  cost: z.object({ estimatedUsd: usd, actualUsd: usd, doubtful: z.literal(true).optional() }),
  picture: z.object({
    /** Relative to this file's folder. */
    path: z.string(),
    sha256: hash,
    bytes: z.number(),
    width: z.number(),
    height: z.number(),
  }),
});

export type Lineage = z.infer<typeof lineageSchema>;
export type LineageReference = z.infer<typeof reference>;

/** Everything in a lineage file, or null when the text is something else. */
export function parseLineage(text: string): Lineage | null {
  try {
    return lineageSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** @throws UserError `bad_lineage` naming what is wrong with the file */
export function parseLineageStrictly(text: string, file: string): Lineage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badLineage(file, messageOf(error));
  }
  const parsed = lineageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badLineage(file, `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'not valid'}`);
}

function badLineage(file: string, reason: string): UserError {
  return new UserError('bad_lineage', `${file} is not a lineage file (${reason}).`, {
    hint: 'Name a file that "curate comic" wrote beside a picture, such as picture.png.json.',
  });
}

/**
 * A path as a lineage file in `folder` writes it. What was given relative stays relative (to the lineage file), so that
 * no file tells where on this machine things lie unless the person said so.
 */
export function storedPath(file: string, given: 'absolute' | 'relative', folder: string): string {
  if (given === 'absolute') return file;
  const path = relative(folder, file);
  return isAbsolute(path) ? path : path.split(sep).join('/');
}

export function resolveStored(
  path: string,
  folder: string,
): { readonly file: string; readonly given: 'absolute' | 'relative' } {
  return { file: resolve(folder, path), given: isAbsolute(path) ? 'absolute' : 'relative' };
}

const { shape } = lineageSchema;

const failedSchema = z.object({
  schema: z.literal('curate.failed/1'),
  created: shape.created,
  /** Version of curate. */
  curate: shape.curate,
  verb: shape.verb,
  prompt: shape.prompt,
  text: shape.text,
  model: shape.model,
  endpoint: shape.endpoint,
  api: shape.api,
  conversationModel: shape.conversationModel,
  previousResponseId: shape.previousResponseId,
  parameters: shape.parameters,
  references: shape.references,
  parent: shape.parent,
  request: shape.request,
  requestIds: shape.requestIds,
  /** Why there is no picture. */
  error: z.object({ code: z.string(), message: z.string() }),
  /** What is known of its price. */
  billing: z.literal('may have been billed'),
  cost: shape.cost,
  /** Files beside this one that hold what arrived. */
  arrived: z.array(z.string()),
});

/** A request that was sent and brought no picture. */
export type FailedRequest = z.infer<typeof failedSchema>;

/** Everything in the record of a failed request, or null when the value is something else. */
export function parseFailedRequest(value: unknown): FailedRequest | null {
  return failedSchema.safeParse(value).data ?? null;
}
