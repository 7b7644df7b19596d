/** What is to become of one file. `passed`: it does not look like a photo, and need not be mentioned. */
export type Expectation =
  | { readonly indexed: readonly [width: number, height: number] }
  | { readonly failed: string }
  | { readonly skipped: string }
  | 'passed';

export interface Hostile {
  /** Relative to the root; a Buffer where it is not UTF-8. */
  readonly path: string | Buffer;
  readonly expected: Expectation;
}

export interface HostileFile extends Hostile {
  readonly bytes: Buffer | string;
}
