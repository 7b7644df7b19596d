import type OpenAI from 'openai';
import { APIError } from 'openai';
import type {
  ResponseCreateParamsNonStreaming,
  ResponseInputContent,
  Tool,
} from 'openai/resources/responses/responses';
import { z } from 'zod';
import type { PictureReply, SendOptions, TurnRequest } from '../port.ts';
import { believable, passOn, type Reading, readEvents, readJson, usage } from './reply.ts';

interface Sending {
  readonly client: OpenAI;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** POST /responses with the image_generation tool; resolves with the raw response once its status is known to be good. */
export async function sendTurn(request: TurnRequest, { client, signal, timeoutMs }: Sending): Promise<Response> {
  const { model, conversationModel, previousResponseId, text, pictures, parameters } = request;
  const { size, quality, complexity, format, background, partialImages } = parameters;
  const content: ResponseInputContent[] = [
    { type: 'input_text', text },
    ...pictures.map(({ bytes }): ResponseInputContent => {
      return { type: 'input_image', detail: 'auto', image_url: `data:image/jpeg;base64,${base64(bytes)}` };
    }),
  ];
  const tool: Tool.ImageGeneration = {
    type: 'image_generation',
    action: 'edit',
    model,
    // The SDK lists three sizes and qualities, and no complexity; the API takes what the model takes.
    size: size as NonNullable<Tool.ImageGeneration['size']>,
    quality: quality as NonNullable<Tool.ImageGeneration['quality']>,
    ...(complexity === null ? {} : { complexity }),
    output_format: format,
    ...(background === null ? {} : { background }),
    ...(partialImages === null ? {} : { partial_images: partialImages }),
  };
  const body: ResponseCreateParamsNonStreaming = {
    model: conversationModel,
    input: [{ role: 'user', content }],
    tools: [tool],
    tool_choice: { type: 'image_generation' },
    // Kept by the server, or there would be nothing to continue from.
    store: true,
    ...(previousResponseId === null ? {} : { previous_response_id: previousResponseId }),
  };
  const options = { signal, timeout: timeoutMs, maxRetries: 0 };
  if (partialImages === null) return await client.responses.create(body, options).asResponse();
  return await client.responses.create({ ...body, stream: true }, options).asResponse();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

const item = z.looseObject({ type: z.string(), result: z.string().nullish() });
const reply = z.looseObject({
  id: z.string(),
  status: z.string().nullish(),
  output: z.array(item),
  usage,
  tool_usage: usage,
  error: z.looseObject({ code: z.string().nullish(), message: z.string() }).nullish(),
  incomplete_details: z.looseObject({ reason: z.string() }).nullish(),
});
const partialEvent = z.object({
  type: z.literal('response.image_generation_call.partial_image'),
  partial_image_b64: z.string(),
  partial_image_index: z.number(),
});
const itemEvent = z.object({ type: z.literal('response.output_item.done'), item });
const endEvent = z.object({
  type: z.enum(['response.completed', 'response.failed', 'response.incomplete']),
  response: z.unknown(),
});

type TurnReply = Omit<PictureReply, 'requestIds'>;

/** @throws IncompleteReply, APIError when the response itself reports an error */
export async function readTurn(response: Response, reading: Reading, options: SendOptions): Promise<TurnReply> {
  if (!response.headers.get('content-type')?.includes('text/event-stream')) {
    return finish(await readJson(response, reading), [], response, reading);
  }
  const items: z.infer<typeof item>[] = [];
  let end: unknown;
  try {
    end = await readToEnd(response, items, reading, options);
  } catch (error) {
    // A picture that was finished before the stream broke off is as good as any; only the conversation is lost.
    const finished = picturesIn(items);
    if (finished.length === 0) throw error;
    return { ...(await believable(finished, 1, reading)), usage: null, isUsageDoubtful: false, responseId: null };
  }
  return finish(end, items, response, reading);
}

/** The closing response of a stream. @param items takes what is finished on the way */
async function readToEnd(
  response: Response,
  items: z.infer<typeof item>[],
  reading: Reading,
  options: SendOptions,
): Promise<unknown> {
  for await (const event of readEvents(response, reading)) {
    const partial = partialEvent.safeParse(event);
    if (partial.success)
      await passOn(partial.data.partial_image_b64, partial.data.partial_image_index, reading, options);
    const done = itemEvent.safeParse(event);
    if (done.success) items.push(done.data.item);
    const end = endEvent.safeParse(event);
    if (end.success) return end.data.response;
  }
  throw reading.broken('cut_stream', 'The stream ended without the finished picture.');
}

function picturesIn(items: readonly z.infer<typeof item>[]): string[] {
  const pictures = items.flatMap(({ type, result }) =>
    type === 'image_generation_call' && typeof result === 'string' ? [result] : [],
  );
  // An item may stand in an event and in the closing response.
  return [...new Set(pictures)];
}

/** @param items finished output items that came as events, should the closing response leave them out */
async function finish(
  body: unknown,
  items: readonly z.infer<typeof item>[],
  response: Response,
  reading: Reading,
): Promise<TurnReply> {
  const parsed = reply.safeParse(body);
  if (!parsed.success) {
    reading.text(JSON.stringify(body), 'json');
    throw reading.broken('no_picture', 'The reply holds no picture.', parsed.error);
  }
  const { id, status, output, usage: used, tool_usage, error, incomplete_details } = parsed.data;
  const pictures = picturesIn([...output, ...items]);
  if (error != null) throw new APIError(undefined, error, undefined, response.headers);
  if (status === 'incomplete' || status === 'failed') {
    for (const picture of pictures) reading.picture(picture);
    throw reading.broken(
      'incomplete',
      `The model stopped before it was done (${incomplete_details?.reason ?? status}).`,
    );
  }
  if (pictures.length === 0) {
    reading.text(JSON.stringify(body), 'json');
    throw reading.broken('no_picture', `No picture came back, only words${inWords([...output, ...items])}.`);
  }
  const whole = await believable(pictures, 1, reading);
  const tools = tool_usage === null ? {} : { tool_usage };
  const all = used === null ? null : { ...used, ...tools };
  return { ...whole, usage: all, isUsageDoubtful: false, responseId: id };
}

/** Of the words that are shown; all of them are kept. */
const LONGEST_WORDS = 1000;
const message = z.object({ content: z.array(z.looseObject({ text: z.string() })) });

/** The conversation's model may answer in words instead of calling the image model. */
function inWords(output: readonly unknown[]): string {
  const said = output.flatMap((part) => message.safeParse(part).data?.content.map(({ text }) => text) ?? []);
  const words = [...new Set(said)].join(' ').trim();
  if (words === '') return '';
  return `: "${words.length > LONGEST_WORDS ? `${words.slice(0, LONGEST_WORDS)}…` : words}"`;
}
