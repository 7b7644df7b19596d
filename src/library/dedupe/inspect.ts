import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { hashFile } from '../../files/hash.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import { JpegHeaders } from '../../photos/jpeg/header.ts';
import { isRawName } from '../../photos/kinds.ts';
import { type Carried, carriedInXmp, joined, readCarried } from '../../photos/metadata/carried.ts';
import { readPhotoFile } from '../../photos/read.ts';
import type { RenderPhoto, Rendition } from '../../photos/render.ts';
import { holdsSeveral } from '../../photos/several.ts';
import { type PhotoFormat, sniff } from '../../photos/sniff.ts';
import { isAsIndexed } from '../as-indexed.ts';
import { type Companion, type FolderNames, folderReader } from '../units.ts';
import type { ListedPhoto, Listing } from './listing.ts';
import type { DedupeDeps } from './request.ts';
import type { Compression } from './same-picture.ts';

/** A photo that may be double, as it is on the disk now. */
export interface Candidate extends ListedPhoto {
  readonly carried: Carried;
  readonly isRaw: boolean;
  /** Of a JPEG; null of any other photo. */
  readonly compression: Compression | null;
  /** Of a format that programs export to and cameras do not write: WebP, AVIF, GIF. */
  readonly isForWeb: boolean;
  /** Whether the file holds further pictures than the one that stands for it. */
  readonly holdsSeveral: boolean;
  /** Whether the file has further names, wherever they are: moving one of them frees nothing. */
  readonly isLinked: boolean;
  /** Whether a sidecar tells what a program made of it. */
  readonly hasEdits: boolean;
  readonly companions: readonly (Companion & {
    readonly file: string;
    readonly bytes: number;
    readonly isLinked: boolean;
  })[];
}

export interface Skipped {
  readonly path: string;
  /** A clause: "is gone". */
  readonly reason: string;
}

export interface Inspected {
  readonly candidates: readonly Candidate[];
  readonly skipped: readonly Skipped[];
  /** How many are gone, or on a drive that is away. */
  readonly gone: number;
  readonly otherNames: readonly string[];
}

const FOR_WEB: ReadonlySet<PhotoFormat> = new Set(['webp', 'avif', 'gif']);

/** Photos that are read at once, each whole. */
const AT_ONCE = 4;

/**
 * Looks at every photo that is like another one: the file itself must be there, and hold the bytes that the index knows.
 * Of several names of one file only the first by path is a photo: its double is itself.
 */
export async function inspectAll(
  { signal, onEvent }: Pick<DedupeDeps, 'signal' | 'onEvent'>,
  listing: Listing,
): Promise<Inspected> {
  const skipped: Skipped[] = [];
  let gone = 0;
  const otherNames: string[] = [];
  const candidates: Candidate[] = [];
  const files = new Set<string>();
  const wanted = withDoubles(listing).sort((a, b) => (a.file < b.file ? -1 : 1));
  const namesIn = folderReader();
  const listed = new Set(listing.photos.map(({ file }) => file));
  const here: ListedPhoto[] = [];
  const linked = new Set<ListedPhoto>();
  for (const photo of wanted) {
    demandUninterrupted(signal);
    const stats = await lstat(photo.file, { bigint: true }).catch(() => null);
    if (stats === null) {
      gone += 1;
      continue;
    }
    const trouble = await changeOf(stats, photo);
    if (trouble !== null) {
      skipped.push({ path: photo.file, reason: trouble });
      continue;
    }
    const identity = `${stats.dev}:${stats.ino}`;
    if (files.has(identity)) otherNames.push(photo.file);
    else here.push(photo);
    files.add(identity);
    if (stats.nlink > 1n) linked.add(photo);
  }
  const left = withDoubles({ photos: here, graph: listing.graph });
  const limit = pLimit(AT_ONCE);
  let done = 0;
  await Promise.all(
    left.map((photo) =>
      limit(async () => {
        demandUninterrupted(signal);
        const found = await inspect(photo, namesIn, listed);
        if ('reason' in found) skipped.push(found);
        else candidates.push({ ...found, isLinked: linked.has(photo) });
        done += 1;
        onEvent({ kind: 'inspecting', done, total: left.length });
      }),
    ),
  );
  const byPath = (a: Skipped, b: Skipped): number => (a.path < b.path ? -1 : 1);
  // They come in the order in which reading them ended.
  candidates.sort((a, b) => (a.file < b.file ? -1 : 1));
  return { candidates, skipped: skipped.sort(byPath), gone, otherNames };
}

