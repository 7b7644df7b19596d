import { dirname } from 'node:path';

/** What the shell learns: see the README's table of exit codes. */
export const ExitCode = { done: 0, failed: 1, usage: 2, somePhotosFailed: 3, refused: 4, interrupted: 130 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface UserErrorOptions {
  /** The next step to take, as an imperative sentence. */
  readonly hint?: string;
  readonly exit?: ExitCode;
  readonly cause?: unknown;
}

/** Something the person can act on: what happened, to which file, and the next step. Shown without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** Stable, machine-readable: `store_unreachable`, `model_checksum`, ... */
  readonly code: string;
  readonly hint: string | null;
  readonly exit: ExitCode;

  constructor(code: string, message: string, options: UserErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? null;
    this.exit = options.exit ?? ExitCode.failed;
  }
}

/** Wrong usage: exit code 2. */
export function usageError(message: string, hint?: string): UserError {
  return new UserError('usage', message, { exit: ExitCode.usage, ...(hint === undefined ? {} : { hint }) });
}

/** Stopped by the person; what was done so far is kept. */
export function interruptedError(message = 'Interrupted.'): UserError {
  return new UserError('interrupted', message, { exit: ExitCode.interrupted });
}

/** Nothing can be written in curate's own `folder`: the disk is full, or it is forbidden. */
export function unwritable(folder: string, cause: unknown): UserError {
  if (['ENOSPC', 'EDQUOT'].includes(systemErrorCode(cause) ?? '')) {
    return new UserError('disk_full', `The disk is full where ${folder} is.`, {
      hint: 'Make room, and run the command again: what was indexed is kept.',
      cause,
    });
  }
  return new UserError('data_unwritable', `${folder} cannot be written to (${messageOf(cause)}).`, {
    hint: 'Give yourself permission to write there, or set CURATE_HOME to another folder.',
    cause,
  });
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
