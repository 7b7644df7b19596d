import { basename, dirname, join } from 'node:path';
import { systemErrorCode, whyUnwritten } from '../../errors.ts';
import type { Disk } from './disk.ts';
import { Journal } from './journal.ts';
import { type Bundle, planTransfers, type Transfer, withNumber } from './plan.ts';
import { copyFile, linkFile, moveFile } from './transfer.ts';
import { endRun } from './undo.ts';

export type TransferKind = 'copy' | 'link' | 'move';

export interface Transferred {
  readonly done: readonly Transfer[];
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
  /** Files that lay in the folder already. */
  readonly there: number;
  /** Files whose turn did not come before the run was interrupted. */
  readonly left: number;
  /** The journal to undo the moves by; null when nothing was moved. */
  readonly undo: string | null;
}

interface TransferDeps {
  readonly disk: Disk;
  /** For journals. */
  readonly journals: string;
  /** Folders that were made for it already, the outer ones first. */
  readonly made?: readonly string[];
  readonly signal: AbortSignal;
  now(): Date;
  onDone(done: number, total: number): void;
  /** Asked right before a bundle's turn: why its files are to stay where they are, as a clause; null when they may go. */
  troubleWith?(bundle: Bundle): Promise<string | null>;
}

/**
 * Copies, links or moves files into a folder, which must exist. Nothing there is replaced, whoever writes there at the
 * same time; a file that cannot be transferred is reported, and the run continues. Once `signal` is aborted it ends with
 * the bundle at hand.
 */
export async function transfer(
  kind: TransferKind,
  bundles: readonly Bundle[],
  folder: string,
  { disk, journals, made, signal, now, onDone, troubleWith = async () => null }: TransferDeps,
): Promise<Transferred> {
  const done: Transfer[] = [];
  const failed: { path: string; reason: string }[] = [];
  const bundleOf = new Map(bundles.flatMap((bundle) => bundle.files.map((file) => [file, bundle])));
  await disk.clear(folder);
  const planned = planTransfers(bundles, folder, await disk.names(folder));
  const journal = kind === 'move' && planned.length > 0 ? await Journal.begin(disk, journals, now(), made) : null;
  let current: Bundle | undefined;
  let trouble: string | null = null;
  for (const [i, wanted] of planned.entries()) {
    const bundle = bundleOf.get(wanted.from);
    if (bundle !== undefined && bundle !== current) {
      // What is one photo is not parted.
      if (signal.aborted) break;
      current = bundle;
      trouble = await troubleWith(bundle);
    }
    try {
      if (trouble === null) done.push(await place(kind, wanted, { disk, journal, stem: bundle?.stem ?? '' }));
      else failed.push({ path: wanted.from, reason: trouble });
    } catch (error) {
      failed.push({ path: wanted.from, reason: reasonOf(wanted, error) });
    }
    onDone(i + 1, planned.length);
  }
  // A card may be formatted as soon as its photos are said to be copied.
  if (done.length > 0) await disk.settle(folder);
  const left = planned.length - done.length - failed.length;
  return {
    done,
    failed,
    there: bundleOf.size - planned.length,
    left,
    undo: await endRun(disk, journals, journal, done.length > 0),
  };
}

const WAYS = { copy: copyFile, link: linkFile, move: moveFile } as const;

/** Moves, copies or links one file. @returns where it went: somebody else may take a name that was free when the transfers were planned */
export async function place(
  kind: TransferKind,
  wanted: Transfer,
  { disk, journal, stem }: { readonly disk: Disk; readonly journal: Journal | null; readonly stem: string },
): Promise<Transfer> {
  const { from, to } = wanted;
  const found = await disk.state(from);
  if (found === null) throw new Error('it is not there; its drive may be away');
  if (!found.isFile && kind === 'move') throw new Error('it is a link');
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? basename(to) : withNumber(basename(from), stem, n);
    const tried = { from, to: join(dirname(to), name) };
    if ((await disk.state(tried.to)) !== null) continue;
    await journal?.add(tried);
    try {
      if (await WAYS[kind](disk, tried)) return tried;
    } catch (error) {
      await withdraw(disk, journal, tried).catch(() => undefined);
      throw error;
    }
    await journal?.cancel(tried);
  }
}

/** Of a move that failed nothing is to be taken back, but for a second name that could not be removed. */
async function withdraw(disk: Disk, journal: Journal | null, tried: Transfer): Promise<void> {
  if ((await disk.state(tried.to)) === null) await journal?.cancel(tried);
}

/** Why a file could not be transferred, as a clause for people. */
export function reasonOf({ from, to }: Transfer, error: unknown): string {
  const { path, syscall } = error as NodeJS.ErrnoException;
  // A second name is trouble of the place it was to have, though the system names the file.
  if (path !== from || (syscall === 'link' && systemErrorCode(error) !== 'ENOENT')) return whyUnwritten(to, error);
  if (systemErrorCode(error) === 'ENOENT') return 'it is there no longer';
  const isTaking = syscall === 'unlink' || syscall === 'rename';
  return isTaking
    ? `it cannot be taken away: ${whyUnwritten(from, error)}`
    : `it cannot be read (${systemErrorCode(error)})`;
}
