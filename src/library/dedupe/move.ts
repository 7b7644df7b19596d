import { basename, dirname, join } from 'node:path';
import { place, reasonOf } from '../../files/transfer/apply.ts';
import { type Disk, realDisk } from '../../files/transfer/disk.ts';
import { Journal } from '../../files/transfer/journal.ts';
import { planTransfers, type Transfer } from '../../files/transfer/plan.ts';
import { moveFile } from '../../files/transfer/transfer.ts';
import { endRun } from '../../files/transfer/undo.ts';
import { bundleOf } from '../units.ts';
import type { Group, GroupPhoto } from './groups.ts';

export interface MovedDoubles {
  readonly moved: readonly Transfer[];
  /** Photos that stay where they are, and why. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
  /** The id to take it back by; null when nothing was moved. */
  readonly undo: string | null;
}

interface MoveDeps {
  /** Where the journals of moves lie. */
  readonly journals: string;
  /** Folders that were made for it already, the outer ones first. */
  readonly made?: readonly string[];
  /** Stops between two photos. */
  readonly signal: AbortSignal;
  now(): Date;
  onDone(done: number, total: number): void;
  readonly disk?: Disk;
}

/**
 * Moves what would go into a folder, each photo with what belongs to it, below the same folders as in its library. Right
 * before each move its keeper and the photo itself are read again: both must be there, be two files, and hold the bytes
 * that were compared. So a group never loses its last photo, whatever happened to the files meanwhile. Nothing is
 * overwritten, and each move stands in a journal before it is made. Groups that are too large are left alone.
 * @param groups In the order of the plan: the closest kinds first, so that a keeper goes only behind what it stands for
 */
export async function moveDoubles(
  groups: readonly Group[],
  folder: string,
  { journals, made, signal, now, onDone, disk = realDisk }: MoveDeps,
): Promise<MovedDoubles> {
  const going = groups
    .filter(({ isLarge }) => !isLarge)
    .flatMap(({ keeper, others }) => others.map((photo) => ({ keeper, photo })));
  const moved: Transfer[] = [];
  const failed: { path: string; reason: string }[] = [];
  const journal = going.length === 0 ? null : await Journal.begin(disk, journals, now(), made);
  for (const [i, { keeper, photo }] of going.entries()) {
    if (signal.aborted || journal === null) break;
    const trouble = await troubleWith(disk, keeper, photo);
    if (trouble !== null) failed.push({ path: photo.file, reason: trouble });
    else {
      const outcome = await moveUnit(photo, join(folder, ...dirname(photo.path).split('/')), { disk, journal });
      moved.push(...outcome.moved);
      if (outcome.reason !== null) failed.push({ path: photo.file, reason: outcome.reason });
    }
    onDone(i + 1, going.length);
  }
  return { moved, failed, undo: await endRun(disk, journals, journal, moved.length > 0) };
}

/** Why a photo must not go now, as a clause; null when it may. */
async function troubleWith(disk: Disk, keeper: GroupPhoto, photo: GroupPhoto): Promise<string | null> {
  try {
    const [stays, goes] = [await disk.state(keeper.file), await disk.state(photo.file)];
    if (stays?.isFile !== true) return `${keeper.file}, which was to stay, is not there`;
    if (goes?.isFile !== true) return 'it is there no longer';
    if (stays.volume === goes.volume && stays.number === goes.number) return 'it is the very file that was to stay';
    if ((await disk.sha256(keeper.file)) !== keeper.sha256) return `${keeper.file}, which was to stay, has changed`;
    return (await disk.sha256(photo.file)) === photo.sha256 ? null : 'it has changed';
  } catch (error) {
    return reasonOf({ from: photo.file, to: photo.file }, error);
  }
}

interface UnitMoved {
  readonly moved: readonly Transfer[];
  readonly reason: string | null;
}

/** All files of a photo, or none: where one cannot be moved, those before it are put back. */
async function moveUnit(
  { file, files }: GroupPhoto,
  folder: string,
  { disk, journal }: { readonly disk: Disk; readonly journal: Journal },
): Promise<UnitMoved> {
  const bundle = bundleOf(files);
  const moved: Transfer[] = [];
  let wanted: Transfer | undefined;
  try {
    await journal.makeFolder(folder);
    for (wanted of planTransfers([bundle], folder, await disk.names(folder))) {
      moved.push(await place('move', wanted, { disk, journal, stem: bundle.stem }));
    }
    return { moved, reason: null };
  } catch (error) {
    const reason = reasonOf(wanted ?? { from: file, to: join(folder, basename(file)) }, error);
    return { moved: await putBack(moved, { disk, journal }), reason };
  }
}

/** @returns what could not be put back, which the journal still holds */
async function putBack(
  moved: readonly Transfer[],
  { disk, journal }: { readonly disk: Disk; readonly journal: Journal },
): Promise<Transfer[]> {
  const away: Transfer[] = [];
  for (const { from, to } of [...moved].reverse()) {
    const isBack = await moveFile(disk, { from: to, to: from }).catch(() => false);
    if (isBack) await journal.cancel({ from, to });
    else away.unshift({ from, to });
  }
  return away;
}
