import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PRIVATE_FILE, privateBy, type ReadRules } from '../casting/private.ts';
import { systemErrorCode } from '../errors.ts';

interface GuardOptions {
  /** Patterns of the setting. */
  readonly patterns: readonly string[];
  /** Absolute roots of the libraries. */
  readonly roots: readonly string[];
  readonly home: string;
  /** Absolute files that may be sent all the same. */
  readonly allowed: readonly string[];
}

/** Who may be sent; paths are absolute. */
export interface PrivateGuard {
  /** By which file or setting a photo is private and may not be sent; null when it may. */
  privateBy(file: string): string | null;
  /** Whether the person named this very photo as an exception. */
  isAllowed(file: string): boolean;
}

/**
 * Rules as they stand on the disk now; each rule file is read once per guard. A photo is private when the path it was
 * found under says so, or the place where it really lies.
 */
export function privateGuard({ allowed, ...settings }: GuardOptions): PrivateGuard {
  const letThrough = new Set(allowed.flatMap((file) => [file, realFile(file)]));
  const isAllowed = (file: string): boolean => letThrough.has(file) || letThrough.has(realFile(file));
  const read = rememberingReader();
  return {
    isAllowed,
    privateBy: (file) => {
      if (isAllowed(file)) return null;
      const real = realFile(file);
      return privateBy(file, settings, read) ?? (real === file ? null : privateBy(real, settings, read));
    },
  };
}

function rememberingReader(): ReadRules {
  const known = new Map<string, ReturnType<ReadRules>>();
  return (folder) => {
    let found = known.get(folder);
    if (found === undefined) {
      found = readRules(folder);
      known.set(folder, found);
    }
    return found;
  };
}

function readRules(folder: string): ReturnType<ReadRules> {
  const file = join(folder, PRIVATE_FILE);
  try {
    // A pipe would be waited for, a link to a device read for ever.
    return statSync(file).isFile() ? { text: readFileSync(file, 'utf8') } : 'unreadable';
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '') ? null : 'unreadable';
  }
}

function realFile(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    // Not there (any more): then its bytes cannot be sent either.
    return file;
  }
}
