import { z } from 'zod';
import { invalid, Refusal } from './refusal.ts';
import { type Checked, checkCount, checkParameters, checkPicture } from './rules.ts';

const content = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('input_text'), text: z.string().min(1) }),
  z.strictObject({
    type: z.literal('input_image'),
    detail: z.enum(['low', 'high', 'auto', 'original']).optional(),
    image_url: z.string().max(20_971_520),
  }),
]);

/** The part of CreateResponse (OpenAPI document 2.3.0) that has to do with pictures; anything else is refused. */
const body = z.strictObject({
  model: z.string().min(1),
  input: z
    .array(
      z.strictObject({
        role: z.literal('user'),
        type: z.literal('message').optional(),
        content: z.array(content).min(1),
      }),
    )
    .min(1),
  tools: z.array(
    z.strictObject({
      type: z.literal('image_generation'),
      action: z.enum(['generate', 'edit', 'auto']).optional(),
      model: z.string(),
      size: z.string().optional(),
      quality: z.string().optional(),
      complexity: z.string().optional(),
      output_format: z.string().optional(),
      output_compression: z.number().optional(),
      background: z.string().optional(),
      moderation: z.string().optional(),
      input_fidelity: z.string().optional(),
      partial_images: z.number().optional(),
    }),
  ),
  tool_choice: z.strictObject({ type: z.literal('image_generation') }).optional(),
  previous_response_id: z.string().optional(),
  store: z.boolean().optional(),
  stream: z.boolean().optional(),
});

export type Turn = z.infer<typeof body>;

export interface CheckedTurn extends Checked {
  readonly stream: boolean;
  readonly conversationModel: string;
  readonly images: readonly Buffer[];
}

/** @param remembered ids of responses that can be gone on from */
export function checkTurn(json: unknown, remembered: ReadonlySet<string>): CheckedTurn {
  const parsed = body.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const unknown = issue?.code === 'unrecognized_keys';
    const path = [...(issue?.path ?? []), ...(unknown ? issue.keys : [])].join('.');
    throw invalid(
      path,
      `${unknown ? 'Unknown parameter' : 'Invalid value'}: '${path}'. ${issue?.message}`,
      unknown ? 'unknown_parameter' : 'invalid_value',
    );
  }
  const { model: conversationModel, input, tools, previous_response_id: previous, stream } = parsed.data;
  if (conversationModel.includes('image')) {
    throw new Refusal(400, {
      message: `The model '${conversationModel}' cannot lead a conversation.`,
      code: 'invalid_value',
      param: 'model',
    });
  }
  const [tool] = tools;
  if (tool === undefined) throw invalid('tools', 'No tool makes pictures.');
  if (previous !== undefined && !remembered.has(previous)) {
    const message = `Previous response with id '${previous}' not found.`;
    throw new Refusal(400, { message, param: 'previous_response_id', code: 'previous_response_not_found' });
  }
  const images = input
    .flatMap((message) => message.content)
    .flatMap((part) => (part.type === 'input_image' ? [picture(part.image_url)] : []));
  if (previous === undefined) checkCount(images.length);
  return { ...checkParameters(tool), stream: stream ?? false, conversationModel, images };
}

function picture(url: string): Buffer {
  const match = /^data:([^;,]+);base64,([A-Za-z0-9+/]+={0,2})$/.exec(url);
  if (match === null) throw invalid('image_url', 'The image is not a valid base64 data URL.', 'invalid_image_url');
  const bytes = Buffer.from(match[2] ?? '', 'base64');
  checkPicture(bytes, match[1] ?? '', 'image_url');
  return bytes;
}
