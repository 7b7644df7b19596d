import type { Faulty } from './fault.ts';
import type { RenderRequest, Rendition } from './render.ts';

/** One at a time: the next is sent when the last was answered. */
export type ToDisplay = RenderRequest;

export type FromDisplay =
  /** The decoders are loaded. A request may be sent before. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'rendered'; readonly result: Rendition | Faulty }
  /** Nothing to do with a photo. */
  | { readonly kind: 'broken'; readonly message: string };
