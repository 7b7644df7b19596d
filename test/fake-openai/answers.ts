import sharp from 'sharp';
import type { Checked } from './rules.ts';
import type { CheckedTurn } from './turns.ts';

/** A plain picture of the size and format asked for; its colour tells the requests of a test apart. */
export async function paint({ size, format }: Checked, serial: number): Promise<Buffer> {
  const background = { r: (serial * 67) % 256, g: (serial * 131) % 256, b: (serial * 29) % 256 };
  return sharp({ create: { ...size, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}

export function usageOf(images: number, pictures: number): Record<string, unknown> {
  const input = { text_tokens: 100, image_tokens: 1000 * images };
  const output_tokens = 1756 * pictures;
  const input_tokens = input.text_tokens + input.image_tokens;
  return { total_tokens: input_tokens + output_tokens, input_tokens, output_tokens, input_tokens_details: input };
}

export function editReply(pictures: readonly Buffer[], images: number): Record<string, unknown> {
  return {
    created: 1_795_000_000,
    data: pictures.map((picture) => ({ b64_json: picture.toString('base64') })),
    usage: usageOf(images, pictures.length),
  };
}

type ServerEvent = Record<string, unknown> & { readonly type: string };

export function editEvents(partials: readonly Buffer[], pictures: readonly Buffer[], images: number): ServerEvent[] {
  const common = {
    created_at: 1_795_000_000,
    size: '1024x1024',
    quality: 'medium',
    background: 'opaque',
    output_format: 'png',
  };
  return [
    ...partials.map((picture, index) => ({
      type: 'image_edit.partial_image',
      b64_json: picture.toString('base64'),
      partial_image_index: index,
      ...common,
    })),
    ...pictures.map((picture) => ({
      type: 'image_edit.completed',
      b64_json: picture.toString('base64'),
      ...common,
      usage: usageOf(images, 1),
    })),
  ];
}

export function turnReply(id: string, picture: Buffer | null, turn: CheckedTurn): Record<string, unknown> {
  const call = {
    type: 'image_generation_call',
    id: `ig_${id}`,
    status: 'completed',
    result: picture?.toString('base64') ?? null,
  };
  const words = {
    type: 'message',
    id: `msg_${id}`,
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'I would rather talk.', annotations: [] }],
  };
  return {
    id,
    object: 'response',
    created_at: 1_795_000_000,
    status: 'completed',
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: turn.conversationModel,
    output: [picture === null ? words : call],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage: {
      input_tokens: 2000,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: 50,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 2050,
    },
    tool_usage: { image_gen: usageOf(turn.images.length, 1) },
  };
}

export function turnEvents(partials: readonly Buffer[], reply: Record<string, unknown>): ServerEvent[] {
  return [
    { type: 'response.created', sequence_number: 0, response: { ...reply, status: 'in_progress', output: [] } },
    ...partials.map((picture, index) => ({
      type: 'response.image_generation_call.partial_image',
      output_index: 0,
      item_id: 'ig',
      sequence_number: index + 1,
      partial_image_index: index,
      partial_image_b64: picture.toString('base64'),
    })),
    ...(reply.output as readonly unknown[]).map((item, output_index) => {
      return { type: 'response.output_item.done', output_index, sequence_number: 8, item };
    }),
    { type: 'response.completed', sequence_number: 9, response: reply },
  ];
}
