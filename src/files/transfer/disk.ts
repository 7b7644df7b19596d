import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, lstat, open, readdir, readFile, rename, rm, rmdir, symlink, unlink } from 'node:fs/promises';
import { clearDrafts, markAsOurs } from '../atomic-write.ts';
import { makeFolders } from '../folders.ts';

/** What a file is: enough to tell whether two names are one file, and whether it has changed. */
export interface FileState {
  readonly isFile: boolean;
  readonly volume: number;
  readonly number: number;
  readonly size: number;
  readonly mtimeMs: number;
  /** Permissions. */
  readonly mode: number;
}

/** The steps that copying and moving are made of; a kill falls before, after or between them. */
export interface Disk {
  /** Null when there is nothing of that name. A link is not followed. */
  state(file: string): Promise<FileState | null>;
  names(folder: string): Promise<string[]>;
  /** Removes copies in the making that a killed process left in a folder. */
  clear(folder: string): Promise<void>;
  makeFolder(folder: string): Promise<void>;
  /** Removes a folder that is empty, and leaves any other as it is. */
  removeFolder(folder: string): Promise<void>;
  /** A second name of a file. Fails with EEXIST rather than take a name from another. */
  link(file: string, name: string): Promise<void>;
  /** A symbolic link. Fails with EEXIST. */
  symlink(file: string, name: string): Promise<void>;
  /** Makes an empty file. Fails with EEXIST. */
  claim(name: string): Promise<void>;
  /** Replaces what has the name. */
  rename(file: string, name: string): Promise<void>;
  remove(file: string): Promise<void>;
  /** Copies content, time and permissions into a new file, durably. Returns the sha256 of what was read. */
  copy(file: string, into: string): Promise<string>;
  sha256(file: string): Promise<string>;
  /** Makes the names in a folder durable, where the system can. */
  settle(folder: string): Promise<void>;
  /** Makes a file, durably, with the permissions that files usually have or these. Fails with EEXIST. */
  write(file: string, text: string, mode?: number): Promise<void>;
  /** Adds a line, durably. */
  append(file: string, line: string): Promise<void>;
  read(file: string): Promise<string>;
}

export const realDisk: Disk = {
  state: async (file) => {
    const found = await lstat(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw error;
    });
    if (found === null) return null;
    const { dev: volume, ino: number, size, mtimeMs, mode } = found;
    return { isFile: found.isFile(), volume, number, size, mtimeMs, mode: mode & 0o777 };
  },
  names: readdir,
  clear: clearDrafts,
  makeFolder: async (folder) => void (await makeFolders(folder)),
  removeFolder: (folder) => rmdir(folder).catch(() => undefined),
  link,
  symlink: (file, name) => symlink(file, name, 'file'),
  claim: async (name) => (await open(name, 'wx')).close(),
  rename,
  remove: unlink,
  copy,
  sha256: async (file) => {
    const hash = createHash('sha256');
    for await (const piece of createReadStream(file)) hash.update(piece);
    return hash.digest('hex');
  },
  settle: async (folder) => {
    // Windows opens no folders; network drives may refuse.
    const handle = await open(folder, 'r').catch(() => null);
    await handle?.sync().catch(() => undefined);
    await handle?.close();
  },
  write: async (file, text, mode) => {
    const handle = await open(file, 'wx');
    try {
      // What opening gives is less what the umask takes.
      if (mode !== undefined) await handle.chmod(mode);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  append: async (file, line) => {
    const handle = await open(file, 'a', 0o600);
    try {
      await handle.writeFile(`${line}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  read: (file) => readFile(file, 'utf8'),
};

async function copy(file: string, into: string): Promise<string> {
  const source = await open(file, 'r');
  try {
    const { mode, atime, mtime } = await source.stat();
    const target = await open(into, 'wx', mode & 0o777);
    try {
      await markAsOurs(target, into);
      const hash = createHash('sha256');
      for await (const piece of source.createReadStream({ autoClose: false })) {
        hash.update(piece);
        await target.writeFile(piece);
      }
      await target.utimes(atime, mtime);
      await target.sync();
      return hash.digest('hex');
    } catch (error) {
      // Ours alone: a name that was taken is somebody's.
      await rm(into, { force: true });
      throw error;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
