import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A network between a client and a server on this machine, whose weather the test makes. */
export interface UnsteadyProxy {
  /** `http://127.0.0.1:PORT` */
  readonly uri: string;
  /** Ends every connection and refuses new ones for so long. */
  cut(milliseconds: number): void;
  /** Swallows for so long whatever is sent, either way; a connection that lost something stays dead, as behind a router. */
  swallow(milliseconds: number): void;
  /** Brings everything so much later, either way, from now on. */
  delay(milliseconds: number): void;
  /** Ends every connection towards the client, which may go on to send. */
  halfClose(): void;
  /** Ends every connection once, as a router that restarts does. */
  reset(): void;
  close(): void;
}

/** @param target where the server listens: `http://127.0.0.1:PORT`, or the path of a socket */
export async function unsteadyProxy(target: string): Promise<UnsteadyProxy> {
  const place = target.startsWith('http')
    ? { host: '127.0.0.1', port: Number(new URL(target).port) }
    : { path: target };
  const clients = new Set<Socket>();
  let [cutUntil, swallowUntil, delayMs] = [0, 0, 0];
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    if (Date.now() < cutUntil) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...place, allowHalfOpen: true });
    clients.add(near);
    let swallowed = false;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      // One after the other, whatever the delay was when each came.
      let brought = Promise.resolve();
      const bring = (act: () => void): void => {
        const due = Date.now() + delayMs;
        brought = brought.then(async () => {
          if (due > Date.now()) await sleep(due - Date.now());
          if (to.writable) act();
        });
      };
      from.on('data', (data) => {
        swallowed ||= Date.now() < swallowUntil;
        if (!swallowed) bring(() => to.write(data));
      });
      from.on('end', () => bring(() => to.end()));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        clients.delete(from);
        to.destroy();
      });
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const reset = (): void => {
    for (const client of clients) client.resetAndDestroy();
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
    delay: (milliseconds) => {
      delayMs = milliseconds;
    },
    halfClose: () => {
      for (const client of clients) client.end();
    },
    reset,
    close: () => {
      reset();
      relay.close();
    },
  };
}
