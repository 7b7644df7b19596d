import type { Lease, Library } from '../../store/port.ts';
import type { FasterModel } from './faster-model.ts';

/** What an index run reports while it goes; renderers handle every kind. */
export type IndexEvent =
  /** Another process changes the index; this run begins when it is done. `holder` is its id, where it is known. */
  | { readonly kind: 'waiting'; readonly holder: number | null }
  /** Another machine changes the library; this run goes on when it is done. */
  | { readonly kind: 'leased'; readonly library: Library; readonly lease: Lease }
  /** The model is another than the index was made with: of so many photos, in about so many seconds. */
  | { readonly kind: 'new-model'; readonly model: string; readonly photos: number; readonly seconds: number }
  /** A first run is going to be long, and another model would make it shorter. */
  | ({ readonly kind: 'faster-model' } & FasterModel)
  /** The device that was asked for is not used. */
  | { readonly kind: 'fallback'; readonly reason: string }
  /** A library was walked and compared: `todo` files have to be read. */
  | { readonly kind: 'compared'; readonly library: Library; readonly found: number; readonly todo: number }
  /** Rows of an earlier version of curate are copied into the form of this one; nothing is embedded again. */
  | { readonly kind: 'upgrading'; readonly done: number; readonly total: number }
  /** What is new is looked at for the words that it shows; it is embedded already. */
  | { readonly kind: 'classifying'; readonly done: number; readonly total: number }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly failed: number }
  | { readonly kind: 'photo-failed'; readonly file: string; readonly reason: string }
  /** Rows were not removed, because it looks as if a drive were away. */
  | { readonly kind: 'kept'; readonly library: Library; readonly photos: number; readonly reason: string }
  /** Rows were not removed, because their files were never on this machine. */
  | { readonly kind: 'never-here'; readonly library: Library; readonly photos: number }
  /** A library was left as it is, because its folder holds other photos under the same names. */
  | { readonly kind: 'replaced'; readonly library: Library; readonly reason: string }
  /** A library has lost its folder on this machine to another, of whose name others photos are there. */
  | { readonly kind: 'displaced'; readonly library: Library; readonly by: Library }
  /** A new folder has a library of its own, called otherwise than another machine's of the same name. */
  | { readonly kind: 'apart'; readonly library: Library; readonly other: Library }
  /** The folder of a library is not there. */
  | { readonly kind: 'away'; readonly library: Library }
  /** A library inside another was taken over by it. */
  | { readonly kind: 'absorbed'; readonly library: Library; readonly into: Library }
  | { readonly kind: 'interrupted'; readonly left: number };

export type OnIndexEvent = (event: IndexEvent) => void;

export interface LibraryReport {
  readonly name: string;
  readonly root: string;
  /** Rows of the library after the run. */
  photos: number;
  added: number;
  updated: number;
  moved: number;
  unchanged: number;
  removed: number;
  /** Paths are absolute and native. */
  readonly failed: { readonly path: string; readonly code: string; readonly reason: string }[];
  readonly skipped: { readonly path: string; readonly reason: string }[];
}

export interface IndexReport {
  readonly libraries: readonly LibraryReport[];
  readonly embedded: number;
  /** What embedding alone took. */
  readonly embeddingSeconds: number;
  readonly interrupted: boolean;
}
