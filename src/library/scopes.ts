import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { foreignOwner, OWNER_READS, systemErrorCode, UserError } from '../errors.ts';
import { hashFile } from '../files/hash.ts';
import { walkFolders } from '../photos/walk.ts';
import type { Library, PhotoIndex, PhotoStore, StoredPhoto } from '../store/port.ts';
import { elsewhere, isFrom010, isMapped, isOwn, type Machine, ownId, sharedId } from './machine.ts';
import { inside, isMounted, outermost } from './paths.ts';

/** One walk: a library, or a folder of it. */
export interface Scope {
  readonly library: Library;
  /** Relative to the library's root; "" is all of it. */
  readonly folder: string;
  readonly isNew: boolean;
  /** Libraries whose roots lie inside this walk: their photos pass over to this one. */
  readonly absorbs: readonly Library[];
  /** This machine had no folder of the library before: see `joinScope`. */
  readonly joins?: boolean;
  /** Libraries that this machine had here, of which nothing is here any more: their photos stay, without a folder. */
  readonly displaces?: readonly Library[];
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
  throw new UserError('folder_expected', `${folder} is a file, not a folder.`, {
    hint: 'Name the folder that it is in.',
  });
}

/**
 * Which library each requested root belongs to. A folder inside a known library is walked as a part of it;
 * a folder around known libraries takes them over; so no photo is ever in the index twice.
 * @param known of the store; those that are not on this machine count by their names alone
 * @param machine its id: a new folder becomes a library of this machine
 * @throws UserError `library_overlap` when a folder lies around a library that other machines may have, too
 */
export function scopesOf(
  roots: readonly string[],
  known: readonly Library[],
  { machine, kind }: { readonly machine: string; readonly kind: PhotoStore['kind'] },
): Scope[] {
  const names = new Set(known.map(({ name }) => name));
  const ids = new Set(known.map(({ id }) => id));
  return outermost(roots).map((root) => {
    for (const library of known) {
      const folder = inside(library.root, root);
      if (folder === null) continue;
      return { library, folder, isNew: false, absorbs: innerLibraries(root, library, known, { machine, kind }) };
    }
    const made = known.find(({ id }) => id === ownId(machine, root));
    if (made !== undefined && !isMounted(made)) {
      const library = { ...made, root };
      return { library, folder: '', isNew: false, absorbs: innerLibraries(root, library, known, { machine, kind }) };
    }
    const name = freeName(basename(root) || root, names);
    // Taken by a library that was made here and has been relocated since.
    const id = freeName(ownId(machine, root), ids);
    names.add(name);
    const library = { id, name, root };
    return { library, folder: '', isNew: true, absorbs: innerLibraries(root, library, known, { machine, kind }) };
  });
}

/** Libraries other than `outer` whose roots lie below `root` or are it. */
function innerLibraries(
  root: string,
  outer: Library,
  known: readonly Library[],
  { machine, kind }: { readonly machine: string; readonly kind: PhotoStore['kind'] },
): Library[] {
  const inner = known.filter((library) => library.id !== outer.id && inside(root, library.root) !== null);
  // One of the same folder that curate 0.1.0 made is there for nothing: two of its machines made it at once.
  const isTwin = (library: Library): boolean => library.root === root && isFrom010(library);
  const shared = inner.find((library) => kind !== 'lite' && !isOwn(library, machine) && !isTwin(library));
  if (shared === undefined) return inner;
  const place = shared.root === root ? `is` : `lies around ${shared.root},`;
  throw new UserError(
    'library_overlap',
    `${root} ${place} the library ${shared.name}, which other machines may have, too.`,
    {
      kind: 'refused',
      hint: 'Index the folders beside it one by one, or leave it out with --ignore and a library of its own.',
    },
  );
}

/** A library that is to be shared by its name, as a person asked for it. */
export interface Joining {
  readonly name: string;
  readonly machine: string;
  readonly index: PhotoIndex;
}

/**
 * The walk of a folder as a part of the library of a name, which is made when there is none. A library of this
 * machine that has the folder is taken over, so that its photos are not in the index twice. What `joins` is to be proved
 * again once it is held: another machine may have made it meanwhile.
 * @throws UserError `library_elsewhere`, `library_overlap`, `library_ambiguous` or `library_unproved`
 */
export async function joinScope(
  root: string,
  known: readonly Library[],
  { name, machine, index }: Joining,
): Promise<Scope> {
  const { kind } = index.store;
  const wanted = namedLibrary(known, name) ?? { id: sharedId(name), name, root };
  const isNew = !known.includes(wanted);
  demandWhole(wanted);
  if (!isNew && isMounted(wanted)) {
    const folder = inside(wanted.root, root);
    if (folder !== null) {
      return { library: wanted, folder, isNew, absorbs: innerLibraries(root, wanted, known, { machine, kind }) };
    }
    throw new UserError('library_elsewhere', `${name} is ${wanted.root} on this machine, not ${root}.`, {
      hint: `If it has moved: curate library relocate "${name}" "${root}". Else give this folder another name.`,
      kind: 'refused',
    });
  }
  const around = known.find((library) => library.root !== root && inside(library.root, root) !== null);
  if (around !== undefined) {
    throw new UserError('library_overlap', `${root} lies in the library ${around.name} (${around.root}).`, {
      hint: `Index all of it under the new name: curate index "${around.root}" --library "${name}"`,
      kind: 'refused',
    });
  }
  if (!isNew) await demandProof(index, wanted, root);
  const library = { ...wanted, root };
  const displaces: Library[] = [];
  for (const other of known) {
    if (other.root === root && other.id !== wanted.id && (await isDisplaced(index, other))) displaces.push(other);
  }
  const left = known.filter((other) => !displaces.includes(other));
  const absorbs = innerLibraries(root, library, left, { machine, kind });
  return { library, folder: '', isNew, absorbs, joins: true, displaces };
}

