import { interruptedError } from './errors.ts';

/** The work's own outcome, unless `signal` is aborted first: for stretches of work that need no tidy end. */
export async function unlessInterrupted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    stop = () => reject(interruptedError());
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Between two steps of a long piece of work. @throws UserError `interrupted` once `signal` is aborted */
export function demandUninterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw interruptedError();
}
