/** What starting the embedded store is busy with. Nothing is reported when it already runs. */
export type LiteEvent =
  /** Another curate is setting up the same Python environment. */
  | { readonly kind: 'provisioning'; readonly step: 'waiting' }
  | { readonly kind: 'provisioning'; readonly step: 'creating'; readonly python: string; readonly again: boolean }
  | {
      readonly kind: 'provisioning';
      readonly step: 'downloading';
      readonly package: string;
      readonly receivedBytes: number;
      readonly totalBytes: number;
    }
  | { readonly kind: 'provisioning'; readonly step: 'installing' | 'testing' }
  | { readonly kind: 'provisioning'; readonly step: 'ready'; readonly folder: string; readonly bytes: number }
  /** `waiting`: another process starts it or is ending it; `replacing`: an older version's, or one that is stuck. */
  | { readonly kind: 'server'; readonly step: 'starting' | 'waiting' | 'replacing' }
  /** The index goes from an older Milvus Lite to this version of it, so many rows so far. */
  | {
      readonly kind: 'engine';
      readonly step: 'moving';
      readonly version: string;
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: 'engine'; readonly step: 'moved'; readonly version: string };

export type OnLiteEvent = (event: LiteEvent) => void;

/** What a call to a server is held up by. */
export type ServerEvent =
  /** The server is away or wants fewer requests; for how many seconds this call has waited so far. */
  | { readonly kind: 'remote'; readonly step: 'waiting'; readonly place: string; readonly seconds: number }
  /** It reads a collection into memory. */
  | { readonly kind: 'remote'; readonly step: 'loading'; readonly place: string; readonly percent: number };

export type StoreEvent = LiteEvent | ServerEvent;
export type OnStoreEvent = (event: StoreEvent) => void;
