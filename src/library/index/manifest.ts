import type { AbstractLevel } from 'abstract-level';
import { z } from 'zod';
import type { StoredPhoto } from '../../store/port.ts';
import { photoId } from '../paths.ts';
import { type Change, deletion, insertion } from './level.ts';

/** A database that keeps texts in order of their UTF-8 bytes. */
export type Level = AbstractLevel<string | Buffer | Uint8Array, string, string>;

/** Entries of one page. */
const PAGE = 1000;
/** Of entries that are read at a time: LevelDB's own 16 KB take ten times as many calls. */
const PAGE_BYTES = 262_144;
const SEAL = '!';
/** LevelDB's option: written before it is answered. */
const DURABLE: object = { sync: true };
/** Before a photo's key: its row. */
const ROW = 'p';
/** Before a photo's size, sha256 and key: nothing. What has one size, or one content, stands together. */
const CONTENT = 'c';
/** Hexadecimal digits of the largest size. */
const SIZE_DIGITS = 14;
/** Before a photo's key: nothing. It is not by content yet. */
const FRESH = 'f';
/** Keys of one iterator: while it is open, all files that were there when it was made stay, and are in memory. */
const SOME = 10 * PAGE;
/** Photos of one content that are read at a time. */
const FEW = 16;

const sealSchema = z.strictObject({ version: z.literal(2), mark: z.string(), photos: z.int().nonnegative() });
/** sha256, size, mtimeMs, facts. */
type Kept = readonly [string, number, number, number];

/** What a photo is known by, whatever it is called. */
export type Content = Pick<StoredPhoto, 'sha256' | 'size'>;

/** The rows of one folder's own photos. */
export interface StoredFolder {
  /** Relative to the library's root; "" is the root. */
  readonly folder: string;
  readonly rows: readonly StoredPhoto[];
}

/**
 * What a store has of one model's rows of a library, without vectors, by folder and by content, in an embedded database.
 * It is believed only while it is sealed with the mark that the model's rows of the library have in the store, which every
 * run that changes them draws anew before its first change. The seal is broken before anything is changed here, and put
 * last, so that a run killed at any moment leaves what is not believed.
 */
export class Manifest {
  readonly #level: Level;
  readonly #library: string;
  #broken = false;
  #count = 0;

  /** @param library its id */
  constructor(level: Level, library: string) {
    this.#level = level;
    this.#library = library;
  }

  /** Of a manifest that was filled, or found sealed. */
  get count(): number {
    return this.#count;
  }

  /** Whether the rows are those that the store has. */
  async isSealedAt(mark: string): Promise<boolean> {
    const seal = await this.#level.get(SEAL);
    if (seal === undefined) return false;
    const read = sealSchema.safeParse(JSON.parse(seal));
    if (!read.success || read.data.mark !== mark) return false;
    this.#count = read.data.photos;
    return true;
  }

