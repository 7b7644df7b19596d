import { isCancel } from '@clack/prompts';
import { interruptedError } from '../errors.ts';
import type { World } from '../world.ts';

/** How a prompt reaches the person: questions go to standard error, results alone to standard output. */
export function promptStreams({ stdin, stderr, interrupted }: World) {
  return { input: stdin, output: stderr, signal: interrupted };
}

/** The answer to a prompt; Ctrl-C and Escape end the verb. */
export async function answered<T>(world: World, prompt: Promise<T>): Promise<Exclude<T, symbol>> {
  const answer = await prompt;
  // The prompt leaves the terminal's input flowing, which would keep the process from ending.
  world.stdin.pause();
  if (isCancel(answer)) throw interruptedError('Interrupted; nothing was sent.');
  return answer as Exclude<T, symbol>;
}
