import { dirname } from 'node:path';
import { systemErrorCode } from '../../errors.ts';
import { draftIn } from '../atomic-write.ts';
import type { Disk } from './disk.ts';
import type { Transfer } from './plan.ts';

/* One file each, never over another. All return false when the name `to` is taken, and then nothing has happened. */

/** A copy with the original's time, which appears under its name when it is whole. */
export async function copyFile(disk: Disk, { from, to }: Transfer): Promise<boolean> {
  return (await copied(disk, { from, to })) !== null;
}

/** A symbolic link, or where the system allows none (Windows) a second name of the same file. */
export async function linkFile(disk: Disk, { from, to }: Transfer): Promise<boolean> {
  return unlessTaken(async () => {
    try {
      await disk.symlink(from, to);
    } catch (error) {
      if (systemErrorCode(error) !== 'EPERM') throw error;
      await disk.link(from, to);
    }
  });
}

/**
 * The file has its old name, or both, until it has its new one for good. To another volume it is copied, and removed
 * here when the copy, read again, has the same content.
 * @throws when it cannot be moved; then it is where it was
 */
export async function moveFile(disk: Disk, transfer: Transfer): Promise<boolean> {
  const { from, to } = transfer;
  try {
    await disk.link(from, to);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return false;
    if (code === 'EXDEV') return moveByCopy(disk, transfer);
    // What is missing or too long is so for every way of moving.
    if (code === 'ENOENT' || code === 'ENAMETOOLONG' || code === 'ENOSPC') throw error;
    return moveByRename(disk, transfer);
  }
  await disk.settle(dirname(to));
  await removeOr(disk, from, to);
  return true;
}

/** For volumes without hard links (FAT, some network drives): the name is claimed first, then replaced. */
async function moveByRename(disk: Disk, { from, to }: Transfer): Promise<boolean> {
  if (!(await unlessTaken(() => disk.claim(to)))) return false;
  try {
    await disk.rename(from, to);
  } catch (error) {
    await disk.remove(to);
    if (systemErrorCode(error) === 'EXDEV') return moveByCopy(disk, { from, to });
    throw error;
  }
  await disk.settle(dirname(to));
  return true;
}

async function moveByCopy(disk: Disk, { from, to }: Transfer): Promise<boolean> {
  const before = await disk.state(from);
  const sha256 = await copied(disk, { from, to });
  if (sha256 === null) return false;
  await disk.settle(dirname(to));
  const [after, arrived] = [await disk.state(from), await disk.sha256(to)];
  const same = before?.size === after?.size && before?.mtimeMs === after?.mtimeMs;
  if (arrived !== sha256 || !same) {
    await disk.remove(to);
    throw new Error(same ? 'its copy is not equal to it' : 'it changed while it was being copied');
  }
  await removeOr(disk, from, to);
  return true;
}

/** Removes the old name, or the new one when the old may not be removed. */
async function removeOr(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await disk.remove(from);
  } catch (error) {
    if ((await disk.state(from)) !== null) await disk.remove(to);
    throw error;
  }
}

/** @returns the content's sha256; null when the name is taken */
async function copied(disk: Disk, { from, to }: Transfer): Promise<string | null> {
  const draft = draftIn(dirname(to));
  const sha256 = await disk.copy(from, draft);
  try {
    if (await named(disk, draft, to)) return sha256;
  } catch (error) {
    await disk.remove(draft).catch(() => undefined);
    throw error;
  }
  await disk.remove(draft);
  return null;
}

/** Gives the draft its name unless that is taken. */
async function named(disk: Disk, draft: string, to: string): Promise<boolean> {
  try {
    await disk.link(draft, to);
    await disk.remove(draft);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
  }
  if (!(await unlessTaken(() => disk.claim(to)))) return false;
  try {
    await disk.rename(draft, to);
  } catch (error) {
    await disk.remove(to);
    throw error;
  }
  return true;
}

async function unlessTaken(step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}
