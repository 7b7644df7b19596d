import type { IncomingMessage } from 'node:http';
import busboy from 'busboy';
import { invalid } from './refusal.ts';
import { type Checked, checkCount, checkParameters, checkPicture, checkPrompt } from './rules.ts';

/** A file part as it came. */
export interface Part {
  readonly name: string;
  readonly filename: string;
  readonly type: string;
  readonly bytes: Buffer;
}

export interface Form {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly parts: readonly Part[];
}

export function readForm(request: IncomingMessage): Promise<Form> {
  return new Promise((resolve, reject) => {
    const fields: [string, string][] = [];
    const parts: Part[] = [];
    let parser: ReturnType<typeof busboy>;
    try {
      parser = busboy({ headers: request.headers, limits: { fieldSize: 10e6 } });
    } catch {
      reject(invalid('body', 'The body is not multipart/form-data.', 'invalid_body'));
      return;
    }
    parser.on('field', (name, value) => fields.push([name, value]));
    parser.on('file', (name, stream, { filename, mimeType }) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () =>
        parts.push({ name, filename: filename ?? '', type: mimeType, bytes: Buffer.concat(chunks) }),
      );
    });
    parser.on('close', () => resolve({ fields, parts }));
    parser.on('error', () => reject(invalid('body', 'The form is malformed.', 'invalid_body')));
    request.pipe(parser);
  });
}

/** Scalars that POST /images/edits takes as multipart/form-data for the gpt-image models (OpenAPI document 2.3.0). */
const SCALARS = new Set([
  'prompt',
  'background',
  'model',
  'n',
  'size',
  'output_format',
  'output_compression',
  'user',
  'input_fidelity',
  'stream',
  'partial_images',
  'quality',
  'complexity',
]);

export function checkForm({ fields, parts }: Form): Checked & { readonly stream: boolean } {
  const values: Record<string, string> = {};
  for (const [name, value] of fields) {
    if (/^image(\[\d*\])?$/.test(name))
      throw invalid('image', `Invalid type for '${name}': expected a file.`, 'invalid_type');
    if (!SCALARS.has(name)) throw invalid(name, `Unknown parameter: '${name}'.`, 'unknown_parameter');
    if (name in values) throw invalid(name, `'${name}' was given more than once.`, 'duplicate_parameter');
    values[name] = value;
  }
  const images = parts.filter(({ name }) => name === 'image' || name === 'image[]');
  for (const { name } of parts) {
    if (name !== 'image' && name !== 'image[]')
      throw invalid(name, `Unknown parameter: '${name}'.`, 'unknown_parameter');
  }
  if (images.length > 1 && images.some(({ name }) => name === 'image')) {
    throw invalid('image', "Duplicate parameter: 'image'. Use 'image[]' for several.", 'duplicate_parameter');
  }
  checkCount(images.length);
  for (const { bytes, type } of images) checkPicture(bytes, type, 'image');
  checkPrompt(values.prompt);
  const stream = values.stream ?? 'false';
  if (!['true', 'false'].includes(stream)) throw invalid('stream', `Invalid value: '${stream}'.`);
  const checked = checkParameters({ model: undefined, ...values });
  if (checked.partialImages > 0 && stream !== 'true')
    throw invalid('partial_images', "'partial_images' needs 'stream'.");
  return { ...checked, stream: stream === 'true' };
}
