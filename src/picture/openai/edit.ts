import { isDeepStrictEqual } from 'node:util';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import type { ImageEditParams } from 'openai/resources/images';
import { z } from 'zod';
import type { PictureReply, PictureRequest, SendOptions } from '../port.ts';
import { believable, passOn, type Reading, readEvents, readJson, usage } from './reply.ts';

interface Sending {
  readonly client: OpenAI;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** POST /images/edits as multipart/form-data; resolves with the raw response once its status is known to be good. */
export async function sendEdit(request: PictureRequest, { client, signal, timeoutMs }: Sending): Promise<Response> {
  const { model, text, pictures, parameters } = request;
  const { size, quality, complexity, n, format, background, partialImages } = parameters;
  // A Buffer would be sent as one field per byte, a Blob without a type: the SDK wants files.
  const image = await Promise.all(pictures.map(({ bytes, name }) => toFile(bytes, name, { type: 'image/jpeg' })));
  const body = {
    model,
    prompt: text,
    image,
    size,
    // The SDK lists the qualities of older models, and no complexity.
    quality: quality as NonNullable<ImageEditParams['quality']>,
    ...(complexity === null ? {} : { complexity }),
    n,
    output_format: format,
    ...(background === null ? {} : { background }),
  };
  const options = { signal, timeout: timeoutMs, maxRetries: 0 };
  if (partialImages === null) return await client.images.edit(body, options).asResponse();
  return await client.images.edit({ ...body, stream: true, partial_images: partialImages }, options).asResponse();
}

/** Of several pictures one may be missing; the others are none the worse for it. */
const reply = z.object({
  data: z
    .array(z.object({ b64_json: z.string() }).nullable().catch(null))
    .transform((entries) => entries.flatMap((entry) => (entry === null ? [] : [entry.b64_json])))
    .refine((pictures) => pictures.length > 0),
  usage,
});
const partialEvent = z.object({
  type: z.enum(['image_edit.partial_image', 'image_generation.partial_image']),
  b64_json: z.string(),
  partial_image_index: z.number(),
});
const completedEvent = z.object({
  type: z.enum(['image_edit.completed', 'image_generation.completed']),
  b64_json: z.string(),
  usage,
});

type EditReply = Omit<PictureReply, 'responseId' | 'requestIds'>;

/** @throws IncompleteReply */
export async function readEdit(
  response: Response,
  { n }: PictureRequest['parameters'],
  reading: Reading,
  options: SendOptions,
): Promise<EditReply> {
  // Some servers do not stream although they were asked to.
  if (response.headers.get('content-type')?.includes('text/event-stream')) {
    return readEditStream(response, n, reading, options);
  }
  const body = await readJson(response, reading);
  const parsed = reply.safeParse(body);
  if (!parsed.success) {
    reading.text(JSON.stringify(body), 'json');
    throw reading.broken('no_picture', 'The reply holds no picture.', parsed.error);
  }
  const { data, usage: used } = parsed.data;
  return { ...(await believable(data, n, reading)), usage: used, isUsageDoubtful: false };
}

async function readEditStream(
  response: Response,
  n: number,
  reading: Reading,
  options: SendOptions,
): Promise<EditReply> {
  const finished: string[] = [];
  const usages: unknown[] = [];
  try {
    for await (const event of readEvents(response, reading)) {
      const partial = partialEvent.safeParse(event);
      if (partial.success) await passOn(partial.data.b64_json, partial.data.partial_image_index, reading, options);
      const completed = completedEvent.safeParse(event);
      if (!completed.success) continue;
      finished.push(completed.data.b64_json);
      usages.push(completed.data.usage);
    }
  } catch (error) {
    // Pictures that were finished before the stream broke off are as good as any.
    if (finished.length === 0) throw error;
  }
  if (finished.length === 0) {
    throw reading.broken('cut_stream', 'The stream ended without the finished picture.');
  }
  const [first] = usages;
  return {
    ...(await believable(finished, n, reading)),
    usage: usages.length === 1 ? first : sum(usages),
    // Nothing says whether an event tells of its own picture or of all: the same in each may be either.
    isUsageDoubtful: usages.length > 1 && first != null && usages.every((other) => isDeepStrictEqual(other, first)),
  };
}

const countable = z.object({
  total_tokens: z.number(),
  input_tokens: z.number(),
  output_tokens: z.number(),
  input_tokens_details: z.object({ text_tokens: z.number(), image_tokens: z.number() }),
});

/** One usage for several pictures of a stream; null when one of them reported none. */
function sum(usages: readonly unknown[]): z.infer<typeof countable> | null {
  const total = { text: 0, image: 0, output: 0 };
  for (const usage of usages) {
    const parsed = countable.safeParse(usage);
    if (!parsed.success) return null;
    total.text += parsed.data.input_tokens_details.text_tokens;
    total.image += parsed.data.input_tokens_details.image_tokens;
    total.output += parsed.data.output_tokens;
  }
  const input = total.text + total.image;
  return {
    total_tokens: input + total.output,
    input_tokens: input,
    output_tokens: total.output,
    input_tokens_details: { text_tokens: total.text, image_tokens: total.image },
  };
}
