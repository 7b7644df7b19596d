import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { exists } from './exists.ts';

const DRAFT = /^\.curate-[0-9a-f-]{36}\.part$/;

/** A new name for a file in the making, in a folder. */
export function draftIn(folder: string): string {
  return join(folder, `.curate-${randomUUID()}.part`);
}

/**
 * A file that is written under another name in the same folder and appears under its own only when it is whole: a
 * reader sees the old content or the new. A link stays a link. Ends with `publish`, `publishNew` or `abandon`.
 * Not by write-file-atomic, which takes a short write on a full disk for success and then renames the stump.
 */
export class Draft {
  readonly handle: FileHandle;
  readonly #target: string;
  readonly #path: string;

  private constructor(handle: FileHandle, target: string, path: string) {
    this.handle = handle;
    this.#target = target;
    this.#path = path;
  }

  /**
   * Removes drafts in the folder that a killed process left behind, too.
   * @param mode Of the new file: 0o600 for what is nobody else's business.
   */
  static async open(file: string, mode = 0o666): Promise<Draft> {
    const target = await realpath(file).catch(() => file);
    await clearDrafts(dirname(target));
    for (;;) {
      const path = draftIn(dirname(target));
      const handle = await open(path, 'wx', mode);
      if (await markAsOurs(handle, path)) return new Draft(handle, target, path);
      await handle.close();
    }
  }

  /** Gives the file its name, in place of whatever has it. */
  async publish(): Promise<void> {
    await this.handle.sync();
    await rename(this.#path, this.#target);
    await this.handle.close();
  }

  /** Gives the file its name unless something has it. @returns false when the name is taken (and nothing was written) */
  async publishNew(): Promise<boolean> {
    await this.handle.sync();
    const isFree = await claim(this.#path, this.#target);
    if (isFree) await rename(this.#path, this.#target);
    // Two names of one file, as a hard link makes them, are both left by a rename.
    await this.abandon();
    return isFree;
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.handle.close();
    await rm(this.#path, { force: true });
  }
}

/**
 * A lock says that the draft is being written; it goes with the process, however that ends.
 * @returns false when another process took the draft for abandoned before it was locked
 */
export async function markAsOurs({ fd }: FileHandle, path: string): Promise<boolean> {
  const { tryLock } = await import('fs-native-extensions');
  try {
    if (!tryLock(fd)) return false;
  } catch {
    // Some network drives have no locks.
  }
  return exists(path);
}

/** Removes the drafts in a folder that a killed process left behind; those that are being written stay. */
export async function clearDrafts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => DRAFT.test(one))) await removeAbandoned(join(folder, name));
}

/** Holds the lock until the draft is gone, so that nobody begins to write it. */
async function removeAbandoned(draft: string): Promise<void> {
  const { tryLock } = await import('fs-native-extensions');
  const handle = await open(draft, 'r+').catch(() => null);
  try {
    if (handle !== null && tryLock(handle.fd)) await rm(draft, { force: true });
  } catch {
    // Where it cannot be told or removed, it stays.
  } finally {
    await handle?.close();
  }
}

type Data = string | Uint8Array;

/** Writes the file whole or not at all. @param data in parts, too, one behind the other @param mode as of `Draft.open` */
export async function writeWhole(file: string, data: Data | Iterable<Uint8Array>, mode?: number): Promise<void> {
  await written(await Draft.open(file, mode), data, (draft) => draft.publish());
}

/** Writes a file whole or not at all, and never over anything. @returns false when the name is taken */
export async function writeNew(file: string, data: Data): Promise<boolean> {
  return written(await Draft.open(file), data, (draft) => draft.publishNew());
}

async function written<T>(
  draft: Draft,
  data: Data | Iterable<Uint8Array>,
  publish: (draft: Draft) => Promise<T>,
): Promise<T> {
  try {
    await writeFile(draft.handle, data);
    return await publish(draft);
  } catch (error) {
    await draft.abandon();
    throw error;
  }
}

/** Takes the name, which only one can; what stands under it afterwards is replaced by the rename. */
async function claim(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
  }
  // File systems without hard links (FAT, some network drives).
  try {
    await (await open(file, 'wx')).close();
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}
