import { isUtf8 } from 'node:buffer';
import { close, constants, type Dirent, open, read } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import pLimit from 'p-limit';
import { messageOf, systemErrorCode } from '../errors.ts';
import { IgnoreRules, systemReason } from './ignore.ts';
import { HEAD_BYTES, isThumbnailName, kindByName, startsLikePhoto } from './kinds.ts';

/** Files looked at side by side: a folder of 30,000 must not hold 30,000 handles. */
const limit = pLimit(32);

/** Linux shows itself there as files: endless, and some wait for ever when they are opened. */
const KERNEL_FOLDERS = new Set(['/proc', '/sys', '/dev']);

export interface FoundFile {
  /** Relative to the root, "/"-separated. */
  readonly path: string;
  readonly size: number;
  /** Whole milliseconds. */
  readonly mtimeMs: number;
}

export interface Walked {
  readonly files: FoundFile[];
  /** Left out on purpose: hidden, ignored, links, special files. */
  readonly skipped: { readonly path: string; readonly reason: string }[];
  /** Should have been found but could not be looked at. */
  readonly failed: { readonly path: string; readonly code: string; readonly reason: string }[];
  /** Folders (relative) that could not be listed: nothing below them may be taken for gone. */
  readonly unlisted: string[];
}

export interface WalkOptions {
  /** Start below the root, relative; "" walks it all. */
  readonly folder?: string;
  /** gitignore patterns, relative to the root. */
  readonly ignore?: readonly string[];
}

/** The photos of one folder, without those in folders of it. */
export interface WalkedFolder {
  /** Relative to the root; "" is the root. */
  readonly folder: string;
  /** In order of path, and at least one. */
  readonly files: readonly FoundFile[];
}

/** Lists the photos below a folder, in order of path: see `walkFolders`. */
export async function walk(root: string, options: WalkOptions = {}): Promise<Walked> {
  const walked: Walked = { files: [], skipped: [], failed: [], unlisted: [] };
  for await (const { files } of walkFolders(root, options, walked)) for (const file of files) walked.files.push(file);
  walked.files.sort(byPath);
  return walked;
}

const byPath = (a: FoundFile, b: FoundFile): number => (a.path < b.path ? -1 : 1);

/**
 * Gives the photos below a folder, a folder at a time: each before the folders in it, and these in order of their names'
 * bytes. Links are never followed, special files never opened, and one unreadable folder costs only itself. (fast-glob,
 * tried first, silently drops every name that holds a newline.)
 * @param notes takes what is left out; of what lies before a folder that was given, all is noted
 */
export async function* walkFolders(
  root: string,
  options: WalkOptions,
  notes: Omit<Walked, 'files'>,
): AsyncGenerator<WalkedFolder> {
  let rules = IgnoreRules.fromPatterns(options.ignore ?? []);
  const start = options.folder ?? '';
  const ancestors = start === '' ? [] : start.split('/').map((_, depth, all) => all.slice(0, depth).join('/'));
  for (const ancestor of ancestors) rules = await rules.enter(root, ancestor);
  const pending: { readonly folder: string; readonly rules: IgnoreRules }[] = [{ folder: start, rules }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const here = await next.rules.enter(root, next.folder);
    const walked: Walked = { ...notes, files: [] };
    const entries = await list(root, next.folder, walked);
    // The last one first, as the last that waits is the next to be walked.
    entries.sort((a, b) => Buffer.compare(b.name, a.name));
    const folders = await Promise.all(entries.map((entry) => visit(root, next.folder, entry, here, walked)));
    for (const folder of folders) if (folder !== null) pending.push({ folder, rules: here });
    walked.files.sort(byPath);
    if (walked.files.length > 0) yield { folder: next.folder, files: walked.files };
  }
}

async function list(root: string, folder: string, walked: Walked): Promise<Dirent<Buffer>[]> {
  try {
    return await readdir(join(root, folder), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    walked.unlisted.push(folder);
    walked.failed.push({ path: folder, code: 'unreadable', reason: `the folder cannot be listed (${cause(error)})` });
    return [];
  }
}

/** Records one entry; returns the folder to continue with, or null. */
async function visit(
  root: string,
  parent: string,
  entry: Dirent<Buffer>,
  rules: IgnoreRules,
  walked: Walked,
): Promise<string | null> {
  const name = entry.name.toString('utf8');
  const path = parent === '' ? name : `${parent}/${name}`;
  const skip = (reason: string): null => {
    walked.skipped.push({ path, reason });
    return null;
  };
  const isFolder = entry.isDirectory();
  if (isFolder && KERNEL_FOLDERS.has(join(root, path))) return skip('holds no files but the system itself');
  const kind = kindByName(name);
  const reason = systemReason(name, isFolder);
  // Not worth a mention, unless it turns out to be a photo after all.
  if (!isFolder && kind === 'other' && (reason !== null || !entry.isFile() || rules.ignores(path, false))) return null;
  if (reason !== null) return isFolder || kind === 'photo' ? skip(reason) : null;
  if (rules.ignores(path, isFolder)) return skip('ignored');
  if (isFolder && isUtf8(entry.name)) return path;
  if (entry.isSymbolicLink()) return skip('symbolic link');
  if (!isFolder && !entry.isFile()) return skip(special(entry));
  if (isUtf8(entry.name)) await limit(() => visitFile(root, path, kind === 'photo', walked));
  else if (isFolder || kind === 'photo' || (await limit(() => isPhoto(bytePath(root, parent, entry.name))))) {
    walked.failed.push({ path, code: 'name', reason: 'the name is not valid UTF-8; rename it to have it indexed' });
  }
  return null;
}

/** A name that is not UTF-8 has no string that leads back to it. */
function bytePath(root: string, parent: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(join(root, parent, sep)), name]);
}

/** By its first bytes; what cannot be looked at is none. */
async function isPhoto(file: Buffer): Promise<boolean> {
  return head(file).then(startsLikePhoto, () => false);
}

async function visitFile(root: string, path: string, promised: boolean, walked: Walked): Promise<void> {
  const file = join(root, path);
  try {
    if (!promised && !startsLikePhoto(await head(file))) return;
    if (isThumbnailName(path)) {
      walked.skipped.push({ path, reason: 'thumbnail of a film or RAW file' });
      return;
    }
    const { size, mtimeMs } = await lstat(file);
    walked.files.push({ path, size, mtimeMs: Math.round(mtimeMs) });
  } catch (error) {
    // It went between listing and looking: as if it had never been there.
    if (systemErrorCode(error) === 'ENOENT') return;
    if (promised) walked.failed.push({ path, code: 'unreadable', reason: `it cannot be looked at (${cause(error)})` });
  }
}

/** By callbacks: promises and their file handles take twice the processor, and every film and sidecar is looked at. */
function head(file: string | Buffer): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // O_NONBLOCK: should the name have become a FIFO since it was listed, opening it must not wait for a writer.
    open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0), (unopened, handle) => {
      if (unopened !== null) return reject(unopened);
      read(handle, new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0, (unread, length, buffer) => {
        close(handle, () => (unread === null ? resolve(buffer.subarray(0, length)) : reject(unread)));
      });
    });
  });
}

function special(entry: Dirent<Buffer>): string {
  if (entry.isFIFO()) return 'named pipe';
  if (entry.isSocket()) return 'socket';
  return 'device';
}

function cause(error: unknown): string {
  return (
    {
      EACCES: 'permission denied',
      EPERM: 'permission denied',
      EIO: 'input/output error',
      ENAMETOOLONG: 'its path is longer than the system takes',
    }[systemErrorCode(error) ?? ''] ?? messageOf(error)
  );
}
