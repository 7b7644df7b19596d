import { createHash } from 'node:crypto';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { Library } from '../store/port.ts';

/** The primary key of a photo: sha256 of library id, NUL, relative path. */
export function photoId(library: string, path: string): string {
  return createHash('sha256').update(library).update('\0').update(path).digest('hex');
}

/** Whether this machine has the folder of a library, or had it when it last looked. */
export function isMounted({ root }: Pick<Library, 'root'>): boolean {
  return isAbsolute(root);
}

/** Where a stored photo lies on this machine: absolute and native. */
export function photoFile(library: Library, path: string): string {
  return join(library.root, ...path.split('/'));
}

/** `path` relative to `folder`, "/"-separated ("" for the folder itself); null when it lies elsewhere. */
export function inside(folder: string, path: string): string | null {
  // A library that this machine does not have has no path.
  if (!isAbsolute(folder) || !isAbsolute(path)) return null;
  const from = relative(folder, path);
  if (from === '') return '';
  if (from === '..' || from.startsWith(`..${sep}`) || isAbsolute(from)) return null;
  return from.split(sep).join('/');
}

/** Whether a relative path is `folder` or lies below it; everything lies below "". */
export function isBelow(path: string, folder: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}

/** Drops every root that lies in another of the list, so that no photo is walked twice. */
export function outermost(roots: readonly string[]): string[] {
  const distinct = [...new Set(roots)];
  return distinct.filter((root) => !distinct.some((other) => other !== root && inside(other, root) !== null));
}
