import { createParser } from 'eventsource-parser';
import { APIError } from 'openai';
import { z } from 'zod';
import type { PictureReply, SendOptions } from '../port.ts';
import { type Arrived, IncompleteReply, redact } from './incomplete.ts';
import { decodeReturned, formatOf } from './returned.ts';

/** What a reply says that it used. Strange usage is no reason to lose a picture: it counts as none. */
export const usage = z.looseObject({}).nullable().catch(null);

/** What was read of a reply so far; kept when the rest does not come. */
export class Reading {
  readonly arrived: Arrived[] = [];
  /** Of the reply being read. */
  requestIds: readonly string[] = [];
  readonly #secrets: readonly string[];

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  picture(base64: string): Arrived {
    // Some servers put the picture into a data URL.
    const bytes = Buffer.from(base64.replace(/^data:[^,]*,/, ''), 'base64');
    const picture = { ending: formatOf(bytes) ?? 'bin', bytes };
    this.arrived.push(picture);
    return picture;
  }

  text(text: string, ending: string): void {
    this.arrived.push({ ending, bytes: Buffer.from(redact(text, this.#secrets)) });
  }

  broken(code: string, message: string, cause?: unknown): IncompleteReply {
    const { arrived, requestIds } = this;
    return new IncompleteReply(code, redact(message, this.#secrets), { arrived, requestIds, cause });
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
  const iterator = dataOf(response);
  for (;;) {
    let event: unknown;
    try {
      const next = await iterator.next();
      if (next.done) return;
      event = JSON.parse(next.value);
    } catch (cause) {
      throw reading.broken('cut_stream', 'The stream broke off before the picture was whole.', cause);
    }
    throwIfError(event, response);
    const failure = errorEvent.safeParse(event);
    if (failure.success) throw new APIError(undefined, failure.data, undefined, response.headers);
    yield event;
  }
}

const errorEvent = z.looseObject({ type: z.literal('error'), message: z.string() });

/**
 * What stands behind `data:`, event by event. Not by the SDK's own stream, which looks through all that it holds at
 * every chunk: the time it takes grows with the square of a picture's size.
 */
async function* dataOf(response: Response): AsyncGenerator<string> {
  const complete: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => complete.push(data) });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* meant(complete);
  }
  // The empty line behind the last event may be missing; whether the event is whole its JSON tells.
  parser.feed(`${decoder.decode()}\n\n`);
  yield* meant(complete);
}

/** Takes the events that are there, but for the mark at the end of some servers' streams. */
function meant(complete: string[]): string[] {
  return complete.splice(0).filter((data) => !data.startsWith('[DONE]'));
}

/**
 * The pictures that decode to the last pixel, and what is missing of those that were asked for.
 * @throws IncompleteReply when there is none
 */
export async function believable(
  base64: readonly string[],
  wanted: number,
  reading: Reading,
): Promise<Pick<PictureReply, 'pictures' | 'shortfall'>> {
  const pictures: Uint8Array[] = [];
  const damaged: Arrived[] = [];
  let fault = 'it is not there';
  for (const text of base64) {
    const picture = reading.picture(text);
    const decoded = await decodeReturned(picture.bytes);
    if (!('fault' in decoded)) {
      pictures.push(picture.bytes);
      continue;
    }
    damaged.push(picture);
    fault = decoded.fault;
  }
  if (pictures.length === 0) throw reading.broken('bad_picture', `The picture that came back is damaged: ${fault}.`);
  if (damaged.length === 0 && pictures.length >= wanted) return { pictures, shortfall: null };
  const besides = damaged.length === 0 ? '' : `; ${damaged.length} more came damaged: ${fault}`;
  const said = `Only ${pictures.length} of ${wanted} pictures came back${besides}.`;
  return { pictures, shortfall: { said, damaged } };
}

/** Hands a picture in the making on, and keeps it. That is a courtesy: whatever comes of it, the reply is read on. */
export async function passOn(base64: string, index: number, reading: Reading, options: SendOptions): Promise<void> {
  await options.onPartial(reading.picture(base64).bytes, index).catch(() => undefined);
}
