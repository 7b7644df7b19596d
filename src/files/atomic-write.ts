import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '../errors.ts';

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

  /** @param mode Of the new file: 0o600 for what is nobody else's business. */
  static async open(file: string, mode = 0o666): Promise<Draft> {
    const target = await realpath(file).catch(() => file);
    const path = join(dirname(target), `.curate-${randomUUID()}.part`);
    return new Draft(await open(path, 'wx', mode), target, path);
  }

  /** Gives the file its name, in place of whatever has it. */
  async publish(): Promise<void> {
    await this.#finish();
    await rename(this.#path, this.#target);
  }

  /** Gives the file its name unless something has it. @returns false when the name is taken (and nothing was written) */
  async publishNew(): Promise<boolean> {
    await this.#finish();
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

  async #finish(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
  }
}

/** Writes the file whole or not at all. @param mode as of `Draft.open` */
export async function writeWhole(file: string, data: string | Uint8Array, mode?: number): Promise<void> {
  await written(await Draft.open(file, mode), data, (draft) => draft.publish());
}

/** Writes a file whole or not at all, and never over anything. @returns false when the name is taken */
export async function writeNew(file: string, data: string | Uint8Array): Promise<boolean> {
  return written(await Draft.open(file), data, (draft) => draft.publishNew());
}

async function written<T>(draft: Draft, data: string | Uint8Array, publish: (draft: Draft) => Promise<T>): Promise<T> {
  try {
    await draft.handle.writeFile(data);
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
