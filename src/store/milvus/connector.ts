import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isIP, type Socket } from 'node:net';
import type { MilvusClient } from './sdk.ts';

/** What gRPC makes a connection with, one for each address that a client dials. */
interface SecureConnector {
  /** Awaited right before TCP connects. */
  waitForReady(): Promise<void>;
  /** @param socket connected; it is spoken to by TLS first where the address asks for it */
  connect(socket: Socket): Promise<{ readonly socket: Socket }>;
  /** Of TLS only. */
  readonly connectionOptions?: { servername: string };
}

interface Credentials {
  _createSecureConnector(...args: unknown[]): SecureConnector;
}

/** Until TCP is connected, and from there to the server's first words of HTTP/2. One far away and busy takes a second. */
const DIALLING_MS = 5_000;
const HANDSHAKE_MS = 5_000;

/**
 * Corrects how gRPC connects, where its options do not reach:
 * - It waits for ever for a host that takes the connection and never says a word, as one does behind a router that
 *   loses the first packets, and for minutes for one that nothing reaches, whose kernel tries ever less often; such a
 *   connection is ended, so that gRPC makes another.
 * - It names an IP address to a server as its name, which TLS forbids (RFC 6066) and Node warns of.
 */
export function correctConnector(client: MilvusClient): void {
  const credentials = (client as unknown as { readonly creds: Credentials }).creds;
  const create = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...args) => {
    const connector = create(...args);
    const { connectionOptions: tls } = connector;
    if (tls !== undefined && isIP(tls.servername) !== 0) tls.servername = '';
    const ready = connector.waitForReady.bind(connector);
    connector.waitForReady = async () => {
      await ready();
      limitDialling();
    };
    const connect = connector.connect.bind(connector);
    connector.connect = async (socket) => {
      let speaking: Socket | null = null;
      const limit = setTimeout(() => {
        // Of TLS, what it carries is counted.
        if (speaking === null || speaking.bytesRead === 0) socket.destroy(new Error('the server says nothing'));
      }, HANDSHAKE_MS).unref();
      socket.once('close', () => clearTimeout(limit));
      const connected = await connect(socket);
      speaking = connected.socket;
      return connected;
    };
    return connector;
  };
}

const DIALLED = 'net.client.socket';
let watching = false;

/** Of the connections that are begun before the event loop goes on: gRPC gives nobody the one that it begins now. */
function limitDialling(): void {
  if (watching) return;
  watching = true;
  subscribe(DIALLED, limitSocket);
  setImmediate(() => {
    watching = false;
    unsubscribe(DIALLED, limitSocket);
  });
}

function limitSocket(message: unknown): void {
  const { socket } = message as { readonly socket: Socket };
  const limit = setTimeout(() => {
    if (socket.connecting) socket.destroy(new Error('nothing answers'));
  }, DIALLING_MS).unref();
  socket.once('connect', () => clearTimeout(limit)).once('close', () => clearTimeout(limit));
}
