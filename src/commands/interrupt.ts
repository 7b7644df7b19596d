import { interruptedError } from '../errors.ts';
import type { World } from '../world.ts';

/** Rejects at the first Ctrl-C. */
function untilInterrupted({ interrupted }: World): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(interruptedError());
    if (interrupted.aborted) stop();
    else interrupted.addEventListener('abort', stop, { once: true });
  });
}

/** The work's own outcome, unless Ctrl-C comes first: for stretches of a verb that need no tidy end. */
export function unlessInterrupted<T>(world: World, work: Promise<T>): Promise<T> {
  return Promise.race([work, untilInterrupted(world)]);
}
