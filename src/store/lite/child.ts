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

/** Runs a program to its end, line by line of its standard output; an interrupted curate ends it. */
export async function runLines(
  world: World,
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  onLine: (line: string) => void,
): Promise<ChildEnd> {
  const child = world.spawn(command, args, { ...options, signal: world.interrupted, killSignal: 'SIGTERM' });
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
