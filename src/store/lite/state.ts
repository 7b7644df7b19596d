import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { z } from 'zod';

/** A running server, as it tells about itself in `server.json`. */
export interface LiteServer {
  readonly pid: number;
  /** `unix:/absolute/path` or `127.0.0.1:port`. */
  readonly address: string;
  readonly token: string;
  /** Of the curate that started it. */
  readonly version: string;
}

const schema = z.object({ pid: z.int(), address: z.string(), token: z.string(), version: z.string() });
const ANSWER_MS = 2_000;

/** The server that last published itself, which may be gone; null when there is none. */
export async function readState(file: string): Promise<LiteServer | null> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null;
  }
}

/** Whether somebody listens at the address. */
export function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = address.startsWith('unix:')
      ? connect(address.slice('unix:'.length))
      : connect(Number(address.slice(address.lastIndexOf(':') + 1)), '127.0.0.1');
    const settle = (verdict: boolean): void => {
      socket.destroy();
      resolve(verdict);
    };
    socket.setTimeout(ANSWER_MS, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
