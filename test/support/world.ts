import { PassThrough, Writable } from 'node:stream';
import { realWorld, type World } from '../../src/world.ts';

/** Made once: it listens for signals. */
const real = realWorld();

/** A world of its own for one test: its streams are kept, its environment is empty. */
export function testWorld(
  overrides: Partial<World> = {},
): World & { readonly out: () => string; readonly err: () => string } {
  const out = sink();
  const err = sink();
  return {
    ...real,
    env: {},
    stdin: new PassThrough() as unknown as World['stdin'],
    stdout: out.stream,
    stderr: err.stream,
    interrupted: new AbortController().signal,
    // The process is that of the tests.
    keepCompiled: () => undefined,
    ...overrides,
    out: out.text,
    err: err.text,
  };
}

function sink(): { readonly stream: NodeJS.WriteStream; readonly text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream: stream as NodeJS.WriteStream, text: () => text };
}
