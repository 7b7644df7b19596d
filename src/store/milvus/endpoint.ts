import { UserError } from '../../errors.ts';
import type { PhotoStore } from '../port.ts';

/** Where a Milvus listens and what it is. */
export interface Endpoint {
  readonly kind: PhotoStore['kind'];
  /** What the SDK dials: `unix:/abs/path`, `host:port` or `https://host:port`. */
  readonly address: string;
  readonly token: string | undefined;
  /** For messages: names the place, never a secret. */
  readonly place: string;
}

/** Zilliz Cloud, worldwide and in China. */
const ZILLIZ_HOST = /(^|\.)(zillizcloud\.com|zilliz\.com|zilliz\.com\.cn)$/;
const DEFAULT_PORT = { 'http:': '19530', 'https:': '443' } as const;

/**
 * Reads MILVUS_URI, whose account the settings have taken out: `http://host`, `https://host:port` or `host:port`.
 * @throws UserError `settings` when it is none of these.
 */
export function parseEndpoint(uri: string, token: string | undefined): Endpoint {
  const spelled = uri.includes('://') ? uri : `http://${uri}`;
  const url = URL.canParse(spelled) ? new URL(spelled) : null;
  const port = url === null ? undefined : url.port || DEFAULT_PORT[url.protocol as keyof typeof DEFAULT_PORT];
  if (url === null || port === undefined || url.hostname === '' || (url.pathname + url.search + url.hash).length > 1) {
    throw new UserError('settings', 'MILVUS_URI is not the address of a Milvus server.', {
      hint: 'Write it as http://host:19530 or https://host, or leave it empty to use the embedded store.',
    });
  }
  const place = `${url.hostname}:${port}`;
  return {
    kind: ZILLIZ_HOST.test(url.hostname) ? 'zilliz' : 'server',
    // Always with its port: without one the SDK complains on stdout, where results go.
    address: url.protocol === 'https:' ? `https://${place}` : place,
    token,
    place,
  };
}

/** The embedded server, as its starter announced it. */
export function liteEndpoint(address: string, token: string): Endpoint {
  return { kind: 'lite', address, token, place: 'the embedded store' };
}