  async breakSeal(): Promise<void> {
    if (this.#broken) return;
    await this.#level.del(SEAL, DURABLE);
    this.#broken = true;
  }

  async seal(mark: string): Promise<void> {
    const seal: z.infer<typeof sealSchema> = { version: 2, mark, photos: this.#count };
    await this.#level.put(SEAL, JSON.stringify(seal), DURABLE);
    this.#broken = false;
  }

  /** A folder and those in it, in the order of `compareFolders`. @param within "" for all */
  async *folders(within = ''): AsyncGenerator<StoredFolder> {
    let [folder, rows]: [string, StoredPhoto[]] = ['', []];
    const prefix = ROW + (within === '' ? '' : `${within}/`.replaceAll('/', '\0'));
    const range = { gte: prefix, lt: after(prefix), highWaterMarkBytes: PAGE_BYTES };
    const entries = this.#level.iterator(range);
    try {
      for (let page = await entries.nextv(PAGE); page.length > 0; page = await entries.nextv(PAGE)) {
        for (const [key, value] of page) {
          const row = this.#row(key.slice(ROW.length), value);
          const next = folderOf(row.path);
          if (next !== folder) {
            if (rows.length > 0) yield { folder, rows };
            [folder, rows] = [next, []];
          }
          rows.push(row);
        }
      }
    } finally {
      await entries.close();
    }
    if (rows.length > 0) yield { folder, rows };
  }

  /** Whether a photo of this size was there before this run changed any. */
  async hasSize(size: number): Promise<boolean> {
    const prefix = sizeKey(size);
    const found = await this.#level.keys({ gte: prefix, lt: after(prefix), limit: 1 }).all();
    return found.length > 0;
  }

  /** The photos that had this content before this run changed any, and still have it. */
  async *withContent(content: Content): AsyncGenerator<StoredPhoto> {
    const prefix = contentKey(content);
    const keys = this.#level.keys({ gte: prefix, lt: after(prefix) });
    try {
      for (let page = await keys.nextv(FEW); page.length > 0; page = await keys.nextv(FEW)) {
        const photos = page.map((key) => key.slice(prefix.length));
        for (const row of (await this.#read(photos)).values()) if (isSame(row, content)) yield row;
      }
    } finally {
      await keys.close();
    }
  }

  /** Takes rows that the store has; of one row no more than once. */
  async fill(photos: readonly StoredPhoto[]): Promise<void> {
    const keyed = photos.map((photo) => [this.#keyOf(photo), photo] as const);
    await this.#level.batch(
      keyed.flatMap(([key, photo]) => [insertion(ROW + key, asValue(photo)), insertion(contentKey(photo) + key)]),
    );
    this.#count += photos.length;
  }

  /** Takes rows that were written. They are not found by content before `indexContents`. */
  async put(photos: readonly StoredPhoto[]): Promise<void> {
    const byKey = new Map(photos.map((photo) => [this.#keyOf(photo), photo]));
    const former = await this.#read([...byKey.keys()]);
    const changes: Change[] = [];
    for (const [key, photo] of byKey) {
      const before = former.get(key);
      changes.push(insertion(ROW + key, asValue(photo)));
      if (before !== undefined && isSame(before, photo)) continue;
      if (before !== undefined) changes.push(deletion(contentKey(before) + key));
      changes.push(insertion(FRESH + key));
    }
    await this.#level.batch(changes);
    this.#count += byKey.size - former.size;
  }

  /** Makes what this run has put be found by content. */
  async indexContents(): Promise<void> {
    for (let last: string | null = FRESH; last !== null; ) last = await this.#indexSome(last);
  }

  /** @returns the last key that was dealt with; null when there was none behind that one */
  async #indexSome(behind: string): Promise<string | null> {
    let last: string | null = null;
    const fresh = this.#level.keys({ gt: behind, lt: after(FRESH), limit: SOME });
    try {
      for (let page = await fresh.nextv(PAGE); page.length > 0; page = await fresh.nextv(PAGE)) {
        const rows = await this.#read(page.map((key) => key.slice(FRESH.length)));
        const contents = [...rows].map(([key, row]) => insertion(contentKey(row) + key));
        await this.#level.batch([...page.map(deletion), ...contents]);
        last = page.at(-1) ?? null;
      }
    } finally {
      await fresh.close();
    }
    return last;
  }

  async remove(photos: readonly Pick<StoredPhoto, 'id' | 'path'>[]): Promise<void> {
    const former = await this.#read([...new Set(photos.map((photo) => this.#keyOf(photo)))]);
    await this.#level.batch(
      [...former].flatMap(([key, before]) => [deletion(ROW + key), deletion(contentKey(before) + key)]),
    );
    this.#count -= former.size;
  }

  async clear(): Promise<void> {
    await this.breakSeal();
    await this.#level.clear();
    this.#count = 0;
  }

  close(): Promise<void> {
    return this.#level.close();
  }

  async #read(keys: readonly string[]): Promise<Map<string, StoredPhoto>> {
    const values = await this.#level.getMany(keys.map((key) => ROW + key));
    const found = new Map<string, StoredPhoto>();
    for (const [i, key] of keys.entries()) {
      const value = values[i];
      if (value !== undefined) found.set(key, this.#row(key, value));
    }
    return found;
  }

  #row(key: string, value: string): StoredPhoto {
    const [sha256, size, mtimeMs, facts] = JSON.parse(value) as Kept;
    const end = key.indexOf(FOLDER_END);
    const folder = key.slice(0, end).replaceAll('\0', '/');
    const [name = '', stray] = key.slice(end + FOLDER_END.length).split('\0');
    const path = folder === '' ? name : `${folder}/${name}`;
    return { id: stray ?? photoId(this.#library, path), path, sha256, size, mtimeMs, facts };
  }

  /** Two rows of one path are told apart by the id that only one of them should have. */
  #keyOf({ id, path }: Pick<StoredPhoto, 'id' | 'path'>): string {
    const folder = folderOf(path);
    const key = folderKey(folder) + path.slice(folder === '' ? 0 : folder.length + 1);
    return id === photoId(this.#library, path) ? key : `${key}\0${id}`;
  }
}

/** No name holds it: so a folder's own photos stand before its folders, and those before its neighbours. */
const FOLDER_END = '\0\0';

function folderKey(folder: string): string {
  return folder.replaceAll('/', '\0') + FOLDER_END;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The order of rows: a folder before the folders in it, neighbours by the bytes of their names. */
export function compareFolders(one: string, other: string): number {
  return Buffer.compare(Buffer.from(folderKey(one)), Buffer.from(folderKey(other)));
}

function asValue({ sha256, size, mtimeMs, facts }: StoredPhoto): string {
  return JSON.stringify([sha256, size, mtimeMs, facts] satisfies Kept);
}

const isSame = (one: Content, other: Content): boolean => one.sha256 === other.sha256 && one.size === other.size;
const sizeKey = (size: number): string => `${CONTENT}${size.toString(16).padStart(SIZE_DIGITS, '0')}:`;
const contentKey = ({ sha256, size }: Content): string => `${sizeKey(size)}${sha256}:`;

/** The first text behind all that begin with this one, which ends in ASCII. */
function after(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
