import { randomUUID } from 'node:crypto';
import OpenAI, { AzureOpenAI } from 'openai';
import { type Dispatcher, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici';
import { proxyOptions } from '../../network.ts';
import type { Settings } from '../../settings.ts';
import type { World } from '../../world.ts';
import type { Endpoint } from './endpoint.ts';

const OPENAI = 'https://api.openai.com/v1';
/** The first version of Azure's API with several input pictures and the gpt-image parameters. */
const AZURE_API_VERSION = '2025-04-01-preview';

export interface Access {
  readonly endpoint: Endpoint;
  readonly settings: Settings;
  readonly world: Pick<World, 'env' | 'now'>;
}

/**
 * The SDK's client, with nothing left to its defaults that would cost money or tell a secret: it never repeats a
 * request, never logs, and reads no variable by itself that curate has a setting for.
 * @param onSent called when a request goes out
 */
export function makeClient({ endpoint, settings, world }: Access, model: string, onSent: () => void): OpenAI {
  const common = {
    apiKey: endpoint.apiKey,
    adminAPIKey: null,
    organization: settings.openaiOrganization ?? null,
    project: settings.openaiProject ?? null,
    maxRetries: 0,
    logLevel: 'off',
    fetch: imageFetch(proxyOptions(world, settings), onSent),
  } as const;
  if (endpoint.kind !== 'azure') return new OpenAI({ ...common, baseURL: endpoint.baseUrl ?? OPENAI });
  return new AzureOpenAI({
    ...common,
    // Null, not absent: it would take OPENAI_BASE_URL and then object to having both.
    baseURL: null,
    endpoint: endpoint.baseUrl ?? '',
    apiVersion: settings.azureApiVersion ?? AZURE_API_VERSION,
    deployment: settings.azureDeployment ?? model,
  });
}

const CONNECT_TIMEOUT_MS = 30_000;

/**
 * A fetch that waits as long as the caller's signal allows (Node's own gives up after 300 s without a byte, and a
 * picture can take longer), goes through the proxy, and never follows a redirect: photos go where it was announced.
 * @param onSent called when a connection stands and the request goes out
 */
export function imageFetch(proxy: EnvHttpProxyAgent.Options, onSent: () => void): typeof globalThis.fetch {
  const agent = new EnvHttpProxyAgent({
    ...proxy,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });
  const dispatcher = agent.compose(tellWhenSent(onSent));
  const send = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { body, contentType } = await flat(init.body);
    const headers = new Headers(init.headers);
    if (contentType !== null) headers.set('content-type', contentType);
    const response = await undiciFetch(String(input), {
      method: init.method ?? 'GET',
      headers: [...headers],
      redirect: 'manual',
      dispatcher,
      ...(init.signal == null ? {} : { signal: init.signal }),
      ...(body === null ? {} : { body }),
    });
    // The two packages' Response types differ in name alone.
    return response as unknown as Response;
  };
  // The SDK asks the fetch it is given whether it understands forms; `flat` sees to that.
  return Object.assign(send, { Response });
}

/** Tells when a connection stands and the request is about to go through it; of a proxy's connection nothing. */
function tellWhenSent(onSent: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        onSent();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...event) => handler.onRequestUpgrade?.(...event),
      onResponseStart: (...event) => handler.onResponseStart?.(...event),
      onResponseData: (...event) => handler.onResponseData?.(...event),
      onResponseEnd: (...event) => handler.onResponseEnd?.(...event),
      onResponseError: (...event) => handler.onResponseError?.(...event),
    });
}

/** A body as bytes. undici, a package of its own, knows only its own FormData. */
async function flat(
  body: RequestInit['body'],
): Promise<{ readonly body: string | Uint8Array | null; readonly contentType: string | null }> {
  if (body instanceof FormData) return encodeForm(body);
  if (body == null || typeof body === 'string') return { body: body ?? null, contentType: null };
  return { body: new Uint8Array(await new Response(body).arrayBuffer()), contentType: null };
}

/** multipart/form-data (RFC 7578). Fetch's own encoding would turn every line break of the prompt into CRLF. */
async function encodeForm(form: FormData): Promise<{ readonly body: Uint8Array; readonly contentType: string }> {
  const boundary = `curate-${randomUUID()}`;
  const chunks: Uint8Array[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
    if (typeof value === 'string') {
      chunks.push(Buffer.from(`${head}\r\n\r\n${value}\r\n`));
    } else {
      const file = `${head}; filename="${quoted(value.name)}"\r\nContent-Type: ${value.type}\r\n\r\n`;
      chunks.push(Buffer.from(file), new Uint8Array(await value.arrayBuffer()), Buffer.from('\r\n'));
    }
  }
  chunks.push(Buffer.from(`--${boundary}--\r\n`));
  return { body: Buffer.concat(chunks), contentType: `multipart/form-data; boundary=${boundary}` };
}

function quoted(name: string): string {
  return name.replace(/["\r\n]/g, (character) => encodeURIComponent(character));
}
