import { EnvHttpProxyAgent, fetch as undiciFetch } from 'undici';

interface TransportOptions {
  readonly httpsProxy: string | undefined;
  readonly noProxy: string | undefined;
}

const CONNECT_TIMEOUT_MS = 30_000;

/**
 * A fetch that waits as long as the caller's signal allows (Node's own gives up after 300 s without a byte, and a
 * picture can take longer), goes through HTTPS_PROXY, and never follows a redirect: photos go where it was announced.
 */
export function imageFetch({ httpsProxy, noProxy }: TransportOptions): typeof globalThis.fetch {
  const dispatcher = new EnvHttpProxyAgent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    // Empty, not absent: the agent would read the environment of the process by itself.
    httpProxy: '',
    httpsProxy: httpsProxy ?? '',
    noProxy: noProxy ?? '',
  });
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

/** A form built with Node's own classes as bytes: undici, a package of its own, knows only its own FormData. */
async function flat(
  body: RequestInit['body'],
): Promise<{ readonly body: string | Uint8Array | null; readonly contentType: string | null }> {
  if (body == null || typeof body === 'string') return { body: body ?? null, contentType: null };
  const form = new Response(body);
  return { body: new Uint8Array(await form.arrayBuffer()), contentType: form.headers.get('content-type') };
}
