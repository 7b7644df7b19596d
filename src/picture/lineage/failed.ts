import { z } from 'zod';
import { lineageSchema } from './lineage.ts';

const { shape } = lineageSchema;

const schema = z.object({
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
export type FailedRequest = z.infer<typeof schema>;

/** Everything in the record of a failed request, or null when the value is something else. */
export function parseFailedRequest(value: unknown): FailedRequest | null {
  return schema.safeParse(value).data ?? null;
}
