import { invalid, Refusal } from './refusal.ts';

/** What holds for the image model's parameters, in a form or in a tool. Values are as they came: text or JSON. */
export interface ImageParameters {
  readonly model: unknown;
  readonly size?: unknown;
  readonly quality?: unknown;
  readonly complexity?: unknown;
  readonly output_format?: unknown;
  readonly background?: unknown;
  readonly n?: unknown;
  readonly partial_images?: unknown;
  readonly input_fidelity?: unknown;
}

const LIVING = new Set([
  'gpt-image-2',
  'gpt-image-2-2026-04-21',
  'gpt-image-2.5-sunburst',
  'gpt-image-2.5-flare',
  'gpt-image-2.6-sunburst',
  'gpt-image-2.6-flare',
  'gpt-image-1.5',
  'gpt-image-1-mini',
  'chatgpt-image-latest',
]);

export interface Checked {
  readonly model: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly format: 'png' | 'jpeg' | 'webp';
  readonly n: number;
  readonly partialImages: number;
}

export function checkParameters(parameters: ImageParameters): Checked {
  const { model, size, quality, complexity, output_format, background, n, partial_images, input_fidelity } = parameters;
  if (typeof model !== 'string') throw invalid('model', 'The model must be named.', 'missing_required_parameter');
  if (!LIVING.has(model)) {
    const message = `The model '${model}' does not exist or you do not have access to it.`;
    throw new Refusal(404, { message, code: 'model_not_found' });
  }
  const isNewer = /^gpt-image-2\.[56]-/.test(model);
  oneOf('quality', quality, ['low', 'medium', 'high', 'auto', ...(isNewer ? ['xhigh', 'max'] : [])]);
  if (complexity !== undefined && !model.startsWith('gpt-image-2.6-')) {
    throw invalid('complexity', `complexity is not supported by ${model}.`, 'unsupported_parameter');
  }
  oneOf('complexity', complexity, ['low', 'medium', 'high']);
  oneOf('output_format', output_format, ['png', 'jpeg', 'webp']);
  oneOf('background', background, ['transparent', 'opaque', 'auto']);
  if (input_fidelity !== undefined && model.startsWith('gpt-image-2')) {
    throw invalid('input_fidelity', `input_fidelity is not supported by ${model}.`, 'unsupported_parameter');
  }
  if (background === 'transparent' && model.startsWith('gpt-image-2') && !model.startsWith('gpt-image-2.6-')) {
    throw invalid('background', `Transparent backgrounds are not supported by ${model}.`, 'unsupported_value');
  }
  return {
    model,
    size: checkSize(size),
    format: (output_format ?? 'png') as Checked['format'],
    n: whole('n', n, 1, 10, 1),
    partialImages: whole('partial_images', partial_images, 0, 3, 0),
  };
}

function checkSize(size: unknown): Checked['size'] {
  if (size === undefined || size === 'auto') return { width: 1024, height: 1024 };
  const match = typeof size === 'string' ? /^(\d+)x(\d+)$/.exec(size) : null;
  if (match === null) throw invalid('size', `Invalid size '${String(size)}'.`);
  const [width, height] = [Number(match[1]), Number(match[2])];
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  const right =
    width % 16 === 0 &&
    height % 16 === 0 &&
    long <= 3840 &&
    long <= 3 * short &&
    width * height >= 655_360 &&
    width * height <= 8_294_400;
  if (!right) throw invalid('size', `Invalid size '${size}'. It is not supported by this model.`);
  return { width, height };
}

function oneOf(param: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value as string)) return;
  throw invalid(param, `Invalid value: '${String(value)}'. Supported values are: ${allowed.join(', ')}.`);
}

function whole(param: string, value: unknown, min: number, max: number, fallback: number): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (Number.isInteger(number) && number >= min && number <= max && value !== '') return number;
  throw invalid(param, `Invalid value: '${String(value)}'. It must be an integer from ${min} to ${max}.`);
}

export function checkPrompt(prompt: unknown): string {
  if (typeof prompt !== 'string' || prompt === '') {
    throw invalid('prompt', "Missing required parameter: 'prompt'.", 'missing_required_parameter');
  }
  if ([...prompt].length > 32_000)
    throw invalid('prompt', 'The prompt is longer than 32000 characters.', 'string_above_max_length');
  return prompt;
}

const MAGIC: readonly (readonly [string, (bytes: Buffer) => boolean])[] = [
  ['image/jpeg', (bytes) => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['image/png', (bytes) => bytes.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n'],
  ['image/webp', (bytes) => bytes.subarray(0, 4).toString() === 'RIFF' && bytes.subarray(8, 12).toString() === 'WEBP'],
];

/** The declared type must be one the API takes, and the one that the first bytes tell. */
export function checkPicture(bytes: Buffer, type: string, param: string): void {
  const real = MAGIC.find(([, is]) => is(bytes))?.[0];
  if (!MAGIC.some(([known]) => known === type)) {
    const message = `Invalid file '${param}': unsupported mimetype ('${type}'). Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'.`;
    throw invalid(param, message, 'unsupported_file_mimetype');
  }
  if (real !== type) throw invalid(param, `The file is not a valid ${type}.`, 'invalid_image_file');
  if (bytes.length >= 50e6) throw new Refusal(413, { message: 'The file exceeds 50 MB.', code: 'image_too_large' });
}

export function checkCount(count: number): void {
  if (count < 1) throw invalid('image', "Missing required parameter: 'image'.", 'missing_required_parameter');
  if (count > 16) throw invalid('image', `Too many images: ${count}. The maximum is 16.`, 'too_many_images');
}
