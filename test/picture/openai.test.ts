import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { endpointOf } from '../../src/picture/openai/endpoint.ts';
import { OpenAiImageModel } from '../../src/picture/openai/image-model.ts';
import { IncompleteReply } from '../../src/picture/openai/incomplete.ts';
import { Reading, readEvents, readJson } from '../../src/picture/openai/reply.ts';
import type { PictureRequest, SendOptions, TurnRequest } from '../../src/picture/port.ts';
import type { Settings } from '../../src/settings.ts';
import { refuse } from '../fake-openai/behaviour.ts';
import { invalid, Refusal } from '../fake-openai/refusal.ts';
import { FakeOpenAi } from '../fake-openai/server.ts';
import { testWorld } from '../support/world.ts';

let fake: FakeOpenAi;
let photo: Buffer;
beforeAll(async () => {
  fake = await FakeOpenAi.start();
  photo = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#123456' } })
    .jpeg()
    .toBuffer();
});
afterEach(() => fake.reset());
afterAll(() => fake.close());

function settings(overrides: Partial<Settings> = {}): Settings {
  const paths = { config: '', data: '', cache: '' };
  return { openaiApiKey: fake.key, openaiBaseUrl: fake.baseUrl, noColor: false, paths, ...overrides } as Settings;
}

function model(overrides: Partial<Settings> = {}): OpenAiImageModel {
  const used = settings(overrides);
  return new OpenAiImageModel({ endpoint: endpointOf(used), settings: used, world: testWorld() });
}

function request(overrides: Partial<PictureRequest['parameters']> = {}, pictures = 2): PictureRequest {
  return {
    model: 'gpt-image-2',
    text: 'four panels',
    pictures: Array.from({ length: pictures }, (_, i) => ({ name: `reference-0${i + 1}.jpg`, bytes: photo })),
    parameters: {
      size: '1024x1024',
      quality: 'low',
      complexity: null,
      n: 1,
      format: 'png',
      background: null,
      partialImages: null,
      ...overrides,
    },
  };
}

const turn = (previousResponseId: string | null = null, overrides = {}): TurnRequest => ({
  ...request(overrides),
  conversationModel: 'gpt-5.6-luna',
  previousResponseId,
});

function options(overrides: Partial<SendOptions> = {}): SendOptions {
  return {
    retries: 1,
    timeoutMs: 20_000,
    interrupted: new AbortController().signal,
    onSent: () => undefined,
    onPartial: async () => undefined,
    onWait: () => undefined,
    ...overrides,
  };
}

async function failure(run: Promise<unknown>): Promise<UserError> {
  const error = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof UserError) return error;
  throw new Error(`expected a UserError, got ${String(error)}`);
}

describe('edit', () => {
  it('sends the photos as files with their type, in order, and every parameter', async () => {
    const reply = await model().edit(request({ n: 2, format: 'webp', background: 'opaque' }), options());
    expect(reply.pictures).toHaveLength(2);
    expect(reply.requestIds).toEqual(['req_1']);
    const [received] = fake.received;
    expect(received?.status).toBe(200);
    expect(Object.fromEntries(received?.form?.fields ?? [])).toEqual({
      model: 'gpt-image-2',
      prompt: 'four panels',
      size: '1024x1024',
      quality: 'low',
      n: '2',
      output_format: 'webp',
      background: 'opaque',
    });
    expect(received?.form?.parts.map(({ name, filename, type }) => [name, filename, type])).toEqual([
      ['image[]', 'reference-01.jpg', 'image/jpeg'],
      ['image[]', 'reference-02.jpg', 'image/jpeg'],
    ]);
    expect(received?.form?.parts[0]?.bytes.equals(photo)).toBe(true);
  });

  it('streams partial pictures and demands the finished one', async () => {
    const seen: number[] = [];
    const streaming = options({ onPartial: async (_, index) => void seen.push(index) });
    const reply = await model().edit(request({ partialImages: 2 }), streaming);
    expect(seen).toEqual([0, 1]);
    expect(reply.pictures).toHaveLength(1);
    expect(reply.usage).toMatchObject({ output_tokens: 1756 });
  });

  it('adds up the usage of several streamed pictures', async () => {
    const reply = await model().edit(request({ partialImages: 1, n: 3 }), options());
    expect(reply.pictures).toHaveLength(3);
    expect(reply.usage).toMatchObject({ output_tokens: 3 * 1756 });
  });

  it('goes to Azure with its key, deployment and version, whatever OPENAI_BASE_URL says', async () => {
    const azure = { azureEndpoint: fake.origin, azureApiKey: fake.key, azureDeployment: 'my-images' };
    const reply = await model({ ...azure, openaiBaseUrl: 'http://127.0.0.1:1/v1' }).edit(request(), options());
    expect(reply.pictures).toHaveLength(1);
    expect(fake.received[0]?.path).toBe('/openai/deployments/my-images/images/edits?api-version=2025-04-01-preview');
    expect(fake.received[0]?.headers.authorization).toBeUndefined();
  });
});

