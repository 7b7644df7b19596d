import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { editEvents, editReply, paint, turnEvents, turnReply } from './answers.ts';
import type { Behaviour } from './behaviour.ts';
import { checkForm, type Form, readForm } from './edits.ts';
import { invalid, Refusal } from './refusal.ts';
import type { Checked } from './rules.ts';
import { checkTurn, type Turn } from './turns.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Of an edit. */
  readonly form: Form | null;
  /** Of a turn. */
  readonly turn: Turn | null;
  /** The status it was answered with; 0 while it is unanswered. */
  status: number;
}

/**
 * Stands in for OpenAI's image API on a loopback port, refuses what the real one refuses, and keeps what it received.
 * `next` lists what to do with the coming requests; without, they are answered.
 */
export class FakeOpenAi {
  readonly key = 'sk-test-0123456789abcdef';
  readonly received: Received[] = [];
  readonly next: Behaviour[] = [];
  /** What GET /models lists. */
  models: readonly { readonly id: string; readonly shutdown_date?: string | number | null }[] = [];
  readonly #remembered = new Set<string>();
  readonly #server: Server;
  #serial = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500).end(String(error));
      });
    });
  }

  static async start(): Promise<FakeOpenAi> {
    const fake = new FakeOpenAi();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get baseUrl(): string {
    return `${this.origin}/v1`;
  }

  /** Forgets every conversation, as the real server does after a month. */
  forget(): void {
    this.#remembered.clear();
  }

  reset(): void {
    this.received.length = 0;
    this.next.length = 0;
    this.#remembered.clear();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/v1/models') {
      this.#list(request, response);
      return;
    }
    const entry = await this.#receive(request);
    const behaviour = this.next.shift();
    try {
      if (behaviour?.kind === 'stall') return;
      if (behaviour?.kind === 'hang-up') {
        request.socket.destroy();
        return;
      }
      if (behaviour?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, behaviour.ms));
      entry.status = 200;
      if (behaviour?.kind === 'html') {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
      } else if (behaviour?.kind === 'page') {
        entry.status = behaviour.status;
        response.writeHead(behaviour.status, { 'content-type': 'text/html' }).end(behaviour.html);
      } else if (behaviour?.kind === 'redirect') {
        entry.status = 307;
        response.writeHead(307, { location: behaviour.to }).end();
      } else {
        if (behaviour?.kind === 'refuse') throw behaviour.refusal;
        this.#authorise(entry);
        await this.#answer(entry, response, behaviour ?? null);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      entry.status = error.status;
      const headers = {
        'content-type': 'application/json',
        'x-request-id': `req_${this.received.length}`,
        ...error.headers,
      };
      response.writeHead(error.status, headers).end(JSON.stringify(error.body));
    }
  }

  async #receive(request: IncomingMessage): Promise<Received> {
    const isForm = request.headers['content-type']?.startsWith('multipart/form-data') ?? false;
    const form = isForm ? await readForm(request) : null;
    const body = isForm ? '' : await text(request);
    const entry: Received = {
      path: request.url ?? '',
      headers: request.headers,
      form,
      turn: body.startsWith('{') ? (JSON.parse(body) as Turn) : null,
      status: 0,
    };
    if (request.method !== 'POST') throw new Error(`${request.method} ${request.url} is no request of the image API`);
    this.received.push(entry);
    return entry;
  }

  #list({ headers }: IncomingMessage, response: ServerResponse): void {
    const behaviour = this.next.shift();
    if (behaviour?.kind === 'hang-up') {
      response.destroy();
    } else if (behaviour?.kind === 'html') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
    } else if (headers.authorization !== `Bearer ${this.key}`) {
      const error = { message: 'Incorrect API key provided.', code: 'invalid_api_key' };
      response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    } else {
      const data = this.models.map((model) => ({
        object: 'model',
        created: 1_795_000_000,
        owned_by: 'system',
        ...model,
      }));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ object: 'list', data }));
    }
  }

  #authorise({ path, headers }: Received): void {
    const given = path.startsWith('/openai/') ? headers['api-key'] : headers.authorization?.replace(/^Bearer /, '');
    if (given === undefined) throw new Refusal(401, { message: "You didn't provide an API key.", code: null });
    if (given !== this.key) {
      throw new Refusal(401, { message: `Incorrect API key provided: ${given}.`, code: 'invalid_api_key' });
    }
  }

  async #answer(entry: Received, response: ServerResponse, how: Behaviour | null): Promise<void> {
    const { pathname, searchParams } = new URL(entry.path, this.origin);
    const azure = /^\/openai\/deployments\/[^/]+\/images\/edits$/.test(pathname);
    if (azure && !searchParams.has('api-version'))
      throw new Refusal(404, { message: 'Resource not found', code: '404' });
    if (pathname === '/v1/images/edits' || azure) await this.#edit(entry, response, how);
    else if (pathname === '/v1/responses') await this.#turn(entry, response, how);
    else throw new Refusal(404, { message: `Invalid URL (POST ${pathname})` });
  }

  async #edit({ form }: Received, response: ServerResponse, how: Behaviour | null): Promise<void> {
    if (form === null) throw invalid('body', 'The body is not multipart/form-data.', 'invalid_body');
    const checked = checkForm(form);
    const pictures = await this.#paint(checked, checked.n, how);
    if (!checked.stream) return this.#send(response, editReply(pictures, form.parts.length), how);
    const partials = await this.#paint(checked, checked.partialImages, null);
    this.#stream(response, editEvents(partials, pictures, form.parts.length), how);
  }

  async #turn({ turn }: Received, response: ServerResponse, how: Behaviour | null): Promise<void> {
    const checked = checkTurn(turn, this.#remembered);
    const [picture] = await this.#paint(checked, 1, how);
    const id = `resp_${this.received.length}_${Math.random().toString(36).slice(2)}`;
    const reply = turnReply(id, how?.kind === 'in-words' ? null : (picture ?? null), checked);
    if (turn?.store !== false) this.#remembered.add(id);
    if (!checked.stream) return this.#send(response, reply, how);
    this.#stream(response, turnEvents(await this.#paint(checked, checked.partialImages, null), reply), how);
  }

  #paint(checked: Checked, n: number, how: Behaviour | null): Promise<Buffer[]> {
    const one = async (): Promise<Buffer> => {
      this.#serial += 1;
      const bytes = await paint(checked, this.#serial);
      return how?.kind === 'bad-picture' ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes;
    };
    return Promise.all(Array.from({ length: n }, one));
  }

  #send(response: ServerResponse, body: Record<string, unknown>, how: Behaviour | null): void {
    const json = JSON.stringify(how?.kind === 'twist' ? how.twist(body) : body);
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(json),
      'x-request-id': `req_${this.received.length}`,
    });
    if (how?.kind !== 'cut') response.end(json);
    else response.write(json.slice(0, json.length / 2), () => response.destroy());
  }

  #stream(response: ServerResponse, events: readonly { readonly type: string }[], how: Behaviour | null): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': `req_${this.received.length}` });
    const isCut = how?.kind === 'cut-stream' || how?.kind === 'cut';
    const unfinished = isCut ? events.filter(({ type }) => !/completed$|item\.done$/.test(type)) : events;
    const whole = how?.kind === 'cut-late' ? unfinished.slice(0, -1) : unfinished;
    for (const event of whole) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (how?.kind !== 'cut' && how?.kind !== 'cut-late') response.end();
    else response.write('event: image_edit.completed\ndata: {"type":"image_e', () => response.destroy());
  }
}
