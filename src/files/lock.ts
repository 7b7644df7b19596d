import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { interruptedError, unwritable } from '../errors.ts';
import { makeFolders } from './folders.ts';

interface LockOptions {
  /** Called once when another process holds the lock; its process id, where it can be read. */
  onWait?(holder: number | null): void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

const POLL_MS = 100;

/**
 * Runs `work` while holding an exclusive lock on `file`. It is the kernel's lock: it goes with the process,
 * however that ends, so it is never stale, and no clock is involved. `pid` is this process, for others to name.
 * @throws UserError `data_unwritable` or `disk_full` when there can be no such file, and `interrupted` while waiting.
 */
export async function withLock<T>(file: string, pid: number, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const { tryLock } = await import('fs-native-extensions');
  const handle = await lockFile(file);
  try {
    if (!tryLock(handle.fd)) {
      options.onWait?.(await holderOf(file));
      do {
        if (options.signal?.aborted) throw interruptedError();
        await sleep(POLL_MS);
      } while (!tryLock(handle.fd));
    }
    // On a full disk the lock holds all the same; it only cannot say whose it is.
    await handle.truncate(0);
    await handle.write(String(pid)).catch(() => undefined);
    return await work();
  } finally {
    await handle.close();
  }
}

/** Whether another process holds the lock on `file`. */
export async function isLocked(file: string): Promise<boolean> {
  const { tryLock } = await import('fs-native-extensions');
  const handle = await open(file, 'r+').catch(() => null);
  try {
    return handle !== null && !tryLock(handle.fd);
  } finally {
    await handle?.close();
  }
}

async function lockFile(file: string): Promise<FileHandle> {
  try {
    await makeFolders(dirname(file));
    return await open(file, 'a+', 0o600);
  } catch (error) {
    throw unwritable(dirname(file), error);
  }
}

async function holderOf(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^\d+$/.test(text) ? Number(text) : null;
}
