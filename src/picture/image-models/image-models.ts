import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import { COMPLEXITIES, QUALITIES } from '../port.ts';
import type { SizeRule } from './size.ts';

const day = z.iso.date();
const size = z.discriminatedUnion('rule', [
  z.strictObject({
    rule: z.literal('flexible'),
    multipleOf: z.number(),
    maxRatio: z.number(),
    minPixels: z.number(),
    maxPixels: z.number(),
    maxSide: z.number(),
  }),
  z.strictObject({ rule: z.literal('fixed'), sizes: z.array(z.string()) }),
]) satisfies z.ZodType<SizeRule>;

const entry = z.strictObject({
  id: z.string(),
  /** Dated names of the same model. */
  snapshots: z.array(z.string()),
  since: day,
  /** The day from which requests are refused. */
  ends: day.nullable(),
  successor: z.string().nullable(),
  size,
  /** Besides `auto`. */
  qualities: z.array(z.enum(QUALITIES)),
  /** How much it thinks a picture through; null when it has no such parameter. */
  complexity: z.array(z.enum(COMPLEXITIES)).nullable(),
  /** Whether it makes transparent backgrounds; null when that is not known. */
  transparent: z.boolean().nullable(),
  usdPerMillion: z.strictObject({ textIn: z.number(), imageIn: z.number(), imageOut: z.number() }).nullable(),
  /** How many tokens a picture takes; see `cost.ts`. */
  outputTokens: z
    .strictObject({
      factors: z.partialRecord(z.enum(QUALITIES), z.number()),
      areaOffset: z.number(),
      areaScale: z.number(),
      /** Added for each partial picture of a stream. */
      partial: z.number(),
    })
    .nullable(),
});

/** In US dollars per million tokens. */
const conversationPricesSchema = z.strictObject({ textIn: z.number(), textOut: z.number() });

const schema = z.strictObject({
  asOf: day,
  source: z.string(),
  default: z.string(),
  conversationDefault: z.string(),
  models: z.array(entry),
  conversationModels: z.array(
    z.strictObject({
      id: z.string(),
      usdPerMillion: conversationPricesSchema,
    }),
  ),
});

export type ImageModelEntry = z.infer<typeof entry>;
export type ConversationPrices = z.infer<typeof conversationPricesSchema>;
export type ImageModelTable = z.infer<typeof schema>;

/** The dated table of image models and prices. */
export async function readImageModels(): Promise<ImageModelTable> {
  const file = new URL('../../../models/image-models.json', import.meta.url);
  return schema.parse(JSON.parse(await readFile(file, 'utf8')));
}

/** What the model that leads a conversation costs; null when the table does not know it. */
export function conversationPrices(table: ImageModelTable, id: string): ConversationPrices | null {
  return table.conversationModels.find((model) => model.id === id)?.usdPerMillion ?? null;
}

export interface ChosenModel {
  /** As it is sent. */
  readonly id: string;
  /** Null when the table does not know it: a newer model, or another server's. */
  readonly entry: ImageModelEntry | null;
  /** Something to say before it is used. */
  readonly notice: string | null;
}

/** OpenAI's models for text: "GPT-4o image generation" is done by the gpt-image models. */
const TEXT_MODEL = /^(gpt-\d|chatgpt-\d|o\d)/i;

/**
 * Finds the model to ask. @throws UserError `model_gone` for one that has ended by `now`, naming its successor, and
 * `not_an_image_model`.
 * @param named by the person, who then asked wrongly; else it is of a picture that was made
 */
export function chooseModel(table: ImageModelTable, wanted: string | undefined, now: Date, named = true): ChosenModel {
  const id = wanted ?? table.default;
  const kind = named ? 'usage' : 'failed';
  const found = table.models.find((model) => model.id === id || model.snapshots.includes(id)) ?? null;
  if (found === null) {
    if (TEXT_MODEL.test(id)) {
      throw new UserError('not_an_image_model', `${id} does not make pictures itself; OpenAI's gpt-image models do.`, {
        kind,
        hint: `Use --image-model ${table.default}.`,
      });
    }
    return { id, entry: null, notice: `The model ${id} is not in the table of ${table.asOf}: its cost is unknown.` };
  }
  const successor = living(table, found.successor, now);
  const today = now.toISOString().slice(0, 10);
  if (found.ends !== null && found.ends <= today) {
    throw new UserError('model_gone', `The model ${id} ended on ${found.ends}.`, {
      kind,
      hint: `Make a new picture by its successor: curate comic or refine, --image-model ${successor}`,
    });
  }
  const notice = found.ends === null ? null : `The model ${id} ends on ${found.ends}; its successor is ${successor}.`;
  return { id, entry: found, notice };
}

/** The successor that still lives; successors end, too. */
function living(table: ImageModelTable, successor: string | null, now: Date): string {
  const today = now.toISOString().slice(0, 10);
  let id = successor ?? table.default;
  for (let i = 0; i < table.models.length; i += 1) {
    const next = table.models.find((model) => model.id === id);
    if (next === undefined || next.ends === null || next.ends > today || next.successor === null) return id;
    id = next.successor;
  }
  return table.default;
}