describe('turn', () => {
  it('starts a conversation with pictures and goes on from it without', async () => {
    const first = await model().turn(turn(), options());
    expect(first.responseId).toMatch(/^resp_/);
    expect(first.usage).toMatchObject({ input_tokens: 2000, tool_usage: { image_gen: { output_tokens: 1756 } } });
    const second = await model().turn({ ...turn(first.responseId), pictures: [] }, options());
    expect(second.pictures).toHaveLength(1);
    expect(fake.received.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('streams', async () => {
    const seen: number[] = [];
    const streaming = options({ onPartial: async (_, index) => void seen.push(index) });
    const reply = await model().turn(turn(null, { partialImages: 3 }), streaming);
    expect(seen).toEqual([0, 1, 2]);
    expect(reply.responseId).toMatch(/^resp_/);
  });

  it('says so when the model answers in words', async () => {
    fake.next.push({ kind: 'in-words' });
    const error = await failure(model().turn(turn(), options()));
    expect(error.message).toBe('No picture came back, only words: "I would rather talk.".');
  });

  it('demands the completed event', async () => {
    fake.next.push({ kind: 'cut-stream' });
    const error = await failure(model().turn(turn(null, { partialImages: 2 }), options()));
    expect(error.code).toBe('cut_stream');
    expect((error as IncompleteReply).arrived).toHaveLength(2);
  });
});

describe('a reply that is not whole', () => {
  it.each([
    ['cut-stream', { partialImages: 2 }, 'cut_stream', ['png', 'png']],
    ['cut', { partialImages: 2 }, 'cut_stream', ['png', 'png']],
    ['cut', {}, 'cut_stream', ['txt']],
    ['html', {}, 'not_json', ['html']],
    ['html', { partialImages: 1 }, 'not_json', ['html']],
    ['bad-picture', {}, 'bad_picture', ['png']],
    ['bad-picture', { partialImages: 1 }, 'bad_picture', ['png', 'png']],
  ] as const)('%s %o is an error that keeps what arrived', async (kind, parameters, code, endings) => {
    fake.next.push({ kind });
    const error = await failure(model().edit(request(parameters), options()));
    expect(error.code).toBe(code);
    expect((error as IncompleteReply).arrived.map(({ ending }) => ending)).toEqual(endings);
    expect(error.hint).toContain('may have been billed');
    expect(fake.received).toHaveLength(1);
  });
});

describe('errors', () => {
  it.each([
    ['wrong-key', 'wrong_key', /does not accept the API key/],
    ['not-verified', 'not_verified', /verified organisations/],
    ['no-credit', 'no_credit', /no credit left/],
    ['billing-limit', 'no_credit', /spending limit/],
    ['moderation', 'moderation', /\(stage: input; categories: violence, hate\)/],
    ['model-gone', 'model_gone', /gpt-image-2/],
    ['rate-limit', 'rate_limit', /limiting the rate/],
    ['server', 'server', /status 500/],
  ] as const)('%s is told apart, with a next step, after one request', async (kind, code, message) => {
    fake.next.push(refuse(kind, { echo: fake.key }));
    const error = await failure(model().edit(request(), options({ retries: 5 })));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTruthy();
    expect(`${error.message} ${error.hint}`).not.toContain(fake.key);
    expect(fake.received).toHaveLength(1);
  });

  it.each([
    [{ size: '1000x1000' }, 2, 'bad_size'],
    [{}, 17, 'too_large'],
    [{}, 0, 'bad_request'],
  ] as const)('%o with %i photos is %s', async (parameters, photos, code) => {
    const error = await failure(model().edit(request(parameters, photos), options()));
    expect(error.code).toBe(code);
  });

  it('tells neither a key nor a novel where moderation names its categories', async () => {
    const categories = [fake.key, 'violence'.repeat(1000)];
    const error = { message: 'Rejected.', code: 'moderation_blocked', moderation_details: { categories } };
    fake.next.push({ kind: 'refuse', refusal: new Refusal(400, error) });
    const { code, message } = await failure(model().edit(request(), options()));
    expect(code).toBe('moderation');
    expect(message).toContain('(categories: [key], violence');
    expect(message.length).toBeLessThan(500);
  });

  it.each([
    ['30', 'Try again in 30 s, or let curate wait: --retries 3'],
    ['3000', 'Try again in 50 minutes.'],
    ['86400', 'Try again in 24 hours.'],
  ])('of a rate limit for %s s offers no wait that curate would not sit through', async (retryAfter, hint) => {
    fake.next.push(refuse('rate-limit', { retryAfter }));
    expect((await failure(model().edit(request(), options({ retries: 0 })))).hint).toBe(hint);
  });

  it('never advises what was just refused', async () => {
    fake.next.push(refuse('model-gone'));
    expect((await failure(model().edit(request(), options()))).hint).not.toContain('gpt-image-2');
    fake.next.push({ kind: 'refuse', refusal: invalid('size', "Invalid size '1024x1024'.") });
    expect((await failure(model().edit(request(), options()))).hint).not.toContain('1024x1024');
  });

  it('says no such address for a server without the Responses API', async () => {
    const error = await failure(model({ openaiBaseUrl: `${fake.origin}/v2` }).turn(turn(), options()));
    expect(error.code).toBe('no_such_address');
    expect(error.hint).toContain('--stateless');
  });

  it('says that nothing was sent when the server cannot be reached', async () => {
    const gone = await FakeOpenAi.start();
    const goneUrl = gone.baseUrl;
    await gone.close();
    const error = await failure(model({ openaiBaseUrl: goneUrl }).edit(request(), options()));
    expect(error.message).toBe(
      'Cannot reach the server that OPENAI_BASE_URL names: it refuses connections. Nothing was sent.',
    );
  });

  it('does not follow a redirect with the photos', async () => {
    fake.next.push({ kind: 'redirect', to: `${fake.origin}/v1/images/edits` });
    const error = await failure(model().edit(request(), options()));
    expect(error.code).toBe('redirected');
    expect(fake.received).toHaveLength(1);
  });
});

describe('a server that only speaks the protocol', () => {
  const twisted = (twist: (reply: Record<string, unknown>) => unknown) => {
    fake.next.push({ kind: 'twist', twist });
    return model().edit(request(), options());
  };

  it.each(['much', 7, null, undefined, ['x']])('whose usage is %j loses no picture', async (usage) => {
    const reply = await twisted((body) => ({ ...body, usage }));
    expect([reply.pictures.length, reply.usage]).toEqual([1, null]);
    fake.next.push({ kind: 'twist', twist: (body) => ({ ...body, usage, tool_usage: usage }) });
    const turned = await model().turn(turn(), options());
    expect([turned.pictures.length, turned.usage]).toEqual([1, null]);
  });

  it('may put the picture into a data URL, and add what nobody asked for', async () => {
    const reply = await twisted(({ data, ...rest }) => ({
      ...rest,
      zest: [1],
      data: (data as { b64_json: string }[]).map(({ b64_json }) => ({
        b64_json: `data:image/png;base64,${b64_json}`,
        revised_prompt: 'x',
      })),
    }));
    expect((await sharp(reply.pictures[0]).metadata()).width).toBe(1024);
  });

  it('is told by the title of its page, not by its markup', async () => {
    const html = '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1>nginx</body></html>';
    fake.next.push({ kind: 'page', status: 502, html });
    expect((await failure(model().edit(request(), options()))).message).toBe(
      'The server failed (status 502): Bad Gateway',
    );
    fake.next.push({ kind: 'page', status: 404, html: '<h1>Not Found</h1>' });
    expect((await failure(model().edit(request(), options()))).message).toMatch(/at this address: Not Found$/);
  });

  it('may have worked although it reports its failure under status 200', async () => {
    const error = await failure(twisted(() => ({ error: { message: 'Out of memory', type: 'server_error' } })));
    expect([error.code, error.hint]).toEqual(['server', expect.stringContaining('may have been billed')]);
  });
});

describe('a large stream', () => {
  it('takes a time in proportion to its size, as a plain reply does', async () => {
    const text = 'A'.repeat(12_000_000);
    const bytes = (content: string, type: string) =>
      new Response(
        new ReadableStream({
          start(controller) {
            const all = Buffer.from(content);
            for (let at = 0; at < all.length; at += 16_384) controller.enqueue(all.subarray(at, at + 16_384));
            controller.close();
          },
        }),
        { headers: { 'content-type': type } },
      );
    const cpuMs = async (work: () => Promise<void>): Promise<number> => {
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    const event = JSON.stringify({ type: 'image_edit.completed', b64_json: text });
    const plain = await cpuMs(async () => void (await readJson(bytes(event, 'application/json'), new Reading([]))));
    const events: unknown[] = [];
    const streamed = await cpuMs(async () => {
      const response = bytes(`event: image_edit.completed\r\ndata: ${event}\r\n\r\n`, 'text/event-stream');
      for await (const one of readEvents(response, new Reading([]))) events.push(one);
    });
    expect(events).toEqual([{ type: 'image_edit.completed', b64_json: text }]);
    expect(streamed).toBeLessThan(10 * plain + 200);
  });

  it('needs no empty line behind its last event, but the whole of it', async () => {
    const read = async (content: string): Promise<unknown[]> => {
      const events: unknown[] = [];
      for await (const event of readEvents(new Response(content), new Reading([]))) events.push(event);
      return events;
    };
    expect(await read('\ufeffdata: {"a":1}\n\ndata: [DONE]\n\ndata: {"b":\ndata: 2}')).toEqual([{ a: 1 }, { b: 2 }]);
    await expect(read('data: {"a":1}\n\ndata: {"b"')).rejects.toMatchObject({ code: 'cut_stream' });
  });
});

describe('patience', () => {
  it('says that nothing was sent when no connection could be made', async () => {
    const mute = createServer();
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    try {
      const silent = model({ openaiBaseUrl: `https://127.0.0.1:${port}/v1` });
      const sent: string[] = [];
      const error = await failure(
        silent.edit(request(), options({ timeoutMs: 1000, onSent: () => void sent.push('sent') })),
      );
      expect([error.code, error.message, sent]).toEqual(['timeout', expect.stringContaining('Nothing was sent.'), []]);
      const interrupted = AbortSignal.timeout(300);
      const stopped = await failure(silent.edit(request(), options({ interrupted })));
      expect([stopped.kind, stopped.message]).toEqual(['interrupted', 'Interrupted; nothing was sent.']);
    } finally {
      mute.close();
    }
  });

  it('says that it may be billed when the connection is lost after sending', async () => {
    fake.next.push({ kind: 'hang-up' });
    const error = await failure(model().edit(request(), options()));
    expect(error).toBeInstanceOf(IncompleteReply);
    expect([error.code, error.hint]).toEqual(['network', expect.stringContaining('may have been billed')]);
  });

  it('posts once to a server that stalls, and says that it may have been billed', async () => {
    fake.next.push({ kind: 'stall' });
    const error = await failure(model().edit(request(), options({ timeoutMs: 1000, retries: 5 })));
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('may have been billed');
    expect(fake.received).toHaveLength(1);
  });

  it('comes back after a 429 and a 503 when the server says when', async () => {
    fake.next.push(refuse('rate-limit', { retryAfter: '0' }), refuse('overloaded', { retryAfter: '0' }));
    const waits: number[] = [];
    await model().edit(request(), options({ retries: 2, onWait: (seconds) => void waits.push(seconds) }));
    expect(fake.received.map(({ status }) => status)).toEqual([429, 503, 200]);
    expect(waits).toEqual([0, 0]);
  });

  it('does not come back more often than allowed', async () => {
    fake.next.push(refuse('rate-limit', { retryAfter: '0' }), refuse('rate-limit', { retryAfter: '7' }));
    const error = await failure(model().edit(request(), options({ retries: 1 })));
    expect(error.hint).toContain('in 7 s');
    expect(fake.received).toHaveLength(2);
  });

  it('does not wait for credit', async () => {
    fake.next.push(refuse('no-credit', { retryAfter: '0' }));
    await failure(model().edit(request(), options({ retries: 3 })));
    expect(fake.received).toHaveLength(1);
  });

  it('stops at once when interrupted, also while waiting', async () => {
    const controller = new AbortController();
    fake.next.push({ kind: 'stall' });
    setTimeout(() => controller.abort(), 200);
    const sent = await failure(model().edit(request(), options({ interrupted: controller.signal })));
    expect([sent.kind, sent.message]).toEqual(['interrupted', expect.stringContaining('may have been billed')]);

    const waiting = new AbortController();
    fake.next.push(refuse('rate-limit', { retryAfter: '60' }));
    setTimeout(() => waiting.abort(), 200);
    const refused = await failure(model().edit(request(), options({ interrupted: waiting.signal })));
    expect([refused.kind, refused.message]).toEqual(['interrupted', 'Interrupted while waiting; nothing was made.']);
  });

  it('waits longer than a slow server takes', async () => {
    fake.next.push({ kind: 'delay', ms: 1500 });
    expect((await model().edit(request(), options())).pictures).toHaveLength(1);
  });
});

describe('endpointOf', () => {
  it('asks for the key by the name of its variable', () => {
    expect(() => endpointOf({ ...settings(), openaiApiKey: undefined })).toThrow(/OPENAI_API_KEY is not set/);
    const azure = { ...settings(), azureEndpoint: 'https://x.example', azureApiKey: undefined };
    expect(() => endpointOf(azure)).toThrow(/AZURE_OPENAI_API_KEY is not set/);
  });

  it('takes no key that could not be sent as a header, and none of its white space', () => {
    expect(endpointOf({ ...settings(), openaiApiKey: ' sk-test\n' }).apiKey).toBe('sk-test');
    for (const openaiApiKey of ['sk-test\nsk-other', 'sk tést']) {
      const attempt = () => endpointOf({ ...settings(), openaiApiKey });
      expect(attempt).toThrow(expect.objectContaining({ code: 'bad_key' }));
      expect(attempt).not.toThrow(openaiApiKey);
    }
  });

  it('tells OpenAI from other servers', () => {
    expect(endpointOf({ ...settings(), openaiBaseUrl: undefined }).kind).toBe('openai');
    expect(endpointOf({ ...settings(), openaiBaseUrl: 'https://api.openai.com/v1' }).kind).toBe('openai');
    expect(endpointOf(settings()).kind).toBe('compatible');
  });
});

it('keeps no key in what it keeps of a broken reply', async () => {
  const key = `sk-${randomBytes(12).toString('hex')}`;
  fake.next.push({ kind: 'html' });
  const error = (await failure(model({ openaiApiKey: key }).edit(request(), options()))) as IncompleteReply;
  for (const { bytes } of error.arrived) expect(Buffer.from(bytes).toString()).not.toContain(key);
});
