import type { LiteEvent } from './lite/events.ts';

/** What a call to a server is held up by. */
export type ServerEvent =
  /** The server is away or wants fewer requests; for how many seconds this call has waited so far. */
  | { readonly kind: 'remote'; readonly step: 'waiting'; readonly place: string; readonly seconds: number }
  /** It reads a collection into memory. */
  | { readonly kind: 'remote'; readonly step: 'loading'; readonly place: string; readonly percent: number };

export type StoreEvent = LiteEvent | ServerEvent;
export type OnStoreEvent = (event: StoreEvent) => void;
