import type { LiteEvent } from '../store/lite/events.ts';
import { bytes } from './text.ts';

/** What to say while the embedded store is set up or started; null for what is too short or too frequent to say. */
export function lineOf(event: LiteEvent): string | null {
  if (event.kind === 'server') {
    switch (event.step) {
      case 'starting':
        return null;
      case 'waiting':
        return 'Waiting for the embedded Milvus server, which another curate is starting or ending.';
      case 'replacing':
        return 'Replacing the embedded Milvus server of an older curate.';
    }
  }
  switch (event.step) {
    case 'waiting':
      return 'Another curate is setting up Milvus Lite; waiting for it.';
    case 'creating':
      return event.again
        ? 'Setting up Milvus Lite again: its private Python environment was incomplete.'
        : 'Setting up Milvus Lite in a private Python environment (once, about 250 MB).';
    case 'downloading':
      return null;
    case 'installing':
      return 'Installing Milvus Lite.';
    case 'testing':
      return null;
    case 'ready':
      return `Milvus Lite is ready (${bytes(event.bytes)}).`;
    default:
      return event satisfies never;
  }
}
