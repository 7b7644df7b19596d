import { access, constants, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError, whyUnwritten } from '../../errors.ts';
import { exists } from '../../files/exists.ts';
import { makeFolders } from '../../files/folders.ts';
import { reasonOf, type TransferKind, type Transferred, transfer } from '../../files/transfer/apply.ts';
import { type Disk, realDisk } from '../../files/transfer/disk.ts';
import { type Entries, openJournals, readJournal } from '../../files/transfer/journal.ts';
import { type Undone, undoMoves } from '../../files/transfer/undo.ts';
import { type IndexedFile, isAsIndexed } from '../as-indexed.ts';
import { inside } from '../paths.ts';
import { bundleOf, FolderNames, unitsOf } from '../units.ts';

export type { Transferred };

/** What a person wants done with the photos that were found. */
export interface Action {
  readonly kind: TransferKind;
  /** Absolute; made when it is missing. */
  readonly folder: string;
}

/** A photo, and what it was when it was indexed. */
export interface Indexed extends IndexedFile {
  /** Absolute. */
  readonly file: string;
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
 * links is to look at. A file that is another one than was indexed is not what was found: it stays, with what belongs to it.
 * @throws UserError `folder_unwritable` when there can be no such folder
 */
export async function actOn(photos: readonly Indexed[], action: Action, deps: ActDeps): Promise<Transferred> {
  const { data, signal, onDone = () => undefined, disk = realDisk } = deps;
  const { folder, made } = await madeFolder(action.folder);
  const known = new Map(photos.map((photo) => [photo.file, photo]));
  const files = [...known.keys()];
  const bundles = action.kind === 'link' ? files.map((file) => bundleOf([file])) : await unitsOf(files);
  return transfer(action.kind, bundles, folder, {
    disk,
    journals: journalsIn(data),
    made,
    signal,
    now: deps.now,
    onDone,
    troubleWith: async (bundle) => {
      for (const file of bundle.files) {
        const photo = known.get(file);
        const trouble = photo === undefined ? null : await troubleWith(disk, photo);
        if (trouble !== null) return trouble;
      }
      return null;
    },
  });
}

/** Why a photo is not what was found, as a clause; null when it is, and when it is gone, which its transfer says. */
async function troubleWith(disk: Disk, { file, ...indexed }: Indexed): Promise<string | null> {
  try {
    const now = await disk.state(file);
    // A link or folder was no photo when it was indexed.
    if (now === null || (now.isFile && (await isAsIndexed(now, indexed, () => disk.sha256(file))))) return null;
    return `${basename(file)} has changed since it was indexed`;
  } catch (error) {
    return reasonOf({ from: file, to: file }, error);
  }
}

/**
 * Takes back what a run moved or wrote: the last one, or that of an id; all of it, or photos with what belongs to them.
 * @param paths Absolute, of old or new: photos, or folders of them; none for all
 * @throws UserError `nothing_to_undo`
 */
export async function undoMoved(
  data: string,
  id: string | undefined,
  signal: AbortSignal,
  paths: readonly string[] = [],
): Promise<Undone> {
  const folder = journalsIn(data);
  const open = await openJournals(realDisk, folder);
  const chosen = id ?? open.at(-1);
  if (chosen !== undefined && open.includes(chosen)) {
    if (paths.length === 0) return undoMoves(realDisk, folder, chosen, signal);
    const wanted = await wantedOf(await readJournal(realDisk, folder, chosen), paths, chosen);
    return undoMoves(realDisk, folder, chosen, signal, wanted);
  }
  const hint = open.length === 0 ? {} : { hint: `Name one of these: ${open.join(', ')}` };
  const message = id === undefined ? 'Nothing was moved that could be undone.' : `There is no move "${id}" to undo.`;
  throw new UserError('nothing_to_undo', message, hint);
}

/** Which files of a journal, by their old names, lie at paths or below them, or are one photo with one that does. */
async function wantedOf({ moves, written }: Entries, paths: readonly string[], id: string): Promise<Set<string>> {
  const wanted = new Set<string>();
  for (const path of paths) {
    // The journal holds real paths, and what was moved is no longer there to ask.
    const places = [path, join(await realPlace(dirname(path)), basename(path))];
    const isMeant = (file: string): boolean => places.some((place) => inside(place, file) !== null);
    const moved = moves.filter(({ from, to }) => isMeant(from) || isMeant(to)).map(({ from }) => from);
    const found = [...moved, ...written.map(({ file }) => file).filter(isMeant)];
    if (found.length === 0) {
      throw new UserError('nothing_to_undo', `The move ${id} has nothing at ${path}.`, {
        hint: 'Name a photo or a folder where it was, or where it is now.',
      });
    }
    for (const file of found) wanted.add(file);
  }
  const names = new Map<string, string[]>();
  for (const { from } of moves) {
    const known = names.get(dirname(from));
    if (known === undefined) names.set(dirname(from), [basename(from)]);
    else known.push(basename(from));
  }
  for (const [folder, moved] of names) {
    const all = new FolderNames(moved);
    for (const name of moved.filter((one) => wanted.has(join(folder, one)))) {
      for (const companion of all.companionsOf([name])) wanted.add(join(folder, companion.name));
    }
  }
  return wanted;
}

/** Where the journals of moves lie, in curate's own folder. */
export function journalsIn(data: string): string {
  return join(data, 'undo');
}

/** Where a folder lies, or would lie once it is made, whatever links lead there. */
export async function realPlace(folder: string): Promise<string> {
  return realpath(folder).catch(async (error: unknown) => {
    if (dirname(folder) === folder) throw error;
    return join(await realPlace(dirname(folder)), basename(folder));
  });
}

interface MadeFolder {
  /** Its real path. */
  readonly folder: string;
  /** Folders that were missing, the outer ones first: an undoing removes them. */
  readonly made: readonly string[];
}

/** The folder, made when it is missing. @throws UserError `folder_unwritable` */
export async function madeFolder(wanted: string): Promise<MadeFolder> {
  try {
    const first = await makeFolders(wanted);
    const folder = await realpath(wanted);
    await access(folder, constants.W_OK);
    const made: string[] = [];
    if (first !== undefined) {
      const outermost = await realpath(first);
      for (let one = folder; inside(outermost, one) !== null; one = dirname(one)) made.unshift(one);
    }
    return { folder, made };
  } catch (error) {
    // What is there has its own trouble, what is not that of the folder around it.
    const why = whyUnwritten((await exists(wanted)) ? join(wanted, 'photo') : wanted, error);
    throw new UserError('folder_unwritable', `Nothing can be put into ${wanted}: ${why}.`, {
      hint: 'Name another folder.',
      cause: error,
    });
  }
}
