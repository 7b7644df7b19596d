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
  | { readonly kind: 'server'; readonly step: 'starting' | 'waiting' | 'replacing' };

export type OnLiteEvent = (event: LiteEvent) => void;
