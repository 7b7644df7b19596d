import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { pipeline } from 'node:stream';
import { createServer, type TlsOptions } from 'node:tls';

/** What ends TLS in front of a server that speaks in clear, as an agency's proxy does. */
export interface TlsDoor {
  readonly port: number;
  close(): void;
}

/** @param target where the server behind it listens: a port on loopback, or the path of a socket */
export async function tlsDoor(target: number | string, options: TlsOptions): Promise<TlsDoor> {
  const door = createServer({ ALPNProtocols: ['h2'], ...options }, (near) => {
    const far = typeof target === 'number' ? connect(target, '127.0.0.1') : connect(target);
    pipeline(near, far, () => undefined);
    pipeline(far, near, () => undefined);
  }).listen(0, '127.0.0.1');
  // A client that refuses its certificate, or is refused.
  door.on('tlsClientError', () => undefined);
  await once(door, 'listening');
  return { port: (door.address() as AddressInfo).port, close: () => door.close() };
}
