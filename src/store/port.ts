/** Photos that belong together, for every machine that shares the store. The name is for people, the id for rows. */
export interface Library {
  readonly id: string;
  readonly name: string;
  /**
   * Absolute native path on this machine, or `NAME:` where this machine does not have it (library/machine.ts). The
   * store itself keeps no more than the one that curate 0.1.0 put there, or ''.
   */
  readonly root: string;
  /** The model that it was last indexed with, as it was named; absent before the first run. */
  readonly model?: string;
  /** Raised by every run that changes something, before its first change; absent before the first one. */
  readonly generation?: number;
  /** Drawn at random with each generation: two stores, or one and its backup, may have come to the same number. */
  readonly mark?: string;
  /** The mark of the last run that changed rows of a model, by its sha256: what is known of one outlasts changes of another. */
  readonly marks?: Readonly<Record<string, string>>;
  /** Who changes it now; absent when nobody does. */
  readonly lease?: Lease;
  /** From where its rows are still being copied into this store; absent when it is whole. */
  readonly arriving?: string;
}

/** A machine's claim to change a library, renewed while its run lasts; a run that was killed leaves it to run out. */
export interface Lease {
  /** Another one for each run. */
  readonly token: string;
  /** Id of the machine. */
  readonly machine: string;
  /** For people: "nas (process 4711)". */
  readonly holder: string;
  /** By the holder's clock, milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
}

/** Whose vectors a store holds. One collection per model: vectors of different models are never compared. */
export interface ModelIdentity {
  readonly id: string;
  /** Of the ONNX file, lower-case hex. */
  readonly sha256: string;
  readonly dim: number;
}

/** A model that has photos in a store. */
export interface IndexedModel {
  readonly model: ModelIdentity;
  readonly photos: number;
}

/** What reconciling needs to know of an indexed photo. */
export interface StoredPhoto {
  /** sha256 of library id, NUL, relative path. */
  readonly id: string;
  /** Relative to the library's root, separated by "/". */
  readonly path: string;
  /** Of the file's bytes, lower-case hex. */
  readonly sha256: string;
  readonly size: number;
  /** Kept in whole milliseconds: compare with `Math.round(stat.mtimeMs)`. */
  readonly mtimeMs: number;
  /** Which reader of files found what the record says besides: an older one's facts are to be read again. */
  readonly facts: number;
}

/** For rows whose further facts nobody has read from the file yet. */
export const UNREAD = { takenOffsetMinutes: null, takenFrom: null, facts: 0 } as const;

/** Everything kept of a photo but its vector. */
export interface PhotoRecord extends StoredPhoto {
  readonly library: string;
  /** Of the camera's wall clock, read as if it showed UTC, milliseconds since 1970; null when unknown. */
  readonly takenMs: number | null;
  /** How far that clock was ahead of UTC; null where nothing says so. */
  readonly takenOffsetMinutes: number | null;
  /** What says when it was taken, at most 16 bytes: see photos/taken.ts; null when nothing does. */
  readonly takenFrom: string | null;
  readonly camera: string | null;
  /** Upright pixels. */
  readonly width: number;
  readonly height: number;
  /** Sharpness of the reduced luma, less its noise; comparable within a burst only. */
  readonly quality: number;
}

export interface PhotoRow extends PhotoRecord {
  /** Unit length, the model's dimension. */
  readonly vector: Float32Array;
}

export interface Hit extends PhotoRecord {
  /** Cosine similarity in [-1, 1]. */
  readonly score: number;
}

export interface VectorHit extends Hit, PhotoRow {}

/** Upright: wider than high, higher than wide, or neither. */
export type Shape = 'landscape' | 'portrait' | 'square';

/** Filters are values; each store writes them in its own language. What is absent restricts nothing. */
export interface PhotoFilter {
  /** Photos in any of these folders; `folder` is relative, "/"-separated, "" is the whole library. */
  readonly within?: readonly { readonly library: string; readonly folder: string }[];
  /** Inclusive; photos without a time of taking are left out. */
  readonly takenAfterMs?: number;
  /** Exclusive; photos without a time of taking are left out. */
  readonly takenBeforeMs?: number;
  /**
   * Lets photos without a time of taking through, too, where the file's own time lies in here: from `afterMs` until
   * before `beforeMs`. Means something only with a bound on the time of taking.
   */
  readonly undated?: { readonly afterMs?: number; readonly beforeMs?: number };
  /** Of any of these shapes. */
  readonly shapes?: readonly Shape[];
  /** Pixels that the short side has at least. */
  readonly minSide?: number;
  /** A part of the camera's name, in any case. */
  readonly camera?: string;
  /** A glob for the file's name, in any case. */
  readonly name?: string;
  /** Endings of the file's name, in lower case and without the dot. */
  readonly endings?: readonly string[];
  /** Patterns in gitignore syntax, relative to the photo's library: what they ignore is left out. */
  readonly exclude?: readonly string[];
}

/** The most photos that a store gives to one search. */
export const MOST_HITS = 16_384;

export interface SearchOptions {
  /** At most `MOST_HITS`; with vectors better 1,000, since each takes kilobytes. */
  readonly k: number;
  readonly filter?: PhotoFilter;
  readonly minScore?: number;
  /** Compares every vector, in time that grows with their number, where the store would ask an approximate index. */
  readonly exact?: boolean;
}

/**
 * Rows that searches of one run found, by id: those that another of them finds are not read again, as long as they are
 * kept. Nobody tells it of changes, so it is for a run of moments.
 */
export type SeenRows = Map<string, PhotoRow>;

/**
 * Where an index lives: the libraries, and one table of photos per model.
 * Every call of a store and its tables rejects with a UserError when the store is broken or away: that always stops
 * a run.
 */
export interface PhotoStore {
  readonly kind: 'lite' | 'server' | 'zilliz';
  /**
   * What tells this index from every other, by whatever name its server is reached; null before there is a library, and
   * for the embedded store, which has but one name.
   */
  identity(): Promise<string | null>;
  /** In order of id. With `recent: false` faster, but what other machines put in the last seconds may be missing. */
  libraries(options?: { readonly recent?: boolean }): Promise<Library[]>;
  putLibrary(library: Library): Promise<void>;
  /** Forgets the library itself; its rows are removed from each model's table. */
  removeLibrary(id: string): Promise<void>;
  /** Every model that has a table here, in order of id. */
  models(): Promise<IndexedModel[]>;
  /** By what a model's photos are searched. */
  about(model: ModelIdentity): Promise<StoreAbout>;
  /** Costs no call: a table that nobody has written to yet is an empty one. */
  table(model: ModelIdentity): PhotoTable;
  /** Ends the connection that the tables share. */
  close(): Promise<void>;
}

export interface StoreAbout {
  /** As "2.3.5"; null for the embedded one, and where a server says none. */
  readonly version: string | null;
  /** What the vectors are indexed by: "HNSW (M 16, efConstruction 200)"; null without an index, and then search is exact. */
  readonly index: string | null;
  /** Null for the embedded one, of which there is nothing to choose. */
  readonly server: ServerAbout | null;
}

/** What a server can do, and what an index there comes to. */
export interface ServerAbout {
  readonly databases: boolean;
  readonly partitionKeys: boolean;
  /** "float32", "float16" */
  readonly vectorTypes: readonly string[];
  /** For vectors, of those that may suit photos. */
  readonly indexTypes: readonly string[];
  /** Fields that filters ask for and that have an index of their own. */
  readonly indexedFields: readonly string[];
  /** Bytes that a photo takes of its memory. */
  readonly photoMemory: number;
  /** Bytes of all the nodes that search; null when it does not say. */
  readonly memory: number | null;
}

export interface UpgradeOptions {
  /** Aborting leaves the rest to the next upgrade. */
  readonly interrupted: AbortSignal;
  onProgress(done: number, total: number): void;
}

/** Which rows are listed, and how. */
export interface Listing {
  readonly filter?: PhotoFilter;
  /** Only rows of a greater id. */
  readonly after?: string;
  /** How many are read at a time: few for whoever wants few. Default: as many as the store gives. */
  readonly page?: number;
}

/** How rows are read by their ids. */
export interface Reading {
  /** Unless they are to be, what others wrote in the last moments may be missing, and a server answers a fifth of a second sooner. */
  readonly recent?: boolean;
  /** Rows that need not be read, and then need not be recent; all that it has must pass the filter. */
  readonly seen?: SeenRows | undefined;
  /** Only those that it lets through. */
  readonly filter?: PhotoFilter | undefined;
}

/** The rows of one model. Until they are upgraded, rows of an earlier version are read where they are. */
export interface PhotoTable {
  /**
   * Brings rows that an earlier version of curate wrote into the form of this one, embedding nothing; called before the
   * first write of an index run, and at once done when there are none.
   * @throws UserError `interrupted`
   */
  upgrade(options: UpgradeOptions): Promise<void>;
  /**
   * What reconciling needs of a library's photos, in order of id.
   * @param page how many are read at a time: few for whoever lists two tables at once. Default: as many as the store gives
   */
  photos(library: string, page?: number): AsyncIterable<StoredPhoto>;
  /** Every row that the filter lets through, in order of id; read page by page, so it never is in memory at once. */
  all(options: Listing & { readonly vectors: true }): AsyncIterable<PhotoRow>;
  all(options?: Listing): AsyncIterable<PhotoRecord>;
  /** Whole rows, vectors included, in no particular order; unknown ids are left out. */
  rows(ids: readonly string[], options?: Reading): Promise<PhotoRow[]>;
  /** Inserts or replaces; resolved means acknowledged by the store. */
  upsert(rows: readonly PhotoRow[]): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /** Removes every row of a library, and reads none. */
  removeLibrary(library: string): Promise<void>;
  /** The `k` nearest by cosine, best first, ties by path; with their vectors when asked, which `seen` may spare reading. */
  search(
    vector: Float32Array,
    options: SearchOptions & { readonly vectors: true; readonly seen?: SeenRows | undefined },
  ): Promise<VectorHit[]>;
  search(vector: Float32Array, options: SearchOptions): Promise<Hit[]>;
  count(library?: string): Promise<number>;
  /** Makes acknowledged rows durable and quick to search; called at the end of an index run. */
  flush(): Promise<void>;
}

/** An open store and the table of the model at hand. */
export interface PhotoIndex {
  readonly store: PhotoStore;
  readonly table: PhotoTable;
}
