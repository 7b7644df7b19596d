import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network between a client and a server on this machine, whose weather the test makes. */
export interface UnsteadyProxy {
  /** `http://127.0.0.1:PORT` */
  readonly uri: string;
  /** Ends every connection and refuses new ones for so long. */
  cut(milliseconds: number): void;
  /** Swallows whatever is sent, either way, over open and new connections, for so long. */
  swallow(milliseconds: number): void;
  /** Ends every connection once, as a router that restarts does. */
  reset(): void;
  close(): void;
}

export async function unsteadyProxy(target: string): Promise<UnsteadyProxy> {
  const { port } = new URL(target);
  const open = new Set<Socket>();
  let [cutUntil, swallowUntil] = [0, 0];
  const relay = createServer((near) => {
    if (Date.now() < cutUntil) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('data', (data) => {
        if (Date.now() >= swallowUntil) to.write(data);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const reset = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    uri: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    cut: (milliseconds) => {
      cutUntil = Date.now() + milliseconds;
      reset();
    },
    swallow: (milliseconds) => {
      swallowUntil = Date.now() + milliseconds;
    },
    reset,
    close: () => {
      reset();
      relay.close();
    },
  };
}
