import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The file that this module is packed into, whose name changes with whatever the program is built of: see scripts/bundle.mjs. */
const BUILD = basename(import.meta.url).replace(/\.\w+$/, '');

/** Folders of builds; and those of Node's versions, which stood here before builds had theirs. */
const OURS = /^(curate-start-|v\d+\.)/;

/**
 * Where compiled code is kept, in a folder of the build that it is of: another has no use for it. The first start of a
 * build removes what others left.
 */
export function compiledCode(cache: string, build = BUILD): string {
  const all = join(cache, 'code');
  const own = join(all, build);
  if (existsSync(own) || !existsSync(all)) return own;
  try {
    const others = readdirSync(all).filter((name) => OURS.test(name));
    for (const name of others) rmSync(join(all, name), { recursive: true, force: true });
  } catch {
    // It is the person's to write there or not; nothing depends on it.
  }
  return own;
}
