import { randomUUID } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { foreignOwner, OWNER_READS, systemErrorCode, UserError } from '../errors.ts';
import type { Library } from '../store/port.ts';
import { inside, outermost } from './paths.ts';

/** One walk: a library, or a folder of it. */
export interface Scope {
  readonly library: Library;
  /** Relative to the library's root; "" is all of it. */
  readonly folder: string;
  readonly isNew: boolean;
  /** Libraries whose roots lie inside this walk: their photos pass over to this one. */
  readonly absorbs: readonly Library[];
}

/** The folder as the file system knows it: absolute, links resolved. @throws UserError when it is no folder that can be read. */
export async function realFolder(folder: string): Promise<string> {
  try {
    const real = await realpath(folder);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EACCES' || code === 'EPERM') {
      const owner = foreignOwner(folder, error, OWNER_READS);
      const why = owner === null ? '' : `: ${owner}`;
      throw new UserError('folder_unreadable', `The folder ${folder} may not be read${why}.`, {
        hint: 'Give yourself permission to read it, or name another folder.',
        cause: error,
      });
    }
    if (code === 'ENAMETOOLONG') {
      throw new UserError('folder_missing', 'The name of a folder is too long for any file system.', {
        hint: 'Name an existing folder.',
        cause: error,
      });
    }
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new UserError('folder_missing', `There is no folder ${folder}.`, {
      hint: 'Check the spelling, or connect the drive it is on; nothing was removed from the index.',
      cause: error,
    });
  }
  throw new UserError('folder_expected', `${folder} is a file; index takes folders.`, {
    hint: 'Name the folder that it is in.',
  });
}

/**
 * Which library each requested root belongs to. A folder inside a known library is walked as a part of it;
 * a folder around known libraries takes them over; so no photo is ever in the index twice.
 */
export function scopesOf(roots: readonly string[], known: readonly Library[]): Scope[] {
  const names = new Set(known.map(({ name }) => name));
  return outermost(roots).map((root) => {
    const absorbs = known.filter((library) => library.root !== root && inside(root, library.root) !== null);
    for (const library of known) {
      const folder = inside(library.root, root);
      if (folder !== null) return { library, folder, isNew: false, absorbs };
    }
    const name = freeName(basename(root) || root, names);
    names.add(name);
    return { library: { id: randomUUID(), name, root }, folder: '', isNew: true, absorbs };
  });
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let n = 2; taken.has(name); n += 1) name = `${wanted}-${n}`;
  return name;
}
