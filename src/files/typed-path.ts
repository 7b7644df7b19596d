import { existsSync, readdirSync } from 'node:fs';
import { join, parse, resolve, sep } from 'node:path';
import { composed } from './names.ts';

/**
 * What a path means that a person typed, absolute. File systems other than Apple's tell composed names from decomposed
 * ones, which look alike, and keyboards write the former: what is not there to the byte is the one entry of its folder that
 * has the name in another form. Where there is none, or several, it stays as it was typed.
 */
export function typedPath(cwd: string, typed: string): string {
  const path = resolve(cwd, typed);
  if (isAscii(path) || existsSync(path)) return path;
  const { root } = parse(path);
  const names = path.slice(root.length).split(sep);
  let place = root;
  for (const name of names) place = join(place, nameIn(place, name));
  return place;
}

function nameIn(folder: string, name: string): string {
  if (isAscii(name) || existsSync(join(folder, name))) return name;
  const [found, second] = entriesOf(folder).filter((entry) => composed(entry) === composed(name));
  return found === undefined || second !== undefined ? name : found;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

// Of such names there is one form.
const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