/** @throws UserError `library_arriving` (refused) while a library's rows are still being copied into the store */
export function demandWhole({ name, arriving }: Library): void {
  if (arriving === undefined) return;
  throw new UserError('library_arriving', `${name} is not whole: it is still being copied from ${arriving}.`, {
    hint: `Run that copy again, which continues it; or forget what has arrived: curate library remove "${name}"`,
    kind: 'refused',
  });
}

/** @throws UserError `library_ambiguous` when several have the name, none of them on this machine */
export function namedLibrary(known: readonly Library[], name: string): Library | undefined {
  const named = known.filter((library) => library.name === name);
  const best = named.find(isMounted) ?? named.find(({ id }) => id === sharedId(name)) ?? named[0];
  if (named.length < 2 || best === undefined || isMounted(best) || best.id === sharedId(name)) return best;
  throw new UserError(
    'library_ambiguous',
    `${named.length} libraries are called ${name}, none of them is on this machine.`,
    {
      hint: 'Choose another name, or ask whoever made them to index them with --library and names that differ.',
      kind: 'refused',
    },
  );
}

/** Photos of which a part must be found in a folder before it counts as a library's. */
export const SAMPLE = 20;

/** @throws UserError `library_unproved` (refused) */
export async function demandProof(index: PhotoIndex, library: Library, root: string): Promise<void> {
  const { found, asked } = await lookFor(index, library, root);
  if (isProof(found, asked)) return;
  const message = `${root} does not hold the photos of the library ${library.name}: ${found} of ${asked} were found there.`;
  throw new UserError('library_unproved', `${message} Nothing was changed.`, {
    hint: `Name the folder that holds them, or give this one a library of its own: curate index "${root}" --library OTHER-NAME`,
    kind: 'refused',
  });
}

/**
 * The libraries with those taken for being away that lie on this machine only by hearsay (of curate 0.1.0, or of the
 * person) and are not found there: the photos of one are read, by content, before anything is written to it.
 */
export async function provenLibraries(index: PhotoIndex, machine: Machine): Promise<Library[]> {
  const [libraries, roots] = await Promise.all([index.store.libraries(), machine.roots()]);
  return Promise.all(
    libraries.map(async (library) => {
      const { id, name, root } = library;
      const isHearsay = isMounted(library) && roots.get(id) !== root && existsSync(root);
      if (!isHearsay || (index.store.kind === 'lite' && !isMapped(machine, name))) return library;
      const { found, asked } = await lookFor(index, library, root);
      return isProof(found, asked) ? library : { ...library, root: elsewhere(name) };
    }),
  );
}

/** Whether any of a sample of a library's photos is where it should be on this machine, told by its bytes. */
export async function isHere(index: PhotoIndex, library: Library): Promise<boolean> {
  return (await lookFor(index, library, library.root)).found > 0;
}

/** Whether the folder of a library has none of its photos, and others: on another drive in the place of its own. */
async function isDisplaced(index: PhotoIndex, library: Library): Promise<boolean> {
  const { found, asked } = await lookFor(index, library, library.root);
  if (found > 0 || asked === 0) return false;
  const notes = { skipped: [], failed: [], unlisted: [] };
  for await (const _ of walkFolders(library.root, {}, notes)) return true;
  return false;
}

const isProof = (found: number, asked: number): boolean => found >= asked / 2;

/** How many of a sample of a library's photos are in a folder, told by their bytes. */
export async function lookFor(
  { store, table }: PhotoIndex,
  { id }: Library,
  root: string,
): Promise<{ readonly found: number; readonly asked: number }> {
  const others = await store.models();
  for (const each of [table, ...others.map(({ model }) => store.table(model))]) {
    const sample: StoredPhoto[] = [];
    // In order of id, a hash: as good as any at random.
    for await (const photo of each.photos(id)) if (sample.push(photo) === SAMPLE) break;
    if (sample.length === 0) continue;
    let found = 0;
    for (const { path, sha256, size } of sample) if (await holds(join(root, path), { sha256, size })) found += 1;
    return { found, asked: sample.length };
  }
  return { found: 0, asked: 0 };
}

async function holds(file: string, { sha256, size }: Pick<StoredPhoto, 'sha256' | 'size'>): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found?.size === size && (await hashFile(file)) === sha256;
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let n = 2; taken.has(name); n += 1) name = `${wanted}-${n}`;
  return name;
}
