import { statSync } from 'node:fs';
import { dirname, sep } from 'node:path';

/** How a user's error ends what they asked for: it did not work, was asked for wrongly, may not be done, was stopped. */
export type ErrorKind = 'failed' | 'usage' | 'refused' | 'interrupted';

interface UserErrorOptions {
  /** The next step to take, as an imperative sentence. */
  readonly hint?: string;
  /** `failed` unless given. */
  readonly kind?: ErrorKind;
  readonly cause?: unknown;
}

/** Something the person can act on: what happened, to which file, and the next step. Shown without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** Stable, machine-readable: `store_unreachable`, `model_checksum`, ... */
  readonly code: string;
  readonly hint: string | null;
  readonly kind: ErrorKind;

  constructor(code: string, message: string, options: UserErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? null;
    this.kind = options.kind ?? 'failed';
  }
}

/** Wrong usage. */
export function usageError(message: string, hint?: string): UserError {
  return new UserError('usage', message, { kind: 'usage', ...(hint === undefined ? {} : { hint }) });
}

/** Stopped by the person; what was done so far is kept. */
export function interruptedError(message = 'Interrupted.'): UserError {
  return new UserError('interrupted', message, { kind: 'interrupted' });
}

/** Nothing can be written in curate's own `folder`: the disk is full, or it is forbidden. */
export function unwritable(folder: string, cause: unknown): UserError {
  if (['ENOSPC', 'EDQUOT'].includes(systemErrorCode(cause) ?? '')) {
    return new UserError('disk_full', `The disk is full where ${folder} is.`, {
      hint: 'Make room, and run the command again: what was indexed is kept.',
      cause,
    });
  }
  const owner = foreignOwner(folder, cause, OWNER_WRITES);
  const why = owner === null ? `cannot be written to (${messageOf(cause)})` : `cannot be written to: ${owner}`;
  return new UserError('data_unwritable', `${folder} ${why}.`, {
    hint: 'Give yourself permission to write there, or set CURATE_HOME to another folder.',
    cause,
  });
}

/**
 * A file of curate's own is there and may not be read, which is no damage.
 * @returns null when `cause` is something else than a permission that is refused
 */
export function forbidden(file: string, cause: unknown): UserError | null {
  if (!['EACCES', 'EPERM'].includes(systemErrorCode(cause) ?? '')) return null;
  const owner = foreignOwner(file, cause, OWNER_READS_FILE);
  return new UserError('data_unreadable', `${file} cannot be read: ${owner ?? 'you may not'}.`, {
    hint: 'Give yourself permission to read it, or set CURATE_HOME to another folder.',
    cause,
  });
}

/** Permission bits of a file's or folder's owner (stat(2)). */
const OWNER_READS_FILE = 0o400;
const OWNER_WRITES = 0o300;
export const OWNER_READS = 0o500;

/**
 * A clause that says whose a folder is, or the nearest one above it that exists; null unless `cause` is a permission
 * that is refused and its owner has it, so that we are not the owner. Windows has no such owners.
 */
export function foreignOwner(folder: string, cause: unknown, permission: number): string | null {
  if (!['EACCES', 'EPERM'].includes(systemErrorCode(cause) ?? '') || sep !== '/') return null;
  for (let place = folder; ; place = dirname(place)) {
    try {
      const { mode, uid } = statSync(place);
      if ((mode & permission) !== permission) return null;
      return `${place === folder ? 'it' : place} belongs to another user (user id ${uid})`;
    } catch {
      if (place === dirname(place)) return null;
    }
  }
}

/** Why the file or folder `target` could not be written, as a clause. */
export function whyUnwritten(target: string, error: unknown): string {
  const folder = dirname(target);
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `the folder ${folder} does not exist`,
    ENOTDIR: `${folder} is not a folder`,
    EACCES: `you may not write in ${folder}`,
    EPERM: `you may not write in ${folder}`,
    EROFS: `${folder} is read-only`,
    ENOSPC: 'the disk is full',
    EDQUOT: 'your quota is used up',
    EEXIST: 'a file has that name',
    EISDIR: 'a folder has that name',
    ENAMETOOLONG: 'the name is too long',
  };
  return reasons[systemErrorCode(error) ?? ''] ?? messageOf(error);
}

/** The `code` of a Node system error (`ENOENT`, ...), or null; a UserError's own code is none. */
export function systemErrorCode(error: unknown): string | null {
  const code =
    error instanceof Error && !(error instanceof UserError) ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : null;
}

/** An unknown thrown value as a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
