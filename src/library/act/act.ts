import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError, whyUnwritten } from '../../errors.ts';
import { type TransferKind, type Transferred, transfer } from '../../files/transfer/apply.ts';
import { type Disk, realDisk } from '../../files/transfer/disk.ts';
import { openJournals } from '../../files/transfer/journal.ts';
import { type Undone, undoMoves } from '../../files/transfer/undo.ts';
import { bundleOf, unitsOf } from '../units.ts';

export type { Transferred };

/** What a person wants done with the photos that were found. */
export interface Action {
  readonly kind: TransferKind;
  /** Absolute; made when it is missing. */
  readonly folder: string;
}

interface ActDeps {
  /** curate's own folder. */
  readonly data: string;
  readonly signal: AbortSignal;
  now(): Date;
  onDone?(done: number, total: number): void;
  readonly disk?: Disk;
}

/**
 * Copies photos into a folder or moves them there, with what belongs to them, or links to the photos alone: a folder of
 * links is to look at.
 * @throws UserError `folder_unwritable` when there can be no such folder
 */
export async function actOn(photos: readonly string[], action: Action, deps: ActDeps): Promise<Transferred> {
  const { data, signal, onDone = () => undefined, disk = realDisk } = deps;
  const folder = await madeFolder(action.folder);
  const bundles =
    action.kind === 'link' ? [...new Set(photos)].map((photo) => bundleOf([photo])) : await unitsOf(photos);
  return transfer(action.kind, bundles, folder, {
    disk,
    journals: journalsIn(data),
    signal,
    now: deps.now,
    onDone,
  });
}

/** Takes back what a run moved: the last one, or that of an id. @throws UserError `nothing_to_undo` */
export async function undoMoved(data: string, id: string | undefined, signal: AbortSignal): Promise<Undone> {
  const folder = journalsIn(data);
  const open = await openJournals(realDisk, folder);
  const chosen = id ?? open.at(-1);
  if (chosen !== undefined && open.includes(chosen)) return undoMoves(realDisk, folder, chosen, signal);
  const hint = open.length === 0 ? {} : { hint: `Name one of these: ${open.join(', ')}` };
  const message = id === undefined ? 'Nothing was moved that could be undone.' : `There is no move "${id}" to undo.`;
  throw new UserError('nothing_to_undo', message, hint);
}

/** Where the journals of moves lie, in curate's own folder. */
export function journalsIn(data: string): string {
  return join(data, 'undo');
}

/** The folder, made when it is missing. @throws UserError `folder_unwritable` */
export async function madeFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    return await realpath(folder);
  } catch (error) {
    throw new UserError('folder_unwritable', `There can be no folder ${folder}: ${whyUnwritten(folder, error)}.`, {
      hint: 'Name another folder.',
      cause: error,
    });
  }
}
