import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import type { Endpoint } from './endpoint.ts';
import type { Tls } from './tls.ts';

/**
 * How a port takes the first words of a client. gRPC tells of its failures in OpenSSL's words, if at all; this is asked
 * once it failed, to tell the person why.
 */
export type Greeting =
  /** It answers by HTTP/2, in clear or by TLS as it was asked. */
  | { readonly kind: 'answered' }
  /** It has a certificate that is not to be trusted; `code` as in Node's tls. */
  | { readonly kind: 'untrusted'; readonly code: string; readonly certificate: PeerCertificate }
  /** It speaks TLS and refuses with an alert (RFC 8446, section 6). */
  | { readonly kind: 'alert'; readonly alert: number }
  /** It speaks TLS, but not HTTP/2. */
  | { readonly kind: 'otherwise' }
  /** It takes the TLS handshake and then ends the connection without a word. */
  | { readonly kind: 'ended' }
  /** It ends the connection in the middle of the TLS handshake, without an alert. */
  | { readonly kind: 'hung up' }
  /** It answers, but not with TLS. */
  | { readonly kind: 'clear' }
  /** It says nothing that could be told, or cannot be reached. */
  | { readonly kind: 'nothing' };

const PATIENCE_MS = 5_000;
const MOST_OF_PAGE = 65_536;
/** What an HTTP/2 client begins with: the preface and an empty frame of settings (RFC 9113, section 3.4). */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const SETTINGS = 4;
/** What Node says when the first bytes of an answer are no TLS. */
const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_HTTP_REQUEST']);

/** Begins TLS with an endpoint, be it one to speak in clear with or not. */
export async function greet({ address, tls = {} }: Pick<Endpoint, 'address' | 'tls'>): Promise<Greeting> {
  const { hostname, port } = new URL(address.includes('://') ? address : `http://${address}`);
  const place = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (address.startsWith('https:') ? 443 : 80)),
  };
  const greeting = await greetByTls(place, tls);
  // A gRPC server without TLS hangs up on it in silence.
  const silent = greeting.kind === 'nothing' || greeting.kind === 'hung up';
  return silent && (await answersInClear(place)) ? { kind: 'clear' } : greeting;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function greetByTls(place: Place, tls: Tls): Promise<Greeting> {
  const name = tls.serverName ?? place.host;
  const socket = connectTls({
    ...place,
    ...tls,
    servername: isIP(name) === 0 ? name : '',
    ALPNProtocols: ['h2'],
    // Looked at below, with the certificate at hand; nothing is said to such a server.
    rejectUnauthorized: false,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  });
  return answerOf(socket, (settle) => {
    let shaken = false;
    socket.once('secureConnect', () => {
      shaken = true;
      // Node's types say an Error, and it is that error's code.
      const code = socket.authorizationError as unknown as string | null;
      if (code) settle({ kind: 'untrusted', code, certificate: socket.getPeerCertificate(true) });
      else socket.write(PREFACE);
    });
    socket.once('data', (data) => settle({ kind: isSettings(data) ? 'answered' : 'otherwise' }));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const [, alert] = /SSL alert number (\d+)/.exec(error.message) ?? [];
      if (alert !== undefined) settle({ kind: 'alert', alert: Number(alert) });
      else if (NO_TLS.has(error.code ?? '')) settle({ kind: 'clear' });
      else if (/before secure TLS connection/.test(error.message)) settle({ kind: 'hung up' });
      else settle({ kind: shaken ? 'ended' : 'nothing' });
    });
    socket.once('end', () => settle({ kind: shaken ? 'ended' : 'hung up' }));
  });
}

/** What a web browser would be shown, the first 64 KB of it: proxies say there why they pass nothing on; null when nothing. */
export async function pageAt({ address, tls = {} }: Pick<Endpoint, 'address' | 'tls'>): Promise<string | null> {
  const { serverName: servername, ...files } = tls;
  const session = connectHttp2(address, { ...files, ...(servername === undefined ? {} : { servername }) });
  try {
    return await new Promise<string | null>((resolve) => {
      session.once('error', () => resolve(null)).setTimeout(PATIENCE_MS, () => resolve(null));
      const page = session.request({ ':path': '/' }).setEncoding('utf8');
      let text = '';
      page.on('data', (part: string) => {
        text += part;
        if (text.length > MOST_OF_PAGE) resolve(text);
      });
      page.once('end', () => resolve(text)).once('error', () => resolve(null));
    });
  } finally {
    session.on('error', () => undefined).destroy();
  }
}

async function answersInClear(place: Place): Promise<boolean> {
  const socket = connectTcp(place, () => socket.write(PREFACE));
  const greeting = await answerOf(socket, (settle) => {
    socket.once('data', (data) => settle({ kind: isSettings(data) ? 'answered' : 'nothing' }));
    socket.once('error', () => settle({ kind: 'nothing' }));
  });
  return greeting.kind === 'answered';
}

function isSettings(data: Buffer): boolean {
  return data[3] === SETTINGS;
}

/** Waits for what `listen` finds out, and closes the connection. */
async function answerOf(socket: Socket, listen: (settle: (greeting: Greeting) => void) => void): Promise<Greeting> {
  try {
    return await new Promise<Greeting>((resolve) => {
      listen(resolve);
      socket.once('close', () => resolve({ kind: 'nothing' }));
      socket.setTimeout(PATIENCE_MS, () => resolve({ kind: 'nothing' }));
    });
  } finally {
    // What comes after is of no interest, but must not count as unhandled.
    socket.on('error', () => undefined).destroy();
  }
}
