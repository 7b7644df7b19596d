import { UserError } from '../../errors.ts';
import type { PhotoStore } from '../port.ts';
import type { Tls } from './tls.ts';

/** Where a Milvus listens and what it is. */
export interface Endpoint {
  readonly kind: PhotoStore['kind'];
  /** What the SDK dials: `unix:/abs/path`, `host:port` or `https://host:port`. */
  readonly address: string;
  readonly token: string | undefined;
  /** Absent: it is spoken to in clear. */
  readonly tls?: Tls;
  /** For messages: names the place, never a secret. */
  readonly place: string;
  /** Absent: the server's default one. */
  readonly database?: string;
  /** In front of the names of collections; '' when there is none. */
  readonly prefix: string;
}

/** What separates people who share a server. */
export interface Namespace {
  readonly database?: string | undefined;
  readonly prefix?: string | undefined;
}

/** Zilliz Cloud, worldwide and in China. */
const ZILLIZ_HOST = /(^|\.)(zillizcloud\.com|zilliz\.com|zilliz\.com\.cn)$/;
const DEFAULT_PORT = { 'http:': '19530', 'https:': '443' } as const;

/**
 * Reads MILVUS_URI, whose account the settings have taken out: `http://host`, `https://host:port` or `host:port`.
 * @param tls What the settings say of TLS, which an address without a scheme is then spoken to by; null when nothing.
 * @throws UserError `settings` when it is none of these.
 */
export function parseEndpoint(
  uri: string,
  token: string | undefined,
  { database, prefix }: Namespace = {},
  tls: Tls | null = null,
): Endpoint {
  const server = serverOf(uri);
  if (server === null) {
    throw new UserError('settings', 'MILVUS_URI is not the address of a Milvus server.', {
      hint: 'Write it as http://host:19530 or https://host, or leave it empty to use the embedded store.',
    });
  }
  const { host, place } = server;
  const secure = server.secure || (tls !== null && !uri.includes('://'));
  return {
    kind: ZILLIZ_HOST.test(host) ? 'zilliz' : 'server',
    // Always with its port: without one the SDK complains on stdout, where results go.
    address: secure ? `https://${place}` : place,
    token,
    ...(secure ? { tls: tls ?? {} } : {}),
    place: database === undefined ? place : `${place}/${database}`,
    ...(database === undefined ? {} : { database }),
    prefix: inFront(prefix),
  };
}

function inFront(prefix: string | undefined): string {
  return prefix === undefined ? '' : `${prefix}_`;
}

/** `host:port` of a MILVUS_URI, the same for all of its spellings; null when it is none. */
export function placeOf(uri: string): string | null {
  return serverOf(uri)?.place ?? null;
}

function serverOf(uri: string): { readonly host: string; readonly place: string; readonly secure: boolean } | null {
  const spelled = uri.includes('://') ? uri : `http://${uri}`;
  const url = URL.canParse(spelled) ? new URL(spelled) : null;
  const port = url === null ? undefined : url.port || DEFAULT_PORT[url.protocol as keyof typeof DEFAULT_PORT];
  if (url === null || port === undefined || url.hostname === '') return null;
  if ((url.pathname + url.search + url.hash).length > 1) return null;
  return { host: url.hostname, place: `${url.hostname}:${port}`, secure: url.protocol === 'https:' };
}

/** The embedded server, as its starter announced it. */
export function liteEndpoint(address: string, token: string, prefix?: string): Endpoint {
  return { kind: 'lite', address, token, place: 'the embedded store', prefix: inFront(prefix) };
}
