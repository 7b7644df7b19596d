import { basename, dirname, extname, join } from 'node:path';
import { composed, foldedName } from '../names.ts';

/** Files that go together: a photo, its RAW, what other programs keep beside it. Most of their names begin with `stem`. */
export interface Bundle {
  readonly stem: string;
  /** Absolute. */
  readonly files: readonly string[];
}

export interface Transfer {
  readonly from: string;
  readonly to: string;
}

/**
 * Where each file goes in `folder`. Names are kept; where one is taken the whole bundle gets the first free number
 * behind its stem ("IMG_1-2.jpg", "IMG_1-2.xmp"), so that what belongs together still does. What lies in the folder
 * already stays where it is.
 * @param taken names in the folder
 */
export function planTransfers(bundles: readonly Bundle[], folder: string, taken: Iterable<string>): Transfer[] {
  // No two may be one name where neither case nor the form of an accent counts, or one would replace the other.
  const used = new Set([...taken].map(foldedName));
  return bundles.flatMap(({ stem, files }) => {
    const moving = files.filter((file) => dirname(file) !== folder);
    const names = freeNames(
      moving.map((file) => basename(file)),
      stem,
      used,
    );
    for (const name of names) used.add(foldedName(name));
    return moving.map((from, i) => ({ from, to: join(folder, names[i] ?? basename(from)) }));
  });
}

function freeNames(names: readonly string[], stem: string, used: ReadonlySet<string>): string[] {
  for (let n = 1; ; n += 1) {
    const numbered = n === 1 ? [...names] : names.map((name) => withNumber(name, stem, n));
    if (numbered.every((name) => !used.has(foldedName(name)))) return numbered;
  }
}

/** "IMG_1.jpg.xmp" with the stem "IMG_1" becomes "IMG_1-2.jpg.xmp"; what begins otherwise is numbered before its ending. */
export function withNumber(name: string, stem: string, n: number): string {
  // Counted from the end: an accent in front may be one character or two.
  const behind = foldedName(name).startsWith(foldedName(stem))
    ? composed(name).length - composed(stem).length
    : extname(name).length;
  const at = name.length - behind;
  return `${name.slice(0, at)}-${n}${name.slice(at)}`;
}
