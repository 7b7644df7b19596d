import OpenAI, { APIError } from 'openai';
import { Stream } from 'openai/core/streaming';
import { z } from 'zod';
import type { SendOptions } from '../port.ts';
import { type Arrived, IncompleteReply, redact } from './incomplete.ts';
import { decodeReturned, formatOf } from './returned.ts';

/** What a reply says that it used. Strange usage is no reason to lose a picture: it counts as none. */
export const usage = z.looseObject({}).nullable().catch(null);

/** What was read of a reply so far; kept when the rest does not come. */
export class Reading {
  readonly arrived: Arrived[] = [];
  readonly #secrets: readonly string[];

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  picture(base64: string): Uint8Array {
    // Some servers put the picture into a data URL.
    const bytes = Buffer.from(base64.replace(/^data:[^,]*,/, ''), 'base64');
    this.arrived.push({ ending: formatOf(bytes) ?? 'bin', bytes });
    return bytes;
  }

  text(text: string, ending: string): void {
    this.arrived.push({ ending, bytes: Buffer.from(redact(text, this.#secrets)) });
  }

  broken(code: string, message: string, cause?: unknown): IncompleteReply {
    return new IncompleteReply(code, message, this.arrived, cause);
  }
}

/** The whole body as JSON. @throws IncompleteReply */
export async function readJson(response: Response, reading: Reading): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch (cause) {
    reading.text(text, 'txt');
    throw reading.broken('cut_stream', 'The connection broke before the reply was whole.', cause);
  }
  try {
    const body: unknown = JSON.parse(text);
    throwIfError(body, response);
    return body;
  } catch (cause) {
    if (cause instanceof APIError) throw cause;
    const html = /^\s*<(!doctype|html)/i.test(text);
    reading.text(text, html ? 'html' : 'txt');
    const what = html ? 'a web page' : text.trim() === '' ? 'nothing' : 'something that is not JSON';
    throw reading.broken('not_json', `The server answered with ${what} instead of a picture.`, cause);
  }
}

/** Some servers report an error under status 200. */
function throwIfError(body: unknown, response: Response): void {
  const parsed = z.object({ error: z.looseObject({ message: z.string() }) }).safeParse(body);
  if (!parsed.success) return;
  throw new APIError(response.status, parsed.data.error, undefined, response.headers);
}

/**
 * Every event of a stream, in order. A stream that was cut just ends: whoever reads it must demand its last event.
 * @throws IncompleteReply, APIError for an error event
 */
export async function* readEvents(response: Response, reading: Reading): AsyncGenerator<unknown> {
  const stream = Stream.fromSSEResponse<unknown>(response, new AbortController(), silent());
  const iterator = stream[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<unknown>;
    try {
      next = await iterator.next();
    } catch (cause) {
      if (cause instanceof APIError) throw cause;
      throw reading.broken('cut_stream', 'The stream broke off before the picture was whole.', cause);
    }
    if (next.done) return;
    const failure = z
      .object({ type: z.literal('error'), message: z.string() })
      .loose()
      .safeParse(next.value);
    if (failure.success) throw new APIError(undefined, failure.data, undefined, response.headers);
    yield next.value;
  }
}

/** The stream logs what it cannot parse, through the client it is given: on no account to the console. */
function silent(): OpenAI {
  return new OpenAI({ apiKey: '-', adminAPIKey: null, organization: null, project: null, logLevel: 'off' });
}

/** The pictures, decoded to the last pixel. @throws IncompleteReply when there are too few or one is damaged */
export async function believable(
  base64: readonly string[],
  wanted: number,
  reading: Reading,
): Promise<readonly Uint8Array[]> {
  const pictures = base64.map((text) => reading.picture(text));
  for (const bytes of pictures) {
    const decoded = await decodeReturned(bytes);
    if ('fault' in decoded)
      throw reading.broken('bad_picture', `The picture that came back is damaged: ${decoded.fault}.`);
  }
  if (pictures.length < wanted) {
    throw reading.broken('cut_stream', `Only ${pictures.length} of ${wanted} pictures came back.`);
  }
  return pictures;
}

/** Hands a picture in the making on, and keeps it. */
export async function passOn(base64: string, index: number, reading: Reading, options: SendOptions): Promise<void> {
  await options.onPartial(reading.picture(base64), index);
}
