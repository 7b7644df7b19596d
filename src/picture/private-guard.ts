import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PRIVATE_FILE, privateBy, type ReadRules } from '../casting/private.ts';
import { systemErrorCode, UserError } from '../errors.ts';
import type { Session } from '../library/session.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';

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

export interface GuardDeps {
  readonly world: Pick<World, 'home'>;
  readonly settings: Settings;
  /** The store is opened only when the setting has patterns: those count from the libraries' roots. */
  readonly session: Pick<Session, 'store'>;
}

/** The private rules of the settings and the disk as they stand now. @param allowed absolute files that may be sent all the same */
export async function guardNow(
  { world, settings, session }: GuardDeps,
  allowed: readonly string[],
): Promise<PrivateGuard> {
  const patterns = settings.privatePatterns ?? [];
  const libraries = patterns.length === 0 ? [] : await (await session.store()).libraries();
  return privateGuard({ patterns, roots: libraries.map(({ root }) => root), home: world.home, allowed });
}

/** @throws UserError `private` (refused) when a photo may not be sent */
export function demandPublic(guard: PrivateGuard, file: string, leaveOut?: string): void {
  const source = guard.privateBy(file);
  if (source !== null) throw privateError(file, `by ${source}`, leaveOut);
}

/** @param why a clause: "by /photos/.curateprivate" */
export function privateError(file: string, why: string, leaveOut = 'Leave it out'): UserError {
  return new UserError('private', `${file} is private (${why}): nothing was sent.`, {
    hint: `${leaveOut}, or add --allow-private "${file}" to send it all the same.`,
    kind: 'refused',
  });
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
    return statSync(file).isFile() ? rulesIn(readFileSync(file)) : 'unreadable';
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return 'unreadable';
    return isLink(file) ? 'unreadable' : null;
  }
}

/** Editors on Windows write UTF-16, with a mark in front; whatever is no text else covers its folder. */
function rulesIn(bytes: Uint8Array): ReturnType<ReadRules> {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? 'unreadable' : { text };
  } catch {
    return 'unreadable';
  }
}

/** A link that leads nowhere: somebody meant rules to be there. */
function isLink(file: string): boolean {
  try {
    return lstatSync(file).isSymbolicLink();
  } catch {
    return false;
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
