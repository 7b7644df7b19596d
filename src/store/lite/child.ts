import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { createInterface } from 'node:readline';
import { messageOf } from '../../errors.ts';
import type { World } from '../../world.ts';

export interface ChildEnd {
  /** Null when it could not be started or was ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started; null when it was. */
  readonly failure: string | null;
}

/**
 * Runs a program to its end, line by line of its standard output; an interrupted curate ends it.
 * @param options with the `timeout` after which it is ended, if any
 */
export async function runLines(
  world: World,
  command: string,
  args: readonly string[],
  { timeout, ...options }: SpawnOptions,
  onLine: (line: string) => void,
): Promise<ChildEnd> {
  // Node's own time limit is not called off where the program could not be started, and curate would stay for it.
  const limits = timeout === undefined ? [] : [AbortSignal.timeout(timeout)];
  const signal = AbortSignal.any([world.interrupted, ...limits]);
  const child = world.spawn(command, args, { ...options, signal, killSignal: 'SIGTERM' });
  const ended = endOf(child);
  if (child.stdout !== null) for await (const line of createInterface({ input: child.stdout })) onLine(line);
  return ended;
}

/** How a child ends; resolves when its streams are closed too. */
export function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    let failure: string | null = null;
    child.once('error', (error) => {
      failure = messageOf(error);
      // No "close" follows when it was never started.
      if (child.pid === undefined) resolve({ code: null, signal: null, failure });
    });
    child.once('close', (code, signal) => resolve({ code, signal, failure }));
  });
}
