import { constants } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { systemErrorCode } from '../errors.ts';
import { composed } from '../files/names.ts';

/** Folders in which systems and other programs keep thumbnails, deleted files and their own affairs. */
const SYSTEM_FOLDERS = new Set(
  [
    '@eaDir',
    '@Recycle',
    '@Recently-Snapshot',
    '#recycle',
    '#snapshot',
    '$RECYCLE.BIN',
    'System Volume Information',
    'lost+found',
  ].map((name) => name.toLowerCase()),
);

/** Why a name is left out before any rule of the person's own; null when it is not. */
export function systemReason(name: string, isFolder: boolean): string | null {
  if (name.startsWith('.')) return 'hidden';
  if (!isFolder) return null;
  if (SYSTEM_FOLDERS.has(name.toLowerCase())) return 'system folder';
  return /^(trash|papierkorb)$/i.test(name) ? 'trash folder' : null;
}

/** The file in a folder that says in gitignore syntax what of the folder is left out. */
export const IGNORE_FILE = '.curateignore';

/** The rules of one file and the folder, relative to the library's root, that it governs. */
interface Rules {
  readonly folder: string;
  readonly matcher: Ignore;
}

/** Rules from the root down to one folder; the deepest file that has a say wins, as in git. */
export class IgnoreRules {
  readonly #rules: readonly Rules[];

  private constructor(rules: readonly Rules[]) {
    this.#rules = rules;
  }

  /** The rules of the library's root: `patterns` from the command line. */
  static fromPatterns(patterns: readonly string[]): IgnoreRules {
    return new IgnoreRules(
      patterns.length === 0 ? [] : [{ folder: '', matcher: ignore().add(patterns.map(composed)) }],
    );
  }

  /** These rules and those of `root/folder`'s own `.curateignore`, where it has one that can be read. */
  async enter(root: string, folder: string): Promise<IgnoreRules> {
    const file = join(root, folder, IGNORE_FILE);
    try {
      // A pipe would be waited for, a link to a device read for ever.
      if (!(await stat(file)).isFile()) return this;
      const text = await readFile(file, {
        encoding: 'utf8',
        flag: constants.O_RDONLY | (constants.O_NONBLOCK ?? 0),
      });
      return new IgnoreRules([...this.#rules, { folder, matcher: ignore().add(composed(text)) }]);
    } catch (error) {
      // A folder that cannot be looked into (its path too long, its drive failing) says so when it is listed.
      if (systemErrorCode(error) !== null) return this;
      throw error;
    }
  }

  /** Whether `path` (relative to the root, "/"-separated) is ignored. */
  ignores(path: string, isFolder: boolean): boolean {
    for (const { folder, matcher } of [...this.#rules].reverse()) {
      const relative = composed(folder === '' ? path : path.slice(folder.length + 1));
      const verdict = matcher.test(isFolder ? `${relative}/` : relative);
      if (verdict.ignored) return true;
      if (verdict.unignored) return false;
    }
    return false;
  }
}
