import { randomBytes } from 'node:crypto';
import { link, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeWhole } from '../atomic-write.ts';
import { systemErrorCode } from '../errors.ts';

/**
 * Writes a file whole or not at all. Without `force` it never replaces anything.
 * @returns false when the name is taken (and nothing was written)
 */
export async function writeNew(file: string, bytes: string | Uint8Array, { force = false } = {}): Promise<boolean> {
  if (force) {
    await writeWhole(file, bytes);
    return true;
  }
  const temporary = join(dirname(file), `.${basename(file).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
    if (!(await claim(temporary, file))) return false;
    await rename(temporary, file);
    return true;
  } finally {
    await handle.close().catch(() => undefined);
    // After the rename there is nothing left to remove.
    await unlink(temporary).catch(() => undefined);
  }
}

/** Takes the name, which only one can; what stands under it afterwards is replaced by the rename. */
async function claim(temporary: string, file: string): Promise<boolean> {
  try {
    await link(temporary, file);
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
