import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import type { Library } from '../../store/port.ts';
import { type Change, deletion, insertion, nameOf, openLevel, storeFolder } from './level.ts';

/** No path begins with it. */
const WHOLE = '/';
/** Paths of one batch. */
const BATCH = 1000;

interface Notes {
  /** Null where nothing can be kept. */
  readonly level: ClassicLevel<string, string> | null;
  /** Whether every file that was ever here is noted. */
  readonly whole: boolean;
}

/**
 * The files of shared libraries that were ever on this machine, by path: a row whose file is not here has left, or has
 * moved, only if the file was here before. So machines that have different parts of a library do not remove each other's
 * rows. They are kept in an embedded database beside the manifests, a file before its row is written. Where nothing can
 * be kept, and until the first whole run of a library that was here before there were notes, every file counts as seen.
 */
export class Sightings {
  readonly #folder: string | null;
  readonly #changes: boolean;
  readonly #notes = new Map<string, Promise<Notes>>();
  /** Kept with each file that this run finds. */
  readonly #run = randomUUID().slice(0, 8);

  /**
   * @param folder null for a store that no other machine writes to; then every file counts as seen
   * @param changes whether anything is noted; false in a dry run
   */
  constructor(folder: string | null, { changes }: { readonly changes: boolean }) {
    this.#folder = folder;
    this.#changes = changes;
  }

  /** To be called before this machine notes where a library is that it did not have: nothing of it was ever here. */
  async begin(library: Library): Promise<void> {
    if (this.#folder === null) return;
    const level = this.#changes ? (await this.#open(library)).level : null;
    const isEmpty = await succeeds(async () => {
      await level?.clear();
      await level?.put(WHOLE, '', { sync: true });
    });
    this.#notes.set(library.id, Promise.resolve({ level: isEmpty ? level : null, whole: true }));
  }

  /** To be called before rows of these files are written. */
  async note(library: Library, files: readonly { readonly path: string }[]): Promise<void> {
    if (!this.#changes) return;
    await this.#change(library, files, (path) => insertion(path, this.#run));
  }

  /** Whether a file was ever here. */
  async had(library: Library, path: string): Promise<boolean> {
    if (this.#folder === null) return true;
    const { level, whole } = await this.#open(library);
    return !whole || (await level?.get(path)) !== undefined;
  }

  /** Forgets files whose rows were removed: another machine may have some of the same name one day. */
  forget(library: Library, rows: readonly { readonly path: string }[]): Promise<void> {
    return this.#change(library, rows, deletion);
  }

  /**
   * At the end of a whole run of a library: from now on what is not noted was never here. What this run did not find is
   * forgotten: its row went by this run or, where another machine noticed first, before it.
   * @param keeps whether a path stays noted though its file was not found, as where nobody could look
   */
  async settle(library: Library, keeps: (path: string) => boolean): Promise<void> {
    if (this.#folder === null || !this.#changes) return;
    const { level, whole } = await this.#open(library);
    if (!whole) await succeeds(() => level?.put(WHOLE, '', { sync: true }));
    await succeeds(async () => {
      for await (const paths of this.#left(level, keeps)) await level?.batch(paths.map(deletion));
    });
  }

  /** What was noted by earlier runs alone, a batch at a time. */
  async *#left(level: Notes['level'], keeps: (path: string) => boolean): AsyncGenerator<string[]> {
    const entries = level?.iterator({ gt: WHOLE });
    if (entries === undefined) return;
    try {
      for (let some = await entries.nextv(BATCH); some.length > 0; some = await entries.nextv(BATCH)) {
        yield some.flatMap(([path, run]) => (run === this.#run || keeps(path) ? [] : [path]));
      }
    } finally {
      await entries.close();
    }
  }

  async close(): Promise<void> {
    for (const { level } of await Promise.all(this.#notes.values())) {
      // What is open no longer, because it could not be written, needs no closing.
      if (level?.status === 'open') await level.close();
    }
    this.#notes.clear();
  }

  /** What cannot be noted, as on a full disk, counts as never seen: its row stays rather than goes. */
  async #change(
    library: Library,
    files: readonly { readonly path: string }[],
    change: (path: string) => Change,
  ): Promise<void> {
    if (this.#folder === null) return;
    const { level } = await this.#open(library);
    for (let start = 0; start < files.length; start += BATCH) {
      const operations = files.slice(start, start + BATCH).map(({ path }) => change(path));
      if (!(await succeeds(() => level?.batch(operations)))) return;
    }
  }

  #open(library: Library): Promise<Notes> {
    const opened = this.#notes.get(library.id) ?? this.#read(library.id);
    this.#notes.set(library.id, opened);
    return opened;
  }

  async #read(library: string): Promise<Notes> {
    const folder = join(this.#folder ?? '', nameOf(library));
    const isNew = !existsSync(folder);
    if (isNew && !this.#changes) return { level: null, whole: false };
    try {
      const level = await openLevel(folder);
      return { level, whole: (await level.get(WHOLE)) !== undefined };
    } catch {
      // Damaged notes are begun again, as if nothing had been here; where none can be kept, every file counts as seen.
      if (isNew || !this.#changes) return { level: null, whole: !isNew };
      await rm(folder, { recursive: true, force: true });
      const level = await openLevel(folder).catch(() => null);
      await succeeds(() => level?.put(WHOLE, '', { sync: true }));
      return { level, whole: true };
    }
  }
}

async function succeeds(change: () => Promise<void> | undefined): Promise<boolean> {
  try {
    await change();
    return true;
  } catch {
    return false;
  }
}

/** Where this machine notes which files of a store's libraries were here; whatever the model. */
export function sightingsIn(data: string, place: string): string {
  return storeFolder(data, place, 'seen');
}
