import type { SessionEvent } from '../../library/session.ts';
import type { World } from '../../world.ts';
import { bytes } from '../text.ts';
import { createProgress, type Progress } from './progress.ts';

/** Shows on stderr what opening the store is busy with, what a server is waited for, and a model that is taken from it. */
export function storeScreen(world: World): (event: SessionEvent) => void {
  let progress: Progress | null = null;
  let moving: Progress | null = null;
  let said = '';
  return (event) => {
    if (event.kind === 'provisioning' && event.step === 'downloading') {
      progress ??= createProgress(world, 'Downloading Milvus Lite', bytes);
      progress.update(event.receivedBytes, event.totalBytes);
      return;
    }
    if (event.kind === 'engine') {
      const to = `to Milvus Lite ${event.version}`;
      moving ??= createProgress(world, `Moving the index ${to}`);
      if (event.step === 'moving') moving.update(event.done, event.total);
      else moving.finish(`The index was moved ${to} and compared; nothing was embedded again.`);
      return;
    }
    const line = lineOf(event);
    if (line === null || line === said) return;
    said = line;
    progress ??= createProgress(world, 'Downloading Milvus Lite', bytes);
    if (event.kind === 'provisioning' && event.step === 'ready') progress.finish(line);
    else progress.note(line);
  };
}

/** A sentence for what takes long enough to be said. */
function lineOf(event: Exclude<SessionEvent, { step: 'downloading' | 'moving' | 'moved' }>): string | null {
  switch (event.step) {
    case 'loading':
      return `Milvus at ${event.place} is loading the index into memory (${event.percent} %).`;
    case 'waiting':
      if (event.kind === 'remote') return `Waiting for Milvus at ${event.place} (${event.seconds} s).`;
      return event.kind === 'server'
        ? 'Waiting for the embedded Milvus server, which another curate is starting or ending.'
        : 'Another curate is setting up Milvus Lite; waiting for it.';
    case 'taken':
      return `The index at ${event.place} was made with the model ${event.model}, which is taken here, too.`;
    case 'replacing':
      return 'Replacing an embedded Milvus server that is of an older curate, or stuck.';
    case 'creating':
      return event.again
        ? 'Setting up Milvus Lite again: its private Python environment was incomplete.'
        : 'Setting up Milvus Lite in a private Python environment (once, about 250 MB).';
    case 'installing':
      return 'Installing Milvus Lite.';
    case 'ready':
      return `Milvus Lite is ready (${bytes(event.bytes)}).`;
    case 'starting':
    case 'testing':
      return null;
  }
}
