import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { systemErrorCode, whyUnwritten } from '../../errors.ts';
import { foldedName } from '../../files/names.ts';
import { type Disk, realDisk } from '../../files/transfer/disk.ts';
import { Journal } from '../../files/transfer/journal.ts';
import { replaceFile } from '../../files/transfer/replace.ts';
import { endRun } from '../../files/transfer/undo.ts';
import { isRawName } from '../../photos/kinds.ts';
import { withPick } from '../../photos/metadata/sidecar.ts';
import type { Group, GroupPhoto } from './groups.ts';

export interface WrittenPicks {
  /** Sidecars that were made or changed. */
  readonly written: readonly string[];
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
  /** The id to take it back by; null when nothing was written. */
  readonly undo: string | null;
}

interface PickDeps {
  readonly journals: string;
  /** Folders that were made for it already, the outer ones first. */
  readonly made?: readonly string[];
  readonly signal: AbortSignal;
  now(): Date;
  onDone(done: number, total: number): void;
}

/** Stars of the best frame of a burst, and of the further ones that were picked. */
const STARS = { best: 5, further: 4 } as const;

/**
 * Writes for the frames of bursts that stay that they were picked, as XMP sidecars: beside the photos, or below the same
 * folders as in their library in a folder of their own. A sidecar that is there is merged and never replaced, and what is
 * changed can be taken back. Photos themselves are only read. Groups that are too large are left alone.
 * @param folder Null for beside the photos
 */
export async function writePicks(
  groups: readonly Group[],
  folder: string | null,
  { journals, made, signal, now, onDone }: PickDeps,
): Promise<WrittenPicks> {
  const picks = groups
    .filter(({ kind, isLarge }) => kind === 'burst' && !isLarge)
    .flatMap(({ keeper, alsoKept }) => [
      { photo: keeper, stars: STARS.best },
      ...alsoKept.map((photo) => ({ photo, stars: STARS.further })),
    ])
    .filter(({ photo }) => photo.rating !== -1);
  const written: string[] = [];
  const failed: { path: string; reason: string }[] = [];
  const taken = new Set<string>();
  const disk: Disk = realDisk;
  const journal = await Journal.begin(disk, journals, now(), made);
  for (const [i, { photo, stars }] of picks.entries()) {
    if (signal.aborted) break;
    for (const beside of sidecarsOf(photo)) {
      const file = folder === null ? beside : join(folder, ...dirname(photo.path).split('/'), basename(beside));
      try {
        if (taken.has(file)) throw new Error('another photo has its sidecar there');
        taken.add(file);
        const former = (await textOf(file)) ?? (await textOf(beside));
        const text = await withPick(former, { rating: photo.rating === null ? stars : null });
        if (text !== null) {
          await journal.makeFolder(dirname(file));
          await replaceFile(disk, journal, { file, text });
          written.push(file);
        }
      } catch (error) {
        failed.push({ path: file, reason: whyUnwritten(file, error) });
      }
    }
    onDone(i + 1, picks.length);
  }
  return { written, failed, undo: await endRun(disk, journals, journal, written.length > 0) };
}

/**
 * The sidecars that say of a photo what programs are to read. Those that are there; else, of a RAW file, "a.xmp", where
 * Lightroom, Camera Raw and digiKam look and from where darktable imports; of others "a.jpg.xmp", where darktable and
 * digiKam look (Lightroom reads no sidecars of them).
 */
export function sidecarsOf({ file, files }: Pick<GroupPhoto, 'file' | 'files'>): string[] {
  const stem = file.slice(0, file.length - extname(file).length);
  const wholes = files.map((one) => foldedName(`${one}.xmp`));
  const ofStem = foldedName(`${stem}.xmp`);
  const there = files.filter((one) => [...wholes, ofStem].includes(foldedName(one)));
  const hasRaw = files.some(isRawName);
  if (hasRaw && !there.some((one) => foldedName(one) === ofStem)) return [...there, `${stem}.xmp`];
  return there.length > 0 ? there : [`${file}.xmp`];
}

/** @throws Error when it is no text in UTF-8 */
async function textOf(file: string): Promise<string | null> {
  const bytes = await readFile(file).catch((error) => {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (bytes === null) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Error('its sidecar is no XMP that can be read', { cause: error });
  }
}
