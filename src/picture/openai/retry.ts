import { setTimeout as sleep } from 'node:timers/promises';
import { APIError } from 'openai';
import { interruptedError } from '../../errors.ts';
import type { World } from '../../world.ts';
import type { SendOptions } from '../port.ts';

/** Nobody sits through a longer wait without having asked for it. */
export const LONGEST_WAIT_S = 300;

/**
 * Sends once, and again only when the server refused before any processing (429, 503), said when to come back, and the
 * person allowed it. Everything else could be paid twice.
 */
export async function sendPatiently<T>(
  send: () => Promise<T>,
  options: SendOptions,
  { now }: Pick<World, 'now'>,
): Promise<T> {
  for (let left = options.retries; ; left -= 1) {
    try {
      return await send();
    } catch (error) {
      const seconds = left > 0 ? comeBackIn(error, now()) : null;
      if (seconds === null || seconds > LONGEST_WAIT_S) throw error;
      options.onWait(seconds);
      await sleep(seconds * 1000, undefined, { signal: options.interrupted }).catch(() => {
        throw interruptedError('Interrupted while waiting; nothing was made.');
      });
    }
  }
}

/** Seconds until the server wants to see the request again; null when it should not be repeated. */
export function comeBackIn(error: unknown, now: Date): number | null {
  if (!(error instanceof APIError) || (error.status !== 429 && error.status !== 503)) return null;
  // Spent credit does not come back by waiting.
  if (/quota|billing/.test(`${error.code} ${error.type}`)) return null;
  const headers = error.headers as Headers | undefined;
  if (headers === undefined || headers.get('x-should-retry') === 'false') return null;
  const milliseconds = headers.get('retry-after-ms');
  if (milliseconds !== null && Number.isFinite(Number(milliseconds))) return Math.max(0, Number(milliseconds) / 1000);
  const after = headers.get('retry-after');
  if (after === null) return null;
  if (/^\d+(\.\d+)?$/.test(after.trim())) return Number(after);
  const date = Date.parse(after);
  return Number.isNaN(date) ? null : Math.max(0, (date - now.getTime()) / 1000);
}
