import { dirname } from 'node:path';
import { whyUnwritten } from '../../errors.ts';
import type { Disk } from './disk.ts';
import { closeJournal, type Entries, type Journal, readJournal } from './journal.ts';
import type { Transfer } from './plan.ts';
import { putFormerBack } from './replace.ts';
import { moveFile } from './transfer.ts';

export interface Undone {
  /** Files that are as they were before they were written, or are gone again. */
  readonly rewritten: readonly string[];
  /** Back under its old name (`to`). */
  readonly restored: readonly Transfer[];
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Takes back what a journal holds, the last first, and removes the folders that were made for it where they are empty by
 * then. May be stopped and repeated: what is back already stays.
 * @param only Of what was moved (by its old name) or written; all of it when absent
 */
export async function undoMoves(
  disk: Disk,
  folder: string,
  id: string,
  signal: AbortSignal,
  only?: ReadonlySet<string>,
): Promise<Undone> {
  const restored: Transfer[] = [];
  const failed: { path: string; reason: string }[] = [];
  const rewritten: string[] = [];
  const held = await readJournal(disk, folder, id);
  const moves = held.moves.filter(({ from }) => only?.has(from) ?? true);
  const written = held.written.filter(({ file }) => only?.has(file) ?? true);
  const touched = [...moves.flatMap(({ from, to }) => [from, to]), ...written.map(({ file }) => file)];
  const places = new Set(touched.map((file) => dirname(file)));
  for (const place of places) await disk.clear(place);
  for (const { from, to } of [...moves].reverse()) {
    if (signal.aborted) return { restored, rewritten, failed };
    try {
      if (await takeBack(disk, { from, to })) restored.push({ from: to, to: from });
    } catch (error) {
      failed.push({ path: to, reason: whyUnwritten(from, error) });
    }
  }
  for (const one of [...written].reverse()) {
    if (signal.aborted) return { restored, rewritten, failed };
    try {
      if (await putFormerBack(disk, one)) rewritten.push(one.file);
    } catch (error) {
      failed.push({ path: one.file, reason: whyUnwritten(one.file, error) });
    }
  }
  for (const made of [...held.folders].reverse()) await disk.removeFolder(made);
  const isAll = moves.length === held.moves.length && written.length === held.written.length;
  if (failed.length === 0 && (isAll || (await isBack(disk, held)))) {
    // A power cut must bring no name back that only the journal knows.
    for (const place of places) await disk.settle(place);
    await closeJournal(disk, folder, id);
  }
  return { restored, rewritten, failed };
}

/**
 * Ends a run. One that changed nothing leaves nothing: no folder that was made for it, and no journal, which the next
 * undoing would take for the last run.
 * @returns the id to take the run back by; null when it changed nothing
 */
export async function endRun(
  disk: Disk,
  folder: string,
  journal: Journal | null,
  hasChanged: boolean,
): Promise<string | null> {
  if (journal === null || hasChanged) return journal?.id ?? null;
  for (const made of [...journal.unwritten].reverse()) await disk.removeFolder(made);
  if (journal.isWritten) await undoMoves(disk, folder, journal.id, new AbortController().signal);
  return null;
}

/** Whether nothing is left to take back. */
async function isBack(disk: Disk, { moves, written }: Entries): Promise<boolean> {
  for (const { to } of moves) if ((await disk.state(to)) !== null) return false;
  // Whether a file is as it was before takes more to tell than to try it again.
  return written.length === 0;
}

/** False when the file is where it was. */
async function takeBack(disk: Disk, { from, to }: Transfer): Promise<boolean> {
  const [old, moved] = [await disk.state(from), await disk.state(to)];
  if (moved === null) {
    if (old === null) throw new Error('it is there no longer');
    return false;
  }
  // An empty file is a name that an undoing claimed which was cut short.
  if (old === null || (old.size === 0 && moved.size > 0)) {
    if (old !== null) await disk.remove(from);
    await disk.makeFolder(dirname(from));
    if (await moveFile(disk, { from: to, to: from })) return true;
    throw new Error('another file has its old name');
  }
  // A move that was cut short: one file of two names, a name that was only claimed, or a copy that was not yet trusted.
  const oneFile = old.volume === moved.volume && old.number === moved.number;
  if (oneFile || moved.size === 0 || (old.size === moved.size && (await equal(disk, from, to)))) {
    await disk.remove(to);
    return true;
  }
  throw new Error('another file has its old name');
}

async function equal(disk: Disk, a: string, b: string): Promise<boolean> {
  return (await disk.sha256(a)) === (await disk.sha256(b));
}
