import { z } from 'zod';
import type { ConversationPrices, ImageModelEntry } from '../image-models/image-models.ts';
import { parseSize } from '../image-models/size.ts';
import type { Quality } from '../port.ts';

/** What a request will cost, as far as it can be known before. */
export interface Estimate {
  readonly textTokens: number;
  readonly imageTokens: number;
  /** Null when the table cannot say. */
  readonly outputTokens: number | null;
  /** US dollars; null when a part is unknown. */
  readonly usd: number | null;
  /** Why `usd` is null, as a clause. */
  readonly unknown: string | null;
  /** The output tokens are those that one's own replies reported: no price list has them. */
  readonly fromReplies?: true;
}

export interface EstimateRequest {
  readonly model: ImageModelEntry | null;
  readonly text: string;
  /** Tokens of each picture that is sent. */
  readonly references: readonly number[];
  readonly size: string;
  readonly quality: Quality;
  readonly n: number;
  readonly partialImages: number;
  /** Output tokens of one picture as earlier replies reported them, where the table does not say. */
  readonly seenTokens?: (quality: Quality) => number | null;
  /** Tokens of pictures that are not sent, but read again because they stand in the conversation. */
  readonly rememberedTokens?: number;
  /** The model that leads the conversation, where there is one. */
  readonly conversation?: { readonly id: string; readonly prices: ConversationPrices | null } | null;
}

/** What the leading model says around the picture, at the most. */
const WORDS_AROUND = 1000;

const PATCH = 32;
const MOST_PATCHES = 1536;

/** Tokens of an input picture: one per 32-pixel patch, at most 1,536. */
export function imageTokens(width: number, height: number): number {
  return Math.min(MOST_PATCHES, Math.ceil(width / PATCH) * Math.ceil(height / PATCH));
}

/** About how many tokens a text has: four bytes each, which holds for prose within a fifth. */
function textTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

export function estimate(request: EstimateRequest): Estimate {
  const { model, text, references, n, partialImages, rememberedTokens = 0, conversation = null } = request;
  const tokens = {
    textTokens: textTokens(text),
    imageTokens: references.reduce((sum, each) => sum + each, rememberedTokens),
  };
  const listed = model === null ? null : outputTokens(model, request.size, request.quality);
  const each = listed ?? request.seenTokens?.(request.quality) ?? null;
  const fromReplies = listed === null && each !== null ? ({ fromReplies: true } as const) : {};
  const outputs = each === null ? null : n * (each + partialImages * (model?.outputTokens?.partial ?? 0));
  const unknown = whatIsUnknown(request, outputs);
  const prices = model?.usdPerMillion ?? null;
  if (unknown !== null || prices === null || outputs === null) {
    return { ...tokens, outputTokens: outputs, usd: null, unknown, ...fromReplies };
  }
  const { textIn, textOut } = conversation?.prices ?? { textIn: 0, textOut: 0 };
  const millionths =
    tokens.textTokens * prices.textIn +
    tokens.imageTokens * prices.imageIn +
    outputs * prices.imageOut +
    (tokens.textTokens + tokens.imageTokens) * textIn +
    WORDS_AROUND * textOut;
  return { ...tokens, outputTokens: outputs, usd: round(millionths / 1e6), unknown: null, ...fromReplies };
}

/**
 * Tokens of one picture made by gpt-image-2: a grid of `factor` patches along the long side, weighed by the area.
 * Agrees with the published prices of 1024x1024 (0.006, 0.053 and 0.211 USD).
 */
function outputTokens(model: ImageModelEntry, size: string, quality: Quality): number | null {
  const pixels = parseSize(size);
  const table = model.outputTokens;
  if (pixels === null || table === null) return null;
  const factor = quality === 'auto' ? undefined : table.factors[quality];
  if (factor === undefined) return null;
  const long = Math.max(pixels.width, pixels.height);
  const short = Math.min(pixels.width, pixels.height);
  const across = Math.round((factor * short) / long);
  return Math.ceil((factor * across * (table.areaOffset + long * short)) / table.areaScale);
}

function whatIsUnknown({ model, size, quality, conversation }: EstimateRequest, outputs: number | null): string | null {
  if (model === null) return 'the model is not in the price table';
  if (model.usdPerMillion === null) return `the price table has no prices for ${model.id}`;
  if (conversation != null && conversation.prices === null)
    return `the price table has no prices for ${conversation.id}`;
  if (outputs !== null) return null;
  if (size === 'auto') return 'the size is left to the model';
  if (quality === 'auto') return 'the quality is left to the model';
  return `how many tokens a picture of ${model.id} takes is not published`;
}

const tokens = z.number().nonnegative();
const imagesUsage = z.object({
  output_tokens: tokens,
  input_tokens_details: z.object({ text_tokens: tokens, image_tokens: tokens }),
});
const conversationUsage = z.object({
  input_tokens: tokens,
  output_tokens: tokens,
  tool_usage: z.object({ image_gen: imagesUsage }),
});

interface Prices {
  readonly model: ImageModelEntry | null;
  /** Of the model that leads the conversation; null where there is none in the table. */
  readonly conversation: ConversationPrices | null;
}

/** What the reply's own usage comes to, in US dollars; null when the usage or the table has no answer. */
export function actualCost(usage: unknown, { model, conversation }: Prices): number | null {
  const prices = model?.usdPerMillion ?? null;
  if (prices === null) return null;
  const picture = (part: z.infer<typeof imagesUsage>): number =>
    part.input_tokens_details.text_tokens * prices.textIn +
    part.input_tokens_details.image_tokens * prices.imageIn +
    part.output_tokens * prices.imageOut;
  const talk = conversationUsage.safeParse(usage);
  if (talk.success) {
    if (conversation === null) return null;
    const { input_tokens, output_tokens, tool_usage } = talk.data;
    const text = input_tokens * conversation.textIn + output_tokens * conversation.textOut;
    return round((text + picture(tool_usage.image_gen)) / 1e6);
  }
  const plain = imagesUsage.safeParse(usage);
  return plain.success ? round(picture(plain.data) / 1e6) : null;
}

/** Output tokens of all pictures of a reply, by its usage; null when that does not say. */
export function outputTokensOf(usage: unknown): number | null {
  const talk = conversationUsage.safeParse(usage);
  if (talk.success) return talk.data.tool_usage.image_gen.output_tokens;
  const plain = imagesUsage.safeParse(usage);
  return plain.success ? plain.data.output_tokens : null;
}

/** To a millionth of a dollar: a tenth of a token. */
function round(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
