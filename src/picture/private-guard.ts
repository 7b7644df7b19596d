import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PRIVATE_FILE, privateBy, type ReadRules } from '../casting/private.ts';
import type { Thresholds } from '../embedding/port.ts';
import { cosine, rootCosine } from '../embedding/vector.ts';
import { messageOf, systemErrorCode, UserError } from '../errors.ts';
import type { Session } from '../library/session.ts';
import { searchVector } from '../library/vector-search.ts';
import type { Settings } from '../settings.ts';
import type { PhotoIndex } from '../store/port.ts';
import type { World } from '../world.ts';

interface GuardOptions {
  /** Patterns of the setting. */
  readonly patterns: readonly string[];
  /** Absolute roots of the libraries. */
  readonly roots: readonly string[];
  readonly home: string;
  /** Absolute files that may be sent all the same. */
  readonly allowed: readonly string[];
  /** Told of each rule file that cannot be read, with the reason as a clause; unless it throws, the whole folder is private. */
  readonly onUnreadable?: OnUnreadable;
}

type OnUnreadable = (file: string, why: string) => void;

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

/**
 * The private rules of the settings and the disk as they stand now.
 * @param allowed absolute files that may be sent all the same
 * @param onUnreadable by default what cannot be read is an error: UserError `private_unreadable` (refused)
 */
export async function guardNow(
  { world, settings, session }: GuardDeps,
  allowed: readonly string[],
  onUnreadable: OnUnreadable = refuseUnreadable,
): Promise<PrivateGuard> {
  const patterns = settings.privatePatterns ?? [];
  const { storeExists } = await import('../store/open.ts');
  const hasRoots = patterns.length > 0 && (await storeExists(settings));
  const roots = hasRoots ? (await (await session.store()).libraries()).map(({ root }) => root) : [];
  return privateGuard({ patterns, roots, home: world.home, allowed, onUnreadable });
}

function refuseUnreadable(file: string, why: string): never {
  throw new UserError('private_unreadable', `The private rules in ${file} cannot be read: ${why}. Nothing was sent.`, {
    hint: 'What they protect is not known. Make it a text file that you may read, or remove it.',
    kind: 'refused',
  });
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
export function privateGuard({ allowed, onUnreadable, ...settings }: GuardOptions): PrivateGuard {
  const letThrough = new Set(allowed.flatMap((file) => [file, realFile(file)]));
  const isAllowed = (file: string): boolean => letThrough.has(file) || letThrough.has(realFile(file));
  const read = rememberingReader(onUnreadable ?? (() => undefined));
  return {
    isAllowed,
    privateBy: (file) => {
      if (isAllowed(file)) return null;
      const real = realFile(file);
      return privateBy(file, settings, read) ?? (real === file ? null : privateBy(real, settings, read));
    },
  };
}

function rememberingReader(onUnreadable: OnUnreadable): ReadRules {
  const known = new Map<string, ReturnType<ReadRules>>();
  return (folder) => {
    let found = known.get(folder);
    if (found === undefined) {
      const file = join(folder, PRIVATE_FILE);
      const rules = readRules(file);
      if (rules !== null && 'why' in rules) onUnreadable(file, rules.why);
      found = rules !== null && 'why' in rules ? 'unreadable' : rules;
      known.set(folder, found);
    }
    return found;
  };
}

/** A rule file's text, or why it cannot be read, as a clause; null without one. */
type Read = { readonly text: string } | { readonly why: string } | null;

function readRules(file: string): Read {
  try {
    // A pipe would be waited for, a link to a device read for ever.
    return statSync(file).isFile() ? rulesIn(readFileSync(file)) : { why: 'it is no file' };
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (['EACCES', 'EPERM'].includes(code)) return { why: 'you may not read it' };
    if (!['ENOENT', 'ENOTDIR'].includes(code)) return { why: messageOf(error) };
    return isLink(file) ? { why: 'it is a link that leads nowhere' } : null;
  }
}

/** Editors on Windows write UTF-16, with a mark in front. */
function rulesIn(bytes: Uint8Array): Read {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? NO_TEXT : { text };
  } catch {
    return NO_TEXT;
  }
}

const NO_TEXT = { why: 'it is no text in UTF-8 or UTF-16' };

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

/** A photo that is about to be sent. */
interface Content {
  /** Absolute. */
  readonly file: string;
  readonly sha256: string;
  /** Unit length. */
  readonly vector: Float32Array;
}

/** What of the index is looked through first, and at most: more than that shows the same nowhere. */
const FIRST = 64;
const MOST = 16_384;

/**
 * Finds a private photo that shows the same as one that is about to be sent: a copy, or one saved again. The whole index
 * is searched, whatever the folders and days that were asked for.
 *
 * @param thresholds what is below `similar` is not looked at; what reaches `nearDuplicate` shows the same: by root cosine,
 * or, as in doubt a photo is private, by the plain one
 * @returns a clause that names the private photo; null when there is none, or the photo is allowed by name
 */
export async function privateTwin(
  index: PhotoIndex,
  photo: Content,
  { guard, thresholds }: { readonly guard: PrivateGuard; readonly thresholds: Thresholds },
): Promise<string | null> {
  if (guard.isAllowed(photo.file)) return null;
  const { nearDuplicate, similar } = thresholds;
  const others = new Set<string>();
  for (let k = FIRST; ; k = Math.min(MOST, 8 * k)) {
    const found = await searchVector(index, { vector: photo.vector, k, minScore: Math.min(similar, nearDuplicate) });
    const secret = found.filter(({ id, file }) => !others.has(id) && guard.privateBy(file) !== null);
    const copy = secret.find(({ sha256 }) => sha256 === photo.sha256);
    if (copy !== undefined) return `the same photo is ${copy.file}`;
    const rows = await index.table.rows(secret.map(({ id }) => id));
    const near = new Set(rows.filter((row) => isNear(row, photo, nearDuplicate)).map(({ id }) => id));
    const twin = secret.find(({ id }) => near.has(id));
    if (twin !== undefined) return `nearly the same photo is ${twin.file}`;
    for (const { id } of secret) others.add(id);
    if (found.length < k || k === MOST) return null;
  }
}

function isNear(one: Pick<Content, 'vector'>, other: Pick<Content, 'vector'>, nearDuplicate: number): boolean {
  return Math.max(rootCosine(one.vector, other.vector), cosine(one.vector, other.vector)) >= nearDuplicate;
}
