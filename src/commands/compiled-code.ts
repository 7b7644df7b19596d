import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeFolders } from '../files/folders.ts';

/** The file that this module is packed into, whose name changes with whatever the program is built of: see scripts/bundle.mjs. */
const BUILD = basename(import.meta.url).replace(/\.\w+$/, '');

/** Folders of builds; and those of Node's versions, which stood here before builds had theirs. */
const OURS = /^(curate-start-|v\d+\.)/;

/**
 * Where compiled code is kept, in a folder of the build that it is of: another has no use for it. The first start of a
 * build makes its own, and removes what others left. Null where that cannot be; nothing depends on it.
 */
export async function compiledCode(cache: string, build = BUILD): Promise<string | null> {
  const all = join(cache, 'code');
  const own = join(all, build);
  if (existsSync(own)) return own;
  try {
    await makeFolders(own);
    const others = (await readdir(all)).filter((name) => OURS.test(name) && name !== build);
    await Promise.all(others.map((name) => rm(join(all, name), { recursive: true, force: true })));
    return own;
  } catch {
    return null;
  }
}
