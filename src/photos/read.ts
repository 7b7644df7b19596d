import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { messageOf, systemErrorCode } from '../errors.ts';
import { type Faulty, faulty } from './fault.ts';

/** Larger files are no photos that a photo program writes; reading one into memory could take the machine down. */
export const MAX_BYTES = 1024 ** 3;

export interface PhotoFile {
  readonly kind: 'file';
  readonly bytes: Uint8Array;
  /** Size and time of the very bytes above; whole milliseconds. */
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Reads a photo whole, once. Pipes, sockets and devices are never opened, and bytes that changed while they were
 * read are not trusted. Links are followed.
 */
export async function readPhotoFile(file: string): Promise<PhotoFile | Faulty> {
  let handle: FileHandle;
  try {
    const special = specialKind(await stat(file));
    if (special !== null) return faulty('not_a_file', `is ${special}, not a file`);
  } catch (error) {
    return systemFault(error, 'not_found');
  }
  try {
    // O_NONBLOCK: should the name have become a pipe since, opening it must not wait for a writer.
    handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    return systemFault(error, 'vanished');
  }
  try {
    return await readWhole(handle);
  } catch (error) {
    return systemFault(error, 'vanished');
  } finally {
    await handle.close();
  }
}

async function readWhole(handle: FileHandle): Promise<PhotoFile | Faulty> {
  const before = await handle.stat();
  const special = specialKind(before);
  if (special !== null) return faulty('not_a_file', `is ${special}, not a file`);
  const { size } = before;
  if (size === 0) return faulty('empty', 'is empty');
  if (size > MAX_BYTES) return faulty('too_large', `has ${(size / 1e9).toFixed(1)} GB, more than a photo of 1 GB`);
  const bytes = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  const after = await handle.stat();
  if (filled < size || after.size !== size || after.mtimeMs !== before.mtimeMs) {
    return faulty('changing', 'changed while it was read');
  }
  return { kind: 'file', bytes, size, mtimeMs: Math.round(after.mtimeMs) };
}

function specialKind(stats: Stats): string | null {
  if (stats.isFile()) return null;
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** `missing` tells a file that was never there from one that went while curate looked. */
function systemFault(error: unknown, missing: 'not_found' | 'vanished'): Faulty {
  const code = systemErrorCode(error);
  // No file system holds a name that long.
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') {
    return faulty(missing, missing === 'not_found' ? 'does not exist' : 'vanished while it was read');
  }
  if (code === 'EACCES' || code === 'EPERM') return faulty('unreadable', 'may not be read (permission denied)');
  if (code === 'EIO') return faulty('unreadable', 'cannot be read: the drive reports an error');
  if (code === 'ELOOP') return faulty('unreadable', 'is a link that leads back to itself');
  return faulty('unreadable', `cannot be read (${messageOf(error)})`);
}