/** Photos whose content another one has, or is like. */
function withDoubles({ photos, graph }: Pick<Listing, 'photos' | 'graph'>): ListedPhoto[] {
  const copies = new Uint32Array(graph.size);
  for (const { content } of photos) copies[content] = (copies[content] ?? 0) + 1;
  return photos.filter(
    ({ content }) =>
      (copies[content] ?? 0) > 1 ||
      graph.pairsOf(content).some((pair) => (copies[graph.across(pair, content)] ?? 0) > 0),
  );
}

async function changeOf(stats: BigIntStats, { file, record }: ListedPhoto): Promise<string | null> {
  if (stats.isSymbolicLink()) return 'is a link';
  if (!stats.isFile()) return 'is no file';
  // The nanoseconds round as the milliseconds of an index run did.
  const now = { size: Number(stats.size), mtimeMs: Number(stats.mtimeNs) / 1e6 };
  if (await isAsIndexed(now, record, () => hashFile(file))) return null;
  return 'has changed since it was indexed: run curate index again';
}

async function inspect(
  photo: ListedPhoto,
  namesIn: (folder: string) => Promise<FolderNames>,
  listed: ReadonlySet<string>,
): Promise<Omit<Candidate, 'isLinked'> | Skipped> {
  const { file, record } = photo;
  const read = await readPhotoFile(file);
  if (read.kind === 'fault') return { path: file, reason: read.fault.reason };
  const sha256 = createHash('sha256').update(read.bytes).digest('hex');
  if (sha256 !== record.sha256)
    return { path: file, reason: 'holds other bytes than were indexed: run curate index again' };
  const folder = dirname(file);
  const companions = await Promise.all(
    (await namesIn(folder)).companionsOf([basename(file)]).map(async (companion) => {
      const path = join(folder, companion.name);
      // A RAW that was indexed before its JPEG came stands for itself.
      if (listed.has(path)) return [];
      const stats = await lstat(path).catch(() => null);
      return stats?.isFile() === true
        ? [{ ...companion, file: path, bytes: stats.size, isLinked: stats.nlink > 1 }]
        : [];
    }),
  );
  const beside = companions.flat();
  let carried = await readCarried(read.bytes);
  // Programs that keep sidecars write them after the photo.
  let hasEdits = false;
  for (const { kind, file: path } of beside) {
    if (kind !== 'sidecar') continue;
    const text = await readFile(path, 'utf8').catch(() => '');
    carried = joined(inSidecar(path, text), carried);
    hasEdits ||= tellsEdits(path, text);
  }
  const content = sniff(read.bytes);
  return {
    ...photo,
    carried,
    isRaw: isRawName(file),
    compression: compressionOf(read.bytes),
    hasEdits,
    isForWeb: content.kind === 'photo' && FOR_WEB.has(content.format),
    holdsSeveral: holdsSeveral(read.bytes),
    companions: beside,
  };
}

function compressionOf(bytes: Uint8Array): Compression | null {
  const components = new JpegHeaders(bytes).open()?.frame.components;
  if (components === undefined) return null;
  const way = components.map(({ across, down, quantisers }) => [across, down, ...quantisers].join(' ')).join(', ');
  const { quantisers } = components[0];
  return { way, step: quantisers.reduce((sum, one) => sum + one, 0) / quantisers.length };
}

/** What an XMP sidecar or Takeout's JSON says; nothing of one that cannot be read. */
function inSidecar(file: string, text: string): Carried {
  if (!file.toLowerCase().endsWith('.json')) return carriedInXmp(text);
  return {
    gps: /"geoData(?:Exif)?"\s*:\s*\{[^}]*"latitude"\s*:\s*-?(?!0(?:\.0*)?\s*[,}])\d/.test(text),
    rating: /"favorited"\s*:\s*true\b/.test(text) ? 5 : null,
    keywords: 0,
    caption: /"description"\s*:\s*"\s*[^"\s]/.test(text),
  };
}

/** Sidecars that hold nothing but edits; XMP holds those of Camera Raw and Lightroom (`crs`), and of darktable. */
const EDITS = /\.(?:aae|pp3|dop)$/i;
const DEVELOPED = /\bcrs:HasSettings\s*=\s*"True"|<crs:HasSettings>True<|\bcrs:ProcessVersion\b|<darktable:history>/i;

function tellsEdits(file: string, text: string): boolean {
  return EDITS.test(file) || DEVELOPED.test(text);
}

/** A photo as it is seen, within a square; null of what cannot be decoded, or is no longer what was inspected. */
export async function pixelsOf(
  render: RenderPhoto,
  { file, record }: Candidate,
  side: number,
  format: 'rgb' | 'print' = 'rgb',
): Promise<Rendition | null> {
  const rendered = await render({
    file,
    box: { width: side, height: side },
    as: { format },
    background: '#ffffff',
    whole: false,
  });
  return rendered.kind === 'rendition' && rendered.sha256 === record.sha256 ? rendered : null;
}
