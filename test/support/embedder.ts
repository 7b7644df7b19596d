import type { ChildProcess } from 'node:child_process';
import type { World } from '../../src/world.ts';
import { testWorld } from './world.ts';

/** The built embedder: its workers are processes, and Node 20 cannot run TypeScript. */
export const builtEmbedder = (): Promise<typeof import('../../src/embedding/embedder.ts')> =>
  import(new URL('../../dist/embedding/embedder.js', import.meta.url).href);

interface Sent {
  readonly kind: string;
  readonly file?: string;
}

/** A world that remembers the processes it starts, and calls `onSend` with each message to one. */
export function watchedWorld(
  onSend: (child: ChildProcess, message: Sent) => void = () => undefined,
): World & { readonly children: readonly ChildProcess[] } {
  const world = testWorld();
  const children: ChildProcess[] = [];
  const spawn = ((...args: Parameters<World['spawn']>) => {
    const child = world.spawn(...args);
    children.push(child);
    const send = child.send.bind(child) as (...args: unknown[]) => boolean;
    child.send = (...args: unknown[]) => {
      const sent = send(...args);
      onSend(child, args[0] as Sent);
      return sent;
    };
    return child;
  }) as World['spawn'];
  return { ...world, spawn, children };
}
