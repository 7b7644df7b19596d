import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { draftIn } from '../atomic-write.ts';
import type { Disk } from './disk.ts';
import type { Journal, Written } from './journal.ts';

/**
 * Writes a file, in place of the one that has its name or anew, whole or not at all. What is replaced is kept, and stands
 * in the journal, before anything is changed.
 * @throws when it cannot be; then the file is as it was
 */
export async function replaceFile(
  disk: Disk,
  journal: Journal,
  { file, text }: { readonly file: string; readonly text: string },
): Promise<void> {
  const state = await disk.state(file);
  if (state?.isFile === false) throw new Error('it is a link');
  // To rename over it would get past the lock that somebody put on it.
  if (state !== null && (state.mode & 0o222) === 0) throw new Error('it is read-only');
  const former = state === null ? null : journal.formerName();
  if (former !== null) await disk.copy(file, former);
  await journal.willWrite({ file, sha256: createHash('sha256').update(text).digest('hex'), former });
  await inPlaceOf(disk, file, (draft) => disk.write(draft, text, state?.mode));
}

/**
 * Puts back what was there before a file was written.
 * @returns false when it is there already
 * @throws when somebody else has changed the file since
 */
export async function putFormerBack(disk: Disk, { file, sha256, former }: Written): Promise<boolean> {
  const state = await disk.state(file);
  const now = state === null ? null : await disk.sha256(file);
  if (now !== sha256) {
    const isBack = former === null ? now === null : now === (await disk.sha256(former));
    if (isBack) return false;
    throw new Error(now === null ? 'it is there no longer' : 'it was changed after it was written');
  }
  if (former === null) await disk.remove(file);
  else await inPlaceOf(disk, file, async (draft) => void (await disk.copy(former, draft)));
  return true;
}

async function inPlaceOf(disk: Disk, file: string, make: (draft: string) => Promise<void>): Promise<void> {
  const draft = draftIn(dirname(file));
  try {
    await make(draft);
    await disk.rename(draft, file);
  } catch (error) {
    await disk.remove(draft).catch(() => undefined);
    throw error;
  }
  await disk.settle(dirname(file));
}
